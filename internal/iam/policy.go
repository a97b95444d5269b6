package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// MaxManagedPolicy is the largest [Policy.Size] of a managed policy:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const MaxManagedPolicy = 6144

// version is the only version of the policy language that is written and read.
const version = "2012-10-17"

// Policy is an identity-based policy document. Its JSON is what AWS takes.
// [NewPolicy] and [ParsePolicy] make policies that are valid; one that is not,
// such as the zero value, allows nothing.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows or denies actions on resources while all conditions hold.
type Statement struct {
	Sid      string `json:",omitempty"`
	Effect   string // "Allow" or "Deny"
	Action   Values
	Resource Values
	// Condition holds, by operator and key, the values of which one must match.
	Condition map[string]map[string]Values `json:",omitempty"`
}

// Values is a list that in JSON may be a single string, and is when it has one
// element.
type Values []string

// MarshalJSON writes a single value without brackets, as AWS does.
func (v Values) MarshalJSON() ([]byte, error) {
	if len(v) == 1 {
		return encode(v[0]), nil
	}
	return encode([]string(v)), nil
}

// UnmarshalJSON reads a string or a list of strings.
func (v *Values) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*v = Values{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return errors.New("want a string or a list of strings")
	}
	*v = several
	return nil
}

// ParsePolicy reads a policy document. What [Policy.Allows] would not
// understand is refused: unknown operators, and elements such as NotAction and
// Principal. Statement must be a list. Members that stand twice in an object
// are not noticed: AWS itself does not take such a document.
func ParsePolicy(document []byte) (Policy, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	var p Policy
	if err := d.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("parse policy: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("parse policy: more than one document")
	}
	if err := p.validate(); err != nil {
		return Policy{}, fmt.Errorf("parse policy: %w", err)
	}
	return p, nil
}

// Size is the number of characters that count against [MaxManagedPolicy]: of
// the document without white space between its tokens. White space within
// strings is counted, as AWS does not say that it is not.
func (p Policy) Size() int { return utf8.RuneCount(encode(p)) }

// encode is json.Marshal without escapes for HTML, which AWS does not write.
// It is for strings, and lists and maps of strings: these always encode.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode policy: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

var (
	sidForm    = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	actionForm = regexp.MustCompile(`^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$`)
	keyForm    = regexp.MustCompile(`^[A-Za-z0-9-]+:[^${}]+$`)
)

func (p Policy) validate() error {
	if p.Version != version {
		return fmt.Errorf("version %q, want %q", p.Version, version)
	}
	sids := map[string]bool{}
	for i, s := range p.Statement {
		err := s.validate()
		if s.Sid != "" && sids[s.Sid] {
			err = errors.New("its Sid is not the only one")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.title(i), err)
		}
		sids[s.Sid] = true
	}
	return nil
}

func (s Statement) validate() error {
	switch {
	case !sidForm.MatchString(s.Sid):
		return errors.New("a Sid has only letters and digits")
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Errorf("effect %q, want Allow or Deny", s.Effect)
	case len(s.Action) == 0:
		return errors.New("no action")
	case len(s.Resource) == 0:
		return errors.New("no resource")
	}
	for _, action := range s.Action {
		if !actionForm.MatchString(action) {
			return fmt.Errorf("action %q, want service:Action", action)
		}
	}
	for name, keys := range s.Condition {
		op, err := parseOperator(name)
		if err != nil {
			return err
		}
		for key, values := range keys {
			if !keyForm.MatchString(key) {
				return fmt.Errorf("condition key %q, want service:Key", key)
			}
			if err := op.check(values); err != nil {
				return fmt.Errorf("condition %s of %s: %w", name, key, err)
			}
		}
	}
	return nil
}

// title is how a statement is called when it is spoken of.
func (p Policy) title(i int) string {
	if sid := p.Statement[i].Sid; sid != "" {
		return "statement " + sid
	}
	return fmt.Sprintf("statement %d", i+1)
}
