package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// The parameter of stages with a pipeline, and the names of what there is.
const (
	baseParameter = "/golden/windows/base"
	recipeName    = "windows"
	pipelineName  = "golden-windows"
)

// Studio is what stories about Image Builder are about. They play on simulated AWS
// only.
type Studio struct {
	*simimagebuilder.Service
	// Pipeline and Recipe are ARNs. The recipe is version 1.0.0.
	Pipeline, Recipe string
	// Base is the parent of the recipe, and Newer one that is to take its place.
	Base, Newer string
}

// Studio makes a pipeline that uses everything the SDK has, and a parameter with the
// parent image of its recipe. Options, if there are any, edit the two before.
func (s *Stage) Studio(edit ...func(*imagebuilder.CreateImageRecipeInput, *types.ImagePipeline)) *Studio {
	w := s.simulated()
	st := &Studio{Service: w.ImageBuilder}
	s.Set(Layout{})
	st.Base, st.Newer = s.Parent("base-1"), s.Parent("base-2")
	s.Value(st.Base)
	recipe := simimagebuilder.EveryRecipeField(recipeName, st.Base)
	pipeline := simimagebuilder.EveryPipelineField(pipelineName, "")
	for _, e := range edit {
		e(recipe, &pipeline)
	}
	s.try("make a recipe and a pipeline", func() (err error) {
		if st.Recipe, err = st.AddRecipe(recipe); err != nil {
			return err
		}
		switch wild := aws.ToString(pipeline.ImageRecipeArn); {
		case pipeline.ContainerRecipeArn != nil:
			pipeline.ImageRecipeArn = nil
		default:
			pipeline.ImageRecipeArn = aws.String(strings.TrimSuffix(st.Recipe, "1.0.0") + cmp.Or(wild, "1.0.0"))
		}
		st.Pipeline, err = st.AddPipeline(pipeline)
		return err
	})
	return st
}

// simulated is the world of a story that plays on simulated AWS only.
func (s *Stage) simulated() *Simulated { return s.World.(*Simulated) }

// Parent is an AMI that can be a parent image.
func (s *Stage) Parent(name string) (id string) {
	s.try("make image "+name, func() error {
		id = s.simulated().EC2.AddImage(simec2.Image{Name: name})
		return nil
	})
	return id
}

// Value gives the parameter its value and returns the event.
func (s *Stage) Value(value string) (told event.Event) {
	s.try("set the parameter to "+value, func() error {
		w := s.simulated()
		w.Take()
		if err := w.SSM.Set(baseParameter, value, ssmtypes.ParameterTypeString); err != nil {
			return err
		}
		return w.until(s.ctx, "the change of the parameter is not told", func(e event.Event) (bool, error) {
			_, ok, err := event.AsParameterChange(e)
			told = e
			return ok, err
		})
	})
	return told
}

// Ended waits until a build has ended and returns the event.
func (s *Stage) Ended(image string) (told event.Event) {
	s.try(image+" to be ready", func() error {
		return s.simulated().until(s.ctx, image+" has not ended", func(e event.Event) (bool, error) {
			d, ok, err := event.AsBuildStateChange(e)
			told = e
			return ok && d.Image == image && slices.Contains([]string{event.BuildAvailable, event.BuildFailed, event.BuildCancelled}, d.Status), err
		})
	})
	return told
}

// Building is a fleet file for pipeline-follows-parameter.
func (s *Stage) Building(st *Studio, more ...string) string {
	body := fmt.Sprintf("    parameter: %s\n    pipeline: %s\n", baseParameter, st.Pipeline)
	for _, m := range more {
		body += fmt.Sprintf("    %s\n", m)
	}
	return s.Fleet("pipeline-follows-parameter", body)
}

// ExpectRecipes makes the story fail unless the recipe has these versions with these
// parents: "1.0.0 ami-1". The last but one line says what the pipeline builds from.
func (s *Stage) ExpectRecipes(st *Studio, pipeline string, want ...string) {
	var got []string
	for _, r := range st.Recipes() {
		got = append(got, aws.ToString(r.Version)+" "+aws.ToString(r.ParentImage))
	}
	slices.Sort(got)
	slices.Sort(want)
	if s.err == nil && !slices.Equal(got, want) {
		s.Failf("the recipe has the versions %q, want %q", got, want)
	}
	arn := aws.ToString(s.pipeline(st).ImageRecipeArn)
	if has := arn[strings.LastIndex(arn, "/")+1:]; s.err == nil && has != pipeline {
		s.Failf("the pipeline builds from %s, want %s", has, pipeline)
	}
}

func (s *Stage) pipeline(st *Studio) types.ImagePipeline {
	for _, p := range st.Pipelines() {
		if aws.ToString(p.Arn) == st.Pipeline {
			return p
		}
	}
	s.Failf("there is no pipeline %s", st.Pipeline)
	return types.ImagePipeline{}
}

// ExpectBuilds makes the story fail unless the pipeline has these builds, in the
// order in which they were started: "1.0.1/1 AVAILABLE ami-parent".
func (s *Stage) ExpectBuilds(st *Studio, want ...string) {
	var got []string
	for _, i := range st.Images() {
		parent, _ := st.Parent(aws.ToString(i.Arn))
		got = append(got, fmt.Sprintf("%s %s %s", aws.ToString(i.Version), i.State.Status, parent))
	}
	if s.err == nil && !slices.Equal(got, want) {
		s.Failf("the pipeline has the builds %q, want %q", got, want)
	}
}

// built is the AMI of the last build.
func (s *Stage) built(st *Studio) string {
	images := st.Images()
	if len(images) == 0 || len(images[len(images)-1].OutputResources.Amis) == 0 {
		s.Failf("nothing was built")
		return ""
	}
	return *images[len(images)-1].OutputResources.Amis[0].Image
}

// RollsBack handles an event, under the rendered policy, that a run is to take back:
// what it has changed is no longer there. Handle is for runs that carry out their
// plan.
func (s *Stage) RollsBack(fleet string, e event.Event) *flow.Run {
	run := &flow.Run{}
	s.try("handle "+flow.Cause(e), func() error {
		a, policy, err := s.under(fleet)
		if err != nil {
			return err
		}
		s.Restrict(policy)
		defer s.Restrict(nil)
		runs, err := a.Handle(s.ctx, e)
		if err != nil {
			return err
		}
		if len(runs) != 1 {
			return errors.New("the event did not make one run")
		}
		run = runs[0]
		return nil
	})
	s.Expect(run, flow.RolledBack)
	return run
}
