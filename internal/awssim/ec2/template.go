package ec2

// Launch templates. Not modelled: malformed ids and names, the operator that
// manages a template, and the quota of templates.

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type template struct {
	id, name string
	created  time.Time
	by       string
	standard int64 // the number of the default version
	last     int64 // the number given last; none is given twice
}

func (t template) key() string { return t.id }

// template is the one that a request names in one of the two ways.
func (s *state) template(id, name *string) (template, error) {
	switch {
	case id != nil && name != nil: // unverified
		return template{}, invalid("InvalidParameterCombination", "You must specify either the launch template ID or the launch template name, but not both.")
	case name != nil:
		t, ok := s.templates.first(func(t template) bool { return t.name == *name })
		if !ok { // facts/apis.md 1.3 CreateLaunchTemplateVersion
			return t, invalid("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", *name)
		}
		return t, nil
	}
	return need(&s.templates, "lt", id)
}

func (s *state) templateOut(t template) *types.LaunchTemplate {
	return &types.LaunchTemplate{
		LaunchTemplateId:     aws.String(t.id),
		LaunchTemplateName:   aws.String(t.name),
		CreateTime:           aws.Time(t.created),
		CreatedBy:            aws.String(t.by),
		DefaultVersionNumber: aws.Int64(t.standard),
		LatestVersionNumber:  aws.Int64(s.newest(t)),
		Tags:                 s.tagSet(t.id),
	}
}

func createLaunchTemplate(m *awssim.Moment, s *state, in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	plain := *in
	plain.ClientToken = nil
	id, done, err := s.once(in.ClientToken, "CreateLaunchTemplate", plain) // taken to be as for versions, facts/apis.md 1.2
	if err != nil {
		return nil, err
	}
	if !done {
		if id, err = s.newTemplate(m, in); err != nil {
			return nil, err
		}
		s.remember(in.ClientToken, "CreateLaunchTemplate", plain, id)
	}
	t, err := need(&s.templates, "lt", &id)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateLaunchTemplateOutput{LaunchTemplate: s.templateOut(t)}, nil
}

func (s *state) newTemplate(m *awssim.Moment, in *ec2.CreateLaunchTemplateInput) (string, error) {
	name := aws.ToString(in.LaunchTemplateName)
	if _, taken := s.templates.first(func(t template) bool { return t.name == name }); taken { // the code as Terraform's provider knows it, unverified
		return "", invalid("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeLaunchTemplate)
	if err != nil {
		return "", err
	}
	data, err := templateData(m, types.ResponseLaunchTemplateData{}, in.LaunchTemplateData)
	if err != nil {
		return "", err
	}
	t := template{id: m.ID("lt"), name: name, created: seconds(m), by: m.Caller(), standard: 1}
	s.addVersion(m, t, aws.ToString(in.VersionDescription), data)
	s.tag(t.id, tags[types.ResourceTypeLaunchTemplate])
	return t.id, nil
}

var templateFilters = filters[template]{
	"launch-template-name": field(func(t template) string { return t.name }),
}

func describeLaunchTemplates(m *awssim.Moment, s *state, in *ec2.DescribeLaunchTemplatesInput) (*ec2.DescribeLaunchTemplatesOutput, error) {
	ids := slices.Clone(in.LaunchTemplateIds)
	for _, name := range in.LaunchTemplateNames {
		t, err := s.template(nil, &name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, t.id)
	}
	q := listing{ids: ids, filters: in.Filters, most: in.MaxResults, token: in.NextToken, least: 1, limit: 200}
	page, next, err := list(m, s, &s.templates, "lt", q, templateFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeLaunchTemplatesOutput{NextToken: next}
	for _, t := range page {
		out.LaunchTemplates = append(out.LaunchTemplates, *s.templateOut(t))
	}
	return out, nil
}

// modifyLaunchTemplate sets the default version. A call that repeats a client
// token changes nothing, whatever has been set since (facts/apis.md 1.2). That
// "$Latest" is taken for a number is what published scripts rely on (such as
// lib:25427358056), undocumented.
func modifyLaunchTemplate(_ *awssim.Moment, s *state, in *ec2.ModifyLaunchTemplateInput) (*ec2.ModifyLaunchTemplateOutput, error) {
	t, err := s.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken = nil
	_, done, err := s.once(in.ClientToken, "ModifyLaunchTemplate", plain)
	if err != nil {
		return nil, err
	}
	if !done {
		if in.DefaultVersion == nil { // unverified
			return nil, invalid("MissingParameter", "The request must contain the parameter SetDefaultVersion")
		}
		v, err := s.version(t, *in.DefaultVersion)
		if err != nil {
			return nil, err
		}
		t.standard = v.number
		s.templates.put(t)
		s.remember(in.ClientToken, "ModifyLaunchTemplate", plain, t.id)
	}
	return &ec2.ModifyLaunchTemplateOutput{LaunchTemplate: s.templateOut(t)}, nil
}

func deleteLaunchTemplate(_ *awssim.Moment, s *state, in *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error) {
	t, err := s.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	out := &ec2.DeleteLaunchTemplateOutput{LaunchTemplate: s.templateOut(t)}
	for _, v := range s.versionsOf(t) {
		s.versions.remove(v.key())
	}
	s.templates.remove(t.id)
	s.tags.remove(t.id)
	return out, nil
}
