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

// putParameter makes a new version even of an equal value (facts/apis.md 3). One of
// an image is made later, see image.go.
func putParameter(m *awssim.Moment, s *state, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	old, exists := s.own(aws.ToString(in.Name))
	p, err := merged(m, old, exists, in)
	if err != nil {
		return nil, err
	}
	p.arn = arn(m, p.name)
	number := int64(1)
	if exists {
		number = old.newest().number + 1
	}
	if p.dataType == image {
		number += s.validate(m, p, *in.Value)
	} else {
		s.write(m, p, *in.Value)
	}
	return &ssm.PutParameterOutput{Version: number, Tier: types.ParameterTierStandard}, nil
}

// write gives a parameter its next version. All but that is as p has it, and the tags
// are its own: only a new parameter gets those of p.
func (s *state) write(m *awssim.Moment, p parameter, value string) {
	old, exists := s.own(p.name)
	number, operation := int64(1), "Create"
	if exists {
		number, operation = old.newest().number+1, "Update"
		p.tags = old.tags
	}
	p.versions = append(slices.Clone(old.versions), version{number, value, m.Now.UTC().Truncate(time.Millisecond)})
	p.versions = p.versions[max(0, len(p.versions)-maxVersions):]
	s.put(p)
	changed(m, p, operation, "")
}

// merged is a parameter as a request makes it of the old one, without its new
// version. That it keeps its description and its key if the request names none is
// unverified, as is that it does not keep its data type (both as in moto 0af643a5).
func merged(m *awssim.Moment, old parameter, exists bool, in *ssm.PutParameterInput) (parameter, error) {
	p := parameter{name: aws.ToString(in.Name), kind: in.Type, description: aws.ToString(in.Description), key: aws.ToString(in.KeyId), dataType: text}
	if in.DataType != nil {
		p.dataType = *in.DataType
	}
	if len(in.Tags) > 0 && aws.ToBool(in.Overwrite) { // lib:29026669330 has the text, lib:355456003 the rest of it
		return p, invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. " +
			"To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
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
	var err error
	if p.tags, err = tagged(nil, in.Tags); err != nil {
		return p, err
	}
	return p.checked(m, *in.Value)
}

// checked holds a parameter against the doc of PutParameterInput (the texts
// unverified).
func (p parameter) checked(m *awssim.Moment, value string) (parameter, error) {
	switch p.kind {
	case "":
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
	switch {
	case p.dataType == image && p.kind != types.ParameterTypeString:
		return p, invalid("The data type %s is for parameters of type String, not %s", image, p.kind)
	case p.dataType != text && p.dataType != image:
		return p, m.NotModelled("data type %q", p.dataType)
	}
	if n := len(value); n < 1 || n > maxValue {
		return p, invalid("Standard tier parameters support values of 1 to %d characters, not %d", maxValue, n)
	}
	return p, nil
}

func deleteParameter(m *awssim.Moment, s *state, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	i, found := find(s.parameters, aws.ToString(in.Name))
	if !found {
		return nil, missing()
	}
	p := *s.parameters[i]
	s.parameters = slices.Delete(s.parameters, i, i+1)
	changed(m, p, "Delete", "")
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
	case ofAWS(path+"/") && len(s.public) == 0:
		return nil, m.NotModelled("parameters %q of AWS", path)
	case in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > limit):
		return nil, invalid("The value %d for maxResults is not between 1 and %d", *in.MaxResults, limit)
	}
	all := s.parameters
	if ofAWS(path + "/") {
		all = s.public
	}
	var found []*parameter
	for _, p := range all {
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
