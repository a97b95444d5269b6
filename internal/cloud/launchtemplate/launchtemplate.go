// Package launchtemplate reads launch templates from EC2, with who uses which of their
// versions, deletes versions, and has groups launch from others.
//
// Callers may rely on errors that say which template it was, and that have AWS's class.
// Nothing is remembered: what was read is of one moment, and who deletes looks again.
package launchtemplate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
)

// page is the largest page of versions: fewest calls.
const page = 200

// Ref names a template by its id or else by its name.
type Ref struct{ ID, Name string }

func (r Ref) String() string { return "launch template " + cmp.Or(r.ID, r.Name) }

// Version is a version as it was read.
type Version struct {
	Number      int64
	Image       string // "" if it has none
	Type        string // of instances; "" if it has none
	Template    Ref    // both its id and its name
	Description string
	Default     bool
}

// Template is a launch template as it was read.
type Template struct {
	Ref                       // both its id and its name
	Versions        []Version // all of them, the newest first
	Default, Latest Version
}

// Numbers are those of all versions, the highest first.
func (t Template) Numbers() []int64 {
	numbers := make([]int64, len(t.Versions))
	for i, v := range t.Versions {
		numbers[i] = v.Number
	}
	return numbers
}

// Describe is a template with all its versions. The listing has several pages: while it
// goes on the default can change, so that none of them, or two, have it. That is an
// error, to be tried again.
func Describe(ctx context.Context, client *ec2.Client, r Ref) (Template, error) {
	all, err := Versions(ctx, client, r, ec2.DescribeLaunchTemplateVersionsInput{})
	if err != nil {
		return Template{}, err
	}
	t := Template{Versions: all}
	for i, v := range all {
		if i == 0 {
			t.Ref, t.Latest = v.Template, v
		}
		switch {
		case v.Default && t.Default.Number != 0:
			return Template{}, failure.Retryf("describe launch template %s: its default version changed meanwhile", t.ID)
		case v.Default:
			t.Default = v
		}
	}
	if t.Default.Number == 0 {
		return Template{}, errors.New("describe the launch template: it has no default version")
	}
	return t, nil
}

// Versions are the versions of a template that are asked for, newest first; without
// such a wish all of them.
func Versions(ctx context.Context, client *ec2.Client, r Ref, in ec2.DescribeLaunchTemplateVersionsInput) ([]Version, error) {
	if r.ID != "" {
		in.LaunchTemplateId = aws.String(r.ID)
	} else {
		in.LaunchTemplateName = aws.String(r.Name)
	}
	if len(in.Versions) == 0 {
		in.MaxResults = aws.Int32(page)
	}
	var all []Version
	pages := ec2.NewDescribeLaunchTemplateVersionsPaginator(client, &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, Missing(r, err)
		}
		for _, v := range page.LaunchTemplateVersions {
			all = append(all, VersionOf(v))
		}
	}
	slices.SortFunc(all, func(a, b Version) int { return cmp.Compare(b.Number, a.Number) })
	// A version is listed twice if it was asked for twice, as $Latest and $Default.
	return slices.CompactFunc(all, func(a, b Version) bool { return a.Number == b.Number }), nil
}

// Missing is the error of a call that describes a template. It has a hint if there is
// no such template.
func Missing(r Ref, err error) error {
	err = fmt.Errorf("describe %s: %w", r, err)
	if strings.Contains(cloud.Code(err), "NotFound") {
		return failure.WithHint(err, "check that the template exists: `aws ec2 describe-launch-templates`")
	}
	return err
}

// VersionOf is what is worth knowing of a version.
func VersionOf(v types.LaunchTemplateVersion) Version {
	version := Version{
		Number:      aws.ToInt64(v.VersionNumber),
		Template:    Ref{ID: aws.ToString(v.LaunchTemplateId), Name: aws.ToString(v.LaunchTemplateName)},
		Description: aws.ToString(v.VersionDescription),
		Default:     aws.ToBool(v.DefaultVersion),
	}
	if d := v.LaunchTemplateData; d != nil {
		version.Image, version.Type = aws.ToString(d.ImageId), string(d.InstanceType)
	}
	return version
}

// Delete deletes versions, at most 200 of them. EC2 answers for each
// (shared/facts/apis.md 1.3); one that is gone already is as good as deleted. It
// deletes what somebody uses, too: only the default is refused.
func Delete(ctx context.Context, client *ec2.Client, template string, numbers []int64) error {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = strconv.FormatInt(n, 10)
	}
	out, err := client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(template), Versions: names})
	if err != nil {
		return fmt.Errorf("delete %s of launch template %s: %w", call.Versions(names), template, err)
	}
	var problems []error
	for _, item := range out.UnsuccessfullyDeletedLaunchTemplateVersions {
		why := item.ResponseError
		if why == nil || why.Code == types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist {
			continue
		}
		problems = append(problems, failure.Retryf("delete version %d of launch template %s: %s: %s", aws.ToInt64(item.VersionNumber), template, why.Code, aws.ToString(why.Message)))
	}
	return errors.Join(problems...)
}

// Warning is what AWS says of a version that it has made and from which instances could
// not be launched; "" if nothing.
func Warning(w *types.ValidationWarning) string {
	if w == nil {
		return ""
	}
	var all []string
	for _, e := range w.Errors {
		all = append(all, aws.ToString(e.Code)+": "+aws.ToString(e.Message))
	}
	return strings.Join(all, "; ")
}
