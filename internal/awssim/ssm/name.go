package ssm

// Names of parameters. Not modelled: how long they may be.

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

func invalid(format string, args ...any) error {
	return awssim.Fail(http.StatusBadRequest, "ValidationException", format, args...)
}

// missing is the error for a parameter that there is not (facts/apis.md 3); it
// has no text (unverified).
func missing() error { return awssim.FailAs(http.StatusBadRequest, &types.ParameterNotFound{}) }

var (
	wellFormed = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$|^(/[a-zA-Z0-9_.-]+)+$`)
	reserved   = regexp.MustCompile(`(?i)^/?(aws|ssm)`)
)

const deepest = 15

// checkName holds the name of a new parameter against the rules in the doc of
// PutParameterInput (the texts are those of moto 0af643a5, unverified).
func checkName(name string) error {
	switch {
	case reserved.MatchString(name):
		return invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return invalid("Parameter name must be a fully qualified name.")
	case !wellFormed.MatchString(name):
		return invalid("Parameter name: can only include the following symbols and letters: a-zA-Z0-9_.-")
	case strings.Count(name, "/") > deepest:
		return awssim.FailAs(http.StatusBadRequest, &types.HierarchyLevelLimitExceededException{
			Message: aws.String("Hierarchy depth exceeds the maximum of 15 levels: " + name),
		})
	}
	return nil
}

// reference is what a caller asks for: "name", "name:version" or the ARN of
// either (facts/apis.md 3).
type reference struct{ name, selector string }

// refer reads a reference. The parameter of an ARN whose name has no slash of its
// own may have one in front.
func (s *state) refer(m *awssim.Moment, text string) (reference, error) {
	name := text
	if strings.HasPrefix(text, "arn:") {
		bare, ok := strings.CutPrefix(text, arn(m, ""))
		if public, found := strings.CutPrefix(text, arn(m, awsRoot)); found {
			bare, ok = awsRoot+public, true
		}
		if !ok {
			return reference{}, m.NotModelled("parameter %q of another account or region", text)
		}
		name = bare
	}
	r := reference{}
	r.name, r.selector, _ = strings.Cut(name, ":")
	if name != text {
		if _, plain := s.get(r.name); !plain {
			r.name = "/" + r.name
		}
	}
	if ofAWS(r.name) && len(s.public) == 0 {
		return reference{}, m.NotModelled("parameter %q of AWS", r.name)
	}
	return r, nil
}

// look finds what a reference means, by default the newest version. There are no
// labels, so a selector that is no number finds nothing (the texts are those of
// moto 0af643a5, unverified).
func (s *state) look(r reference) (parameter, version, error) {
	p, ok := s.get(r.name)
	if !ok {
		return p, version{}, missing()
	}
	if r.selector == "" {
		return p, p.newest(), nil
	}
	number, err := strconv.ParseInt(r.selector, 10, 64)
	for _, v := range p.versions {
		if err == nil && v.number == number {
			return p, v, nil
		}
	}
	return p, version{}, awssim.FailAs(http.StatusBadRequest, &types.ParameterVersionNotFound{
		Message: aws.String("Systems Manager could not find version " + r.selector + " of " + r.name + ". Verify the version and try again."),
	})
}
