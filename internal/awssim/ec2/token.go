package ec2

// Client tokens. Not modelled: that tokens are zonal for some calls, and that
// they expire.

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// token is a creation that was asked for with a client token.
type token struct {
	id         string // operation and client token
	parameters string
	result     string // the id of what was made
}

func (t token) key() string { return t.id }

// once looks for an earlier call with the same client token. One with other
// parameters is an error (facts/apis.md 1.2). The input comes without its
// token.
func (s *state) once(client *string, operation string, input any) (result string, done bool, err error) {
	if client == nil {
		return "", false, nil
	}
	t, ok := s.tokens.get(operation + "/" + *client)
	if !ok {
		return "", false, nil
	}
	if t.parameters != canonical(input) {
		return "", false, invalid("IdempotentParameterMismatch", "The client token '%s' was used with other parameters", *client)
	}
	return t.result, true, nil
}

// remember notes what a call with a client token made.
func (s *state) remember(client *string, operation string, input any, result string) {
	if client != nil {
		s.tokens.put(token{id: operation + "/" + aws.ToString(client), parameters: canonical(input), result: result})
	}
}

// canonical is an input as text: equal inputs have equal texts.
func canonical(input any) string {
	text, err := json.Marshal(input)
	if err != nil {
		panic(fmt.Sprintf("awssim: %T as JSON: %v", input, err))
	}
	return string(text)
}
