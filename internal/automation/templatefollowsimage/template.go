package templatefollowsimage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// ref names a template by its id or else by its name.
type ref struct{ id, name string }

func (r ref) String() string { return "launch template " + cmp.Or(r.id, r.name) }

var (
	templateID   = regexp.MustCompile(`^lt-[0-9a-f]{8,17}$`)
	templateName = regexp.MustCompile(`^[a-zA-Z0-9()./_-]{3,128}$`)
)

// resolve says which template it is. What a parameter holds is read anew each
// time, and told only once it is known to name a template: it may be a secret
// after all.
func resolve(ctx context.Context, t *turn) (ref, error) {
	c := t.Config.Template
	if c.Parameter == "" {
		return ref{c.ID, c.Name}, nil
	}
	out, err := t.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(c.Parameter), WithDecryption: aws.Bool(true)})
	if err != nil {
		err = fmt.Errorf("read parameter %s: %w", c.Parameter, err)
		switch code := cloud.Code(err); {
		case code == "ParameterNotFound":
			return ref{}, failure.WithHint(failure.As(failure.Stop, err), "create the parameter with the template's id, or name another at template.parameter")
		case code == "AccessDeniedException" && strings.Contains(err.Error(), "kms:") && c.Key == "":
			return ref{}, failure.WithHint(err, "the parameter is encrypted with a key of your own: name its ARN at template.key, and render the policy again")
		}
		return ref{}, err
	}
	value := strings.TrimSpace(aws.ToString(out.Parameter.Value))
	switch {
	case templateID.MatchString(value):
		return ref{id: value}, nil
	case templateName.MatchString(value):
		return ref{name: value}, nil
	}
	return ref{}, failure.WithHint(failure.Stopf("parameter %s holds neither the id nor the name of a launch template", c.Parameter),
		"set it to a launch template's id, such as lt-0a1b2c3d4e5f60718")
}

// templateVersion is a version as it was read.
type templateVersion struct {
	Version
	template, name string
	description    string
	standard       bool // the default
}

// describeVersions are all versions of a template, newest first.
func describeVersions(ctx context.Context, t *turn, r ref) ([]templateVersion, error) {
	return versionsLike(ctx, t, r, &ec2.DescribeLaunchTemplateVersionsInput{})
}

// versionsLike are the versions that a request chooses, newest first.
func versionsLike(ctx context.Context, t *turn, r ref, in *ec2.DescribeLaunchTemplateVersionsInput) ([]templateVersion, error) {
	if in.LaunchTemplateId = nil; r.id != "" {
		in.LaunchTemplateId = aws.String(r.id)
	} else {
		in.LaunchTemplateName = aws.String(r.name)
	}
	if len(in.Versions) == 0 {
		in.MaxResults = aws.Int32(200)
	}
	var all []templateVersion
	pages := ec2.NewDescribeLaunchTemplateVersionsPaginator(t.AWS.EC2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, describeFailed(r, err)
		}
		for _, v := range page.LaunchTemplateVersions {
			all = append(all, versionOf(v))
		}
	}
	slices.SortFunc(all, func(a, b templateVersion) int { return cmp.Compare(b.Number, a.Number) })
	// A version is listed twice if it was asked for twice, as $Latest and $Default.
	return slices.CompactFunc(all, func(a, b templateVersion) bool { return a.Number == b.Number }), nil
}

func describeFailed(r ref, err error) error {
	err = fmt.Errorf("describe %s: %w", r, err)
	if strings.Contains(cloud.Code(err), "NotFound") {
		return failure.WithHint(err, "check that the template exists: `aws ec2 describe-launch-templates`")
	}
	return err
}

func versionOf(v types.LaunchTemplateVersion) templateVersion {
	version := templateVersion{
		Version:     Version{Number: aws.ToInt64(v.VersionNumber)},
		template:    aws.ToString(v.LaunchTemplateId),
		name:        aws.ToString(v.LaunchTemplateName),
		description: aws.ToString(v.VersionDescription),
		standard:    aws.ToBool(v.DefaultVersion),
	}
	if v.LaunchTemplateData != nil {
		version.Image = aws.ToString(v.LaunchTemplateData.ImageId)
	}
	return version
}

// foundIn is the template to which versions belong. The listing has several pages:
// while it goes on the default can change, so that none of them, or two, have it.
func foundIn(all []templateVersion) (Found, error) {
	var f Found
	for i, v := range all {
		if i == 0 {
			f = Found{ID: v.template, Name: v.name, Latest: v.Version}
		}
		switch {
		case v.standard && f.Default.Number != 0:
			return Found{}, failure.Retryf("describe launch template %s: its default version changed meanwhile", f.ID)
		case v.standard:
			f.Default = v.Version
		}
	}
	if f.Default.Number == 0 {
		return Found{}, errors.New("describe the launch template: it has no default version")
	}
	return f, nil
}

// describeTags says why a template is not to be touched: it lacks a tag.
func describeTags(ctx context.Context, t *turn, r ref) (unfit string, err error) {
	in := &ec2.DescribeLaunchTemplatesInput{}
	if r.id != "" {
		in.LaunchTemplateIds = []string{r.id}
	} else {
		in.LaunchTemplateNames = []string{r.name}
	}
	out, err := t.AWS.EC2.DescribeLaunchTemplates(ctx, in)
	if err != nil {
		return "", describeFailed(r, err)
	}
	has := map[string]string{}
	for _, found := range out.LaunchTemplates {
		for _, tag := range found.Tags {
			has[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	for k, v := range t.Config.Template.Tags {
		if got, ok := has[k]; !ok || got != v {
			return fmt.Sprintf("is not touched: it does not have the tags %s", tagText(t.Config.Template.Tags)), nil
		}
	}
	return "", nil
}

func numbersIn(all []templateVersion) []int64 {
	numbers := make([]int64, len(all))
	for i, v := range all {
		numbers[i] = v.Number
	}
	return numbers
}

// holdersIn says which of all versions, newest first, have one of the images.
func holdersIn(run automation.Identity, all []templateVersion, images []Image) []Holder {
	var holders []Holder
	for _, i := range images {
		h := Holder{Image: i.ID}
		for _, v := range all {
			if v.Image != i.ID {
				continue
			}
			h.Version = max(h.Version, v.Number)
			if strings.HasPrefix(v.description, signature(run)) {
				h.Ours = max(h.Ours, v.Number)
			}
		}
		if h.Version > 0 {
			holders = append(holders, h)
		}
	}
	return holders
}

// A version of a launch template has no tags: its description says who made it.

// signature begins the description of every version that an automation makes.
func signature(run automation.Identity) string {
	return fmt.Sprintf("drover %s/%s run ", run.Fleet, run.Automation)
}

// signed begins the description of every version that a run makes.
func signed(run automation.Identity) string { return signature(run) + run.ID + ":" }

// describe is the description of a version.
func describe(run automation.Identity, image string, source int64) string {
	return fmt.Sprintf("%s %s, made from version %d", signed(run), image, source)
}
