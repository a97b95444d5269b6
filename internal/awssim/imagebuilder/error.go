package imagebuilder

// Errors and client tokens. Not modelled: that tokens expire.

import (
	"encoding/json"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

// missing is the error for what is not there, of operations that do not model it
// (facts/apis.md 5); texts are unverified.
func missing(arn string) error {
	return awssim.Fail(http.StatusNotFound, "ResourceNotFoundException", "The resource '%s' could not be found.", arn)
}

// missingTyped is [missing], of operations that model it (facts/apis.md 11).
func missingTyped(arn string) error {
	return awssim.FailAs(http.StatusNotFound, &types.ResourceNotFoundException{Message: aws.String("The resource '" + arn + "' could not be found.")})
}

func refused(text string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.InvalidRequestException{Message: aws.String(text)})
}

// CallRateLimitExceeded is the answer, to be injected, to too many calls. The SDK does
// not repeat it by itself (facts/apis.md 0 rule 4).
func CallRateLimitExceeded() error {
	return awssim.FailAs(http.StatusTooManyRequests, &types.CallRateLimitExceededException{Message: aws.String("Rate exceeded")})
}

// token is a call that was made with a client token.
type token struct {
	parameters string
	result     string // the ARN that it returned
}

// once looks for an earlier call with the same client token. One with other
// parameters is an error (facts/apis.md 5). The input comes without its token.
func (s *state) once(client *string, operation string, input any) (result string, done bool, err error) {
	const longest = 64
	if n := len(aws.ToString(client)); n < 1 || n > longest { // the error unverified
		return "", false, refused("The value supplied for parameter 'clientToken' is not valid.")
	}
	t, ok := s.tokens[operation+" "+*client]
	if ok && t.parameters != canonical(input) {
		return "", false, awssim.FailAs(http.StatusBadRequest, &types.IdempotentParameterMismatchException{
			Message: aws.String("The client token '" + *client + "' was used with other parameters."),
		})
	}
	return t.result, ok, nil
}

func (s *state) remember(client *string, operation string, input any, result string) {
	s.tokens[operation+" "+*client] = token{canonical(input), result}
}

// canonical is an input as text: equal inputs have equal texts.
func canonical(input any) string {
	text, err := json.Marshal(input)
	mustBe(err, "an input as JSON")
	return string(text)
}
