package ssm

// Parameters: set, read, deleted. Not modelled: TooManyUpdates (tests inject it),
// how many parameters there may be, filters by path.

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

const (
	maxVersions = 100  // facts/apis.md 3
	maxValue    = 4096 // doc of PutParameterInput, the standard tier
	defaultKey  = "alias/aws/ssm"
)

// putParameter makes a new version even of an equal value (facts/apis.md 3).
func putParameter(m *awssim.Moment, s *state, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	if t := aws.ToString(in.DataType); t != "" && t != "text" {
		return nil, m.NotModelled("data type %q", t)
	}
	old, exists := s.get(aws.ToString(in.Name))
	p, err := merged(old, exists, in)
	if err != nil {
		return nil, err
	}
	p.arn = arn(m, p.name)
	number, operation := int64(1), "Create"
	if exists {
		number, operation = old.newest().number+1, "Update"
	}
	p.versions = append(slices.Clone(old.versions), version{number, *in.Value, m.Now.UTC().Truncate(time.Millisecond)})
	p.versions = p.versions[max(0, len(p.versions)-maxVersions):]
	s.put(p)
	changed(m, p, operation)
	return &ssm.PutParameterOutput{Version: number, Tier: types.ParameterTierStandard}, nil
}

// merged is a parameter as a request makes it of the old one, without its new
// version. That it keeps its description and its key if the request names none is
// unverified.
func merged(old parameter, exists bool, in *ssm.PutParameterInput) (parameter, error) {
	p := parameter{name: aws.ToString(in.Name), kind: in.Type, description: aws.ToString(in.Description), key: aws.ToString(in.KeyId)}
	if exists {
		switch {
		case !aws.ToBool(in.Overwrite): // facts/apis.md 3
			return p, awssim.FailAs(http.StatusBadRequest, &types.ParameterAlreadyExists{
				Message: aws.String("The parameter already exists. To overwrite this value, set the overwrite option in the request to true."),
			})
		case p.kind != "" && p.kind != old.kind: // doc of the exception
			return p, awssim.FailAs(http.StatusBadRequest, &types.HierarchyTypeMismatchException{
				Message: aws.String("The parameter " + p.name + " is of type " + string(old.kind) + ", which cannot be changed"),
			})
		}
		p.kind = old.kind
		if in.Description == nil {
			p.description = old.description
		}
		if in.KeyId == nil {
			p.key = old.key
		}
	} else if err := checkName(p.name); err != nil {
		return p, err
	}
	switch p.kind {
	case "": // doc of PutParameterInput, as is what follows; the texts unverified
		return p, invalid("A parameter type is required when you create a parameter.")
	case types.ParameterTypeString, types.ParameterTypeStringList:
		if p.key != "" {
			return p, invalid("KeyId is required for SecureString type parameter only.")
		}
	case types.ParameterTypeSecureString:
		if p.key == "" {
			p.key = defaultKey
		}
	default:
		return p, awssim.FailAs(http.StatusBadRequest, &types.UnsupportedParameterType{Message: aws.String("The parameter type is not supported: " + string(p.kind))})
	}
	if n := len(*in.Value); n < 1 || n > maxValue {
		return p, invalid("Standard tier parameters support values of 1 to %d characters, not %d", maxValue, n)
	}
	return p, nil
}

func deleteParameter(m *awssim.Moment, s *state, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	i, found := s.find(aws.ToString(in.Name))
	if !found {
		return nil, missing()
	}
	p := *s.parameters[i]
	s.parameters = slices.Delete(s.parameters, i, i+1)
	changed(m, p, "Delete")
	return &ssm.DeleteParameterOutput{}, nil
}

func getParameter(m *awssim.Moment, s *state, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	r, err := s.refer(m, aws.ToString(in.Name))
	if err != nil {
		return nil, err
	}
	p, v, err := s.look(r)
	if err != nil {
		return nil, err
	}
	out := p.out(v, r.selector, aws.ToBool(in.WithDecryption))
	return &ssm.GetParameterOutput{Parameter: &out}, nil
}

// getParameters answers in the order of names, and lists what it did not find
// (doc of the input and output; the error unverified).
func getParameters(m *awssim.Moment, s *state, in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	const most = 10
	if n := len(in.Names); n < 1 || n > most {
		return nil, invalid("%d names were given, 1 to %d can be", n, most)
	}
	out := &ssm.GetParametersOutput{}
	for _, name := range in.Names {
		r, err := s.refer(m, name)
		if err != nil {
			return nil, err
		}
		p, v, err := s.look(r)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, p.out(v, r.selector, aws.ToBool(in.WithDecryption)))
	}
	slices.SortStableFunc(out.Parameters, func(a, b types.Parameter) int { return strings.Compare(*a.Name, *b.Name) })
	return out, nil
}

// getParametersByPath finds what is below a path, by default one level of it (doc
// of the input; the errors unverified).
func getParametersByPath(m *awssim.Moment, s *state, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	const limit = 10
	path := aws.ToString(in.Path)
	switch {
	case !strings.HasPrefix(path, "/"):
		return nil, invalid("The parameter path must begin with a slash: %s", path)
	case strings.HasPrefix(path, "/aws/"):
		return nil, m.NotModelled("parameters %q of AWS", path)
	case in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > limit):
		return nil, invalid("The value %d for maxResults is not between 1 and %d", *in.MaxResults, limit)
	}
	var found []*parameter
	for _, p := range s.parameters {
		below, ok := strings.CutPrefix(p.name, strings.TrimSuffix(path, "/")+"/")
		if ok && (aws.ToBool(in.Recursive) || !strings.Contains(below, "/")) {
			found = append(found, p)
		}
	}
	page, next, err := awssim.Page(m, found, func(p *parameter) string { return p.name }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParametersByPathOutput{NextToken: next}
	for _, p := range page {
		out.Parameters = append(out.Parameters, p.out(p.newest(), "", aws.ToBool(in.WithDecryption)))
	}
	return out, nil
}
