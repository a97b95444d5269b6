package parameterfollowsplatform

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/cloud"
)

// observePlatform looks at a pinned platform version, and at whether its branch
// has a newer one.
func observePlatform(ctx context.Context, t *turn, s *State) error {
	arn := t.Config.Source.Platform
	v, err := describeVersion(ctx, t, arn)
	switch {
	case cloud.Code(err) == "InvalidParameterValue":
		s.Missing = fmt.Sprintf("Elastic Beanstalk does not know %s; check its region and its number: aws elasticbeanstalk list-platform-versions", arn)
		return nil
	case err != nil:
		return err
	}
	of, err := candidateOf(ctx, t, v)
	if err != nil {
		return err
	}
	s.Candidates = []Candidate{of}
	s.Branch = Branch{Name: aws.ToString(v.PlatformBranchName), State: aws.ToString(v.PlatformBranchLifecycleState)}
	if s.Branch.Name == "" { // one of one's own
		return nil
	}
	versions, err := listVersions(ctx, t, s.Branch.Name)
	if err != nil {
		return err
	}
	newest := slices.IndexFunc(versions, func(v types.PlatformSummary) bool { return v.PlatformStatus == statusReady })
	if newest >= 0 {
		if number := aws.ToString(versions[newest].PlatformVersion); compareVersions(number, aws.ToString(v.PlatformVersion)) > 0 {
			s.Branch.Newest = number
		}
	}
	return nil
}

// observeBranch looks at the versions of a branch, the newest first, until one
// settles what is to be published.
func observeBranch(ctx context.Context, t *turn, s *State) error {
	branch := t.Config.Source.Branch
	versions, err := listVersions(ctx, t, branch)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		s.Missing = fmt.Sprintf("platform branch %s has no versions; check its name: aws elasticbeanstalk list-platform-branches", branch)
		return nil
	}
	s.Branch = Branch{Name: branch, State: aws.ToString(versions[0].PlatformBranchLifecycleState)}
	for _, v := range versions[:min(len(versions), maxCandidates)] {
		of := Candidate{Name: versionName(aws.ToString(v.PlatformVersion), branch), Status: string(v.PlatformStatus)}
		if v.PlatformStatus == statusReady {
			described, err := describeVersion(ctx, t, aws.ToString(v.PlatformArn))
			if err != nil {
				return err
			}
			if of, err = candidateOf(ctx, t, described); err != nil {
				return err
			}
		}
		s.Candidates = append(s.Candidates, of)
		if t.Config.settles(of, s.Parameter.Value, s.Observed) {
			break
		}
	}
	return nil
}

// listVersions are all versions of a branch, the newest first: what the API itself
// calls the latest may not be ready, and its order is that of texts.
func listVersions(ctx context.Context, t *turn, branch string) ([]types.PlatformSummary, error) {
	var all []types.PlatformSummary
	pages := elasticbeanstalk.NewListPlatformVersionsPaginator(t.AWS.ElasticBeanstalk, &elasticbeanstalk.ListPlatformVersionsInput{
		Filters: []types.PlatformFilter{{Type: aws.String("PlatformBranchName"), Operator: aws.String("="), Values: []string{branch}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the versions of platform branch %s: %w", branch, err)
		}
		all = append(all, page.PlatformSummaryList...)
	}
	slices.SortFunc(all, func(a, b types.PlatformSummary) int {
		return cmp.Or(
			compareVersions(aws.ToString(b.PlatformVersion), aws.ToString(a.PlatformVersion)),
			strings.Compare(aws.ToString(a.PlatformArn), aws.ToString(b.PlatformArn)),
		)
	})
	return all, nil
}

func describeVersion(ctx context.Context, t *turn, arn string) (*types.PlatformDescription, error) {
	out, err := t.AWS.ElasticBeanstalk.DescribePlatformVersion(ctx, &elasticbeanstalk.DescribePlatformVersionInput{PlatformArn: aws.String(arn)})
	if err != nil {
		return nil, fmt.Errorf("describe platform version %s: %w", platformOf(arn), err)
	}
	if out.PlatformDescription == nil {
		return nil, fmt.Errorf("describe platform version %s: AWS describes nothing", platformOf(arn))
	}
	return out.PlatformDescription, nil
}

// candidateOf is a platform version with its images. AWS lists one for every
// virtualisation type, without an id where there is none, and says nothing of
// architectures: EC2 does.
func candidateOf(ctx context.Context, t *turn, v *types.PlatformDescription) (Candidate, error) {
	arn := aws.ToString(v.PlatformArn)
	of := Candidate{Name: versionName(aws.ToString(v.PlatformVersion), platformOf(arn).name), Origin: arn}
	if v.PlatformStatus != statusReady {
		of.Status = string(v.PlatformStatus)
		return of, nil
	}
	listed := map[string]string{} // virtualisation types by id
	for _, i := range v.CustomAmiList {
		if id := aws.ToString(i.ImageId); id != "" {
			listed[id] = virtualizationOf(aws.ToString(i.VirtualizationType))
		}
	}
	var err error
	of.Images, err = describeImages(ctx, t, listed)
	return of, err
}

func versionName(number, branch string) string { return "version " + number + " of " + branch }

// virtualizationOf is EC2's word for Elastic Beanstalk's.
func virtualizationOf(word string) string {
	if word = strings.ToLower(word); word == "pv" {
		return string(Paravirtual)
	}
	return word
}

// observeSource looks at the parameter that names the image. The recommended
// image of ECS and others is in JSON, among other things.
func observeSource(ctx context.Context, t *turn, s *State) error {
	name := t.Config.Source.Parameter
	out, err := t.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	switch {
	case cloud.Code(err) == "ParameterNotFound":
		s.Missing = fmt.Sprintf("there is no parameter %s in this region; check its name: aws ssm get-parameter --name %s", name, name)
		return nil
	case err != nil:
		return fmt.Errorf("read parameter %s: %w", name, err)
	}
	id := strings.TrimSpace(aws.ToString(out.Parameter.Value))
	var recommended struct {
		Image string `json:"image_id"`
	}
	if strings.HasPrefix(id, "{") && json.Unmarshal([]byte(id), &recommended) == nil {
		id = recommended.Image
	}
	if !likeImage.MatchString(id) {
		s.Missing = fmt.Sprintf("parameter %s, a %s, holds no image id", name, out.Parameter.Type)
		return nil
	}
	of := Candidate{Name: "parameter " + name, Origin: name}
	if of.Images, err = describeImages(ctx, t, map[string]string{id: ""}); err != nil {
		return err
	}
	s.Candidates = []Candidate{of}
	return nil
}
