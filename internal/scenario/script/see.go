package script

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ibtypes "github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/flow"
)

// What the world looks like, in the names of the scenario.

func (s *stage) fill(text string) string {
	s.learn()
	return s.names.fill(text)
}

// shown is a text with names for ids. The ids of requests are left out: calls that
// are made in parallel get them in any order.
func (s *stage) shown(text string) string {
	s.learn()
	text = cloud.WithoutRequests(text)
	for _, a := range arns {
		text = a.form.ReplaceAllString(text, a.name)
	}
	return s.names.shown(text)
}

// arns are ARNs that say what they are of, so that a few words do, and other ids.
var arns = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`-arn arn:aws:imagebuilder:[^:/ ]+:[0-9]{12}:image-pipeline/([a-z0-9-]+)`), "-arn $1"}, // of a command
	{regexp.MustCompile(`(?:image pipeline )?arn:aws:imagebuilder:[^:/ ]+:[0-9]{12}:image-pipeline/([a-z0-9-]+)`), "pipeline $1"},
	{regexp.MustCompile(`arn:aws:imagebuilder:[^:/ ]+:[0-9]{12}:image-recipe/([a-z0-9-]+)/([0-9.x]+)`), "recipe $1 $2"},
	{regexp.MustCompile(`arn:aws:imagebuilder:[^:/ ]+:[0-9]{12}:image/([a-z0-9-]+)/([0-9.]+)/([0-9]+)`), "build $3 of $1 $2"},
	{regexp.MustCompile(`(?:arn:aws:ec2:[^:/ ]+::image|arn:aws:ec2:[^:/ ]+:[0-9]{12}:instance)/`), ""},
	{regexp.MustCompile(`\b00000000-0000-4000-8000-0{0,11}([0-9a-f]+)\b`), "#$1"}, // simulated AWS counts where AWS does not
	{regexp.MustCompile(`arn:aws:ssm:[^:/ ]+:[0-9]{12}:parameter(/[A-Za-z0-9_./-]+)`), "$1"},
}

// routes are all routes through interfaces, by table and destination.
func (s *stage) routes() map[string]string {
	found := map[string]string{}
	for _, r := range s.EC2.Routes() {
		target := cmp.Or(r.InterfaceID, r.InstanceID)
		if target == "" {
			continue
		}
		to := s.shown(target)
		if r.State == ec2types.RouteStateBlackhole {
			to += " blackhole"
		}
		found[s.shown(r.Table)+" "+r.Destination] = to
	}
	return found
}

// versions are those of all launch templates, with their images.
func (s *stage) versions() map[string]string {
	found := map[string]string{}
	for _, t := range s.EC2.Templates() {
		for _, v := range t.Versions {
			image := s.shown(v.Image)
			if v.Number == t.Default {
				image += " (default)"
			}
			found[fmt.Sprintf("%s version %d", t.Name, v.Number)] = image
		}
	}
	return found
}

// groupsShown are all groups, with the versions that they launch from, and their sizes
// if they have any.
func (s *stage) groupsShown() map[string]string {
	found := map[string]string{}
	for _, g := range s.AutoScaling.Groups() {
		if g.LaunchTemplate == nil {
			continue
		}
		line := fmt.Sprintf("version %s of %s", aws.ToString(g.LaunchTemplate.Version), s.shown(aws.ToString(g.LaunchTemplate.LaunchTemplateId)))
		if *g.MaxSize > 0 {
			line += fmt.Sprintf(", %s of %d to %d", flow.Count(int(*g.DesiredCapacity), "instance"), *g.MinSize, *g.MaxSize)
		}
		if stopped := suspended(g); len(stopped) > 0 {
			line += ", suspended: " + strings.Join(stopped, ", ")
		}
		found[aws.ToString(g.AutoScalingGroupName)] = line
	}
	return found
}

// values are those of all parameters.
func (s *stage) values() map[string]string {
	found := map[string]string{}
	for _, p := range s.SSM.Parameters() {
		found[aws.ToString(p.Name)] = s.shown(aws.ToString(p.Value))
	}
	return found
}

// pipeline is how a pipeline is.
func (s *stage) pipeline(name string) (state PipelineState) {
	builds := 0
	state.Builds = &builds
	for _, i := range s.ImageBuilder.Images() {
		if aws.ToString(i.SourcePipelineArn) == s.pipelines[name] {
			builds++
			state.Last = string(i.State.Status)
		}
	}
	all := s.ImageBuilder.Pipelines()
	at := slices.IndexFunc(all, func(p ibtypes.ImagePipeline) bool { return aws.ToString(p.Arn) == s.pipelines[name] })
	if at < 0 {
		return state
	}
	for _, r := range s.ImageBuilder.Recipes() {
		if aws.ToString(r.Arn) == aws.ToString(all[at].ImageRecipeArn) {
			state.Recipe, state.Parent = aws.ToString(r.Version), s.shown(aws.ToString(r.ParentImage))
		}
	}
	return state
}

// pipelinesShown are all pipelines, in a line each.
func (s *stage) pipelinesShown() map[string]string {
	found := map[string]string{}
	for name := range s.pipelines {
		p := s.pipeline(name)
		line := fmt.Sprintf("recipe %s from %s", p.Recipe, p.Parent)
		if p.Last != "" {
			line += fmt.Sprintf(", build %d %s", *p.Builds, p.Last)
		}
		found[name] = line
	}
	return found
}
