package ec2

// The versions of launch templates. Not modelled: the warning about data that
// could not be launched, images that are named by a parameter (ResolveAlias), and
// snapshots that a version shares with its source.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const (
	maxVersions       = 10_000 // of one template (facts/apis.md 1.3 CreateLaunchTemplateVersion)
	maxVersionsDelete = 200    // at once (facts/apis.md 1.3 DeleteLaunchTemplateVersions)

	latestVersion  = "$Latest"
	defaultVersion = "$Default"
)

type templateVersion struct {
	template    string
	number      int64
	description string
	created     time.Time
	by          string
	data        types.ResponseLaunchTemplateData // its pointers are not written through
}

func (v templateVersion) key() string { return versionKey(v.template, v.number) }

// versionKey sorts the versions of a template newest first, as they are listed
// (facts/apis.md 1.3 DescribeLaunchTemplateVersions).
func versionKey(template string, number int64) string {
	return fmt.Sprintf("%s/%019d", template, math.MaxInt64-number)
}

// versionsOf are a template's versions, newest first.
func (s *state) versionsOf(t template) []templateVersion {
	return s.versions.all(func(v templateVersion) bool { return v.template == t.id })
}

// newest is the highest number that a template's versions have. That it goes
// down when the newest version is deleted is unverified.
func (s *state) newest(t template) int64 {
	v, _ := s.versions.first(func(v templateVersion) bool { return v.template == t.id })
	return v.number
}

// version is the one that a number or an alias names.
func (s *state) version(t template, name string) (templateVersion, error) {
	var number int64
	switch name {
	case latestVersion:
		number = s.newest(t)
	case defaultVersion:
		number = t.standard
	default:
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil { // unverified
			return templateVersion{}, invalid("InvalidParameterValue", "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.")
		}
		number = n
	}
	v, ok := s.versions.get(versionKey(t.id, number))
	if !ok { // facts/apis.md 1.3 CreateLaunchTemplateVersion
		return v, invalid("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %s for the launch template with ID %s.", name, t.id)
	}
	return v, nil
}

// addVersion gives a template its next version.
func (s *state) addVersion(m *awssim.Moment, t template, description string, data types.ResponseLaunchTemplateData) templateVersion {
	t.last++
	s.templates.put(t)
	v := templateVersion{template: t.id, number: t.last, description: description, created: seconds(m), by: m.Caller(), data: data}
	s.versions.put(v)
	return v
}

func (s *state) versionOut(v templateVersion) *types.LaunchTemplateVersion {
	t, _ := s.templates.get(v.template)
	out := &types.LaunchTemplateVersion{
		LaunchTemplateId:   aws.String(t.id),
		LaunchTemplateName: aws.String(t.name),
		VersionNumber:      aws.Int64(v.number),
		DefaultVersion:     aws.Bool(v.number == t.standard),
		CreateTime:         aws.Time(v.created),
		CreatedBy:          aws.String(v.by),
		LaunchTemplateData: copyData(v.data),
	}
	if v.description != "" {
		out.VersionDescription = aws.String(v.description)
	}
	return out
}

// createLaunchTemplateVersion checks next to nothing of the data: bad values
// appear only at launch (facts/apis.md 1.3). What it answers to the client token
// of a version that has been deleted is unverified.
func createLaunchTemplateVersion(m *awssim.Moment, s *state, in *ec2.CreateLaunchTemplateVersionInput) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	t, err := s.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken = nil
	number, done, err := s.once(in.ClientToken, "CreateLaunchTemplateVersion", plain) // facts/apis.md 1.2
	if err != nil {
		return nil, err
	}
	if done {
		v, err := s.version(t, number)
		if err != nil {
			return nil, err
		}
		return &ec2.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: s.versionOut(v)}, nil
	}
	var source types.ResponseLaunchTemplateData
	if in.SourceVersion != nil {
		v, err := s.version(t, *in.SourceVersion)
		if err != nil {
			return nil, err
		}
		source = withoutSnapshots(v.data)
	}
	data, err := templateData(m, source, in.LaunchTemplateData)
	if err != nil {
		return nil, err
	}
	if len(s.versionsOf(t)) >= s.maxVersions {
		return nil, invalid("MaxTemplateVersionLimitExceeded", "The maximum number of versions of the launch template %s is %d.", t.id, s.maxVersions)
	}
	v := s.addVersion(m, t, aws.ToString(in.VersionDescription), data)
	s.remember(in.ClientToken, "CreateLaunchTemplateVersion", plain, strconv.FormatInt(v.number, 10))
	return &ec2.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: s.versionOut(v)}, nil
}

var versionFilters = filters[templateVersion]{
	"image-id":      field(func(v templateVersion) string { return aws.ToString(v.data.ImageId) }),
	"instance-type": field(func(v templateVersion) string { return string(v.data.InstanceType) }),
	"is-default-version": func(s *state, v templateVersion) []string {
		t, _ := s.templates.get(v.template)
		return []string{strconv.FormatBool(v.number == t.standard)}
	},
}

func describeLaunchTemplateVersions(m *awssim.Moment, s *state, in *ec2.DescribeLaunchTemplateVersionsInput) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	q := listing{filters: in.Filters, most: in.MaxResults, token: in.NextToken, least: 1, limit: 200, bare: true}
	if err := q.check(); err != nil {
		return nil, err
	}
	asked, err := s.asked(in)
	if err != nil {
		return nil, err
	}
	pass, err := matcher(m, s, q, versionFilters)
	if err != nil {
		return nil, err
	}
	page, next, err := awssim.Page(m, asked.all(pass), templateVersion.key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeLaunchTemplateVersionsOutput{NextToken: next}
	for _, v := range page {
		out.LaunchTemplateVersions = append(out.LaunchTemplateVersions, *s.versionOut(v))
	}
	return out, nil
}

// asked are the versions that a listing is about: of one template those named or
// all in a range, of all templates the latest, the default ones or both. That the
// ends of the range are part of it is unverified.
func (s *state) asked(in *ec2.DescribeLaunchTemplateVersionsInput) (table[templateVersion], error) {
	var asked table[templateVersion]
	if in.LaunchTemplateId == nil && in.LaunchTemplateName == nil {
		return s.everywhere(in.Versions)
	}
	t, err := s.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return asked, err
	}
	for _, name := range in.Versions {
		v, err := s.version(t, name)
		if err != nil {
			return asked, err
		}
		asked.put(v)
	}
	if len(in.Versions) > 0 {
		if in.MinVersion != nil || in.MaxVersion != nil { // unverified
			return asked, invalid("InvalidParameterCombination", "Versions cannot be used with MinVersion and MaxVersion")
		}
		return asked, nil
	}
	lowest, err := versionNumber(in.MinVersion, 1)
	if err != nil {
		return asked, err
	}
	highest, err := versionNumber(in.MaxVersion, math.MaxInt64)
	if err != nil {
		return asked, err
	}
	for _, v := range s.versionsOf(t) {
		if lowest <= v.number && v.number <= highest {
			asked.put(v)
		}
	}
	return asked, nil
}

func versionNumber(text *string, otherwise int64) (int64, error) {
	if text == nil {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil { // unverified
		return 0, invalid("InvalidParameterValue", "Invalid launch template version: %s", *text)
	}
	return n, nil
}

func (s *state) everywhere(aliases []string) (table[templateVersion], error) {
	var asked table[templateVersion]
	if len(aliases) == 0 || slices.ContainsFunc(aliases, func(a string) bool { return !strings.HasPrefix(a, "$") }) { // doc of ec2 DescribeLaunchTemplateVersionsInput.Versions; the code unverified
		return asked, invalid("MissingParameter", "The request must contain a launch template ID or name, or versions $Latest or $Default only")
	}
	for _, t := range s.templates.rows {
		for _, alias := range aliases {
			v, err := s.version(*t, alias)
			if err != nil {
				return asked, err
			}
			asked.put(v)
		}
	}
	return asked, nil
}

// deleteLaunchTemplateVersions answers for each version (facts/apis.md 1.3). A
// version that groups or instances still use is deleted like any other (GH
// aws/aws-cli#8892). The code for the default version is unverified: of those
// there are, no other fits.
func deleteLaunchTemplateVersions(m *awssim.Moment, s *state, in *ec2.DeleteLaunchTemplateVersionsInput) (*ec2.DeleteLaunchTemplateVersionsOutput, error) {
	t, err := s.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	if len(in.Versions) > maxVersionsDelete { // the code unverified
		return nil, invalid("InvalidParameterValue", "At most %d launch template versions can be deleted at once", maxVersionsDelete)
	}
	numbers := make([]int64, len(in.Versions))
	for i, text := range in.Versions {
		if numbers[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, m.NotModelled("version %q", text)
		}
	}
	out := &ec2.DeleteLaunchTemplateVersionsOutput{}
	for _, number := range numbers {
		key := versionKey(t.id, number)
		_, found := s.versions.get(key)
		if found && number != t.standard {
			s.versions.remove(key)
			out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions, types.DeleteLaunchTemplateVersionsResponseSuccessItem{
				LaunchTemplateId: aws.String(t.id), LaunchTemplateName: aws.String(t.name), VersionNumber: aws.Int64(number),
			})
			continue
		}
		why := types.ResponseError{Code: types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist, Message: aws.String("The specified launch template version does not exist.")}
		if found {
			why = types.ResponseError{Code: types.LaunchTemplateErrorCodeUnexpectedError, Message: aws.String("The default version of a launch template cannot be deleted.")}
		}
		out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions, types.DeleteLaunchTemplateVersionsResponseErrorItem{
			LaunchTemplateId: aws.String(t.id), LaunchTemplateName: aws.String(t.name), VersionNumber: aws.Int64(number), ResponseError: &why,
		})
	}
	return out, nil
}
