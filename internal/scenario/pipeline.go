package scenario

import (
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

const (
	createRecipe   = "imagebuilder:CreateImageRecipe"
	updatePipeline = "imagebuilder:UpdateImagePipeline"
	startBuild     = "imagebuilder:StartImagePipelineExecution"

	noImageBuilder = "moto has no Image Builder"
)

// Pipelines are the stories of pipeline-follows-parameter.
func Pipelines() []Scenario {
	all := []Scenario{
		{Name: "pipeline", Title: "the parameter names another image: a recipe, a build, and its AMI is told; again, nothing", Story: pipelineBuilds},
		{Name: "pipeline-fields", Title: "of a pipeline and a recipe that use everything nothing is lost", Story: pipelineFields},
		{Name: "pipeline-events", Title: "deleted, refused and other parameters are left alone; one that is created is not", Story: pipelineEvents},
		{Name: "pipeline-lost", Title: "the event is lost and the sweep finds the change", Story: pipelineLost},
		{Name: "pipeline-newest", Title: "a pipeline that takes the newest version by itself is not updated", Story: pipelineNewest},
		{Name: "pipeline-by-itself", Title: "a recipe that reads the parameter itself needs nothing but a start", Story: pipelineByItself},
		{Name: "pipeline-by-other", Title: "a recipe that reads another parameter is left alone", Story: pipelineByOther},
		{Name: "pipeline-container", Title: "a pipeline of containers is refused", Story: pipelineContainer},
		{Name: "pipeline-disabled", Title: "a disabled pipeline is reported, not enabled", Story: pipelineDisabled},
		{Name: "pipeline-no-image", Title: "the parameter holds no image id", Story: pipelineNoImage},
		{Name: "pipeline-taken", Title: "numbers that are taken are skipped, and a version that differs is not used", Story: pipelineTaken},
		{Name: "pipeline-reuse", Title: "a version with the parent is there: it is used", Story: pipelineReuse},
		{Name: "pipeline-half", Title: "a run has died and the schedule has built since: nothing is started again", Story: pipelineHalf},
		{Name: "pipeline-back", Title: "the parameter goes back: the pipeline does, and nothing is built twice", Story: pipelineBack},
		{Name: "pipeline-twice", Title: "the parameter changes twice before the first event comes", Story: pipelineTwice},
		{Name: "pipeline-busy", Title: "the pipeline builds something else: it is let run", Story: pipelineBusy},
		{Name: "pipeline-failed", Title: "a build fails: a person is told, and can build again", Story: pipelineFailed},
		{Name: "pipeline-denied", Title: "no build can be started: what was made is taken back", Story: pipelineDenied},
		{Name: "pipeline-named", Title: "recipe and role are named, and the permissions end there", Story: pipelineNamed},
	}
	for i := range all {
		all[i].Simulated = noImageBuilder
	}
	return all
}

func pipelineBuilds(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	told := s.Value(st.Newer)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	for _, operation := range []string{createRecipe, updatePipeline, startBuild} {
		s.ExpectCalls(run, operation, 1)
	}
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
	s.ExpectNotice(run, st.Base, st.Newer, "the new image is "+s.built(st)+" in us-west-1", "image/windows/1.0.1/1")

	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.Expect(s.Handle(fleet, s.Ended(s.last(st))), flow.NothingToDo)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)

	third := s.Parent("base-3")
	s.Expect(s.Handle(fleet, s.Value(third)), flow.Succeeded)
	s.ExpectRecipes(st, "1.0.2", "1.0.0 "+st.Base, "1.0.1 "+st.Newer, "1.0.2 "+third)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer, "1.0.2/1 AVAILABLE "+third)
}

// pipelineFields goes by reflection: what a later SDK adds to pipelines or recipes
// is in the comparison, and in what the simulated ones use, or a test fails there.
func pipelineFields(s *Stage) {
	st := s.Studio()
	before := s.pipeline(st)
	s.Expect(s.Handle(s.Building(st), s.Value(st.Newer)), flow.Succeeded)
	s.ExpectAlike(before, s.pipeline(st), "ImageRecipeArn", "DateUpdated", "ConsecutiveFailures", "LastRunStatus")
	recipes := st.Recipes()
	if s.err == nil && len(recipes) != 2 {
		s.Failf("there are %d versions, want 2", len(recipes))
		return
	}
	s.ExpectAlike(recipes[0], recipes[1], "Arn", "DateCreated", "Version", "ParentImage", "Tags")
	for _, key := range []string{"recipe", "drover:fleet", "drover:automation", "drover:run", "drover:ledger"} {
		if s.err == nil && recipes[1].Tags[key] == "" {
			s.Failf("the new version has the tags %v: %s is missing", recipes[1].Tags, key)
		}
	}
	if tags := st.Images()[0].Tags; s.err == nil && (tags["image"] != "yes" || tags["drover:run"] == "") {
		s.Failf("the image has the tags %v", tags)
	}
}

// ExpectAlike makes the story fail unless two values of one struct type are alike but
// for some members.
func (s *Stage) ExpectAlike(before, after any, but ...string) {
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if !a.Type().Field(i).IsExported() || slices.Contains(but, name) {
			continue
		}
		if s.err == nil && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			s.Failf("%s of %T was %+v and is %+v", name, before, a.Field(i).Interface(), b.Field(i).Interface())
		}
	}
}

func pipelineEvents(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	change := func(edit func(*event.ParameterChange)) event.Event {
		d := event.ParameterChange{Name: baseParameter, Operation: event.ParameterUpdated, Type: "String", DataType: "aws:ec2:image"}
		edit(&d)
		return event.NewParameterChange("123456789012", s.AWS().Region, d, s.Clock().Now())
	}
	s.Ignore(fleet, change(func(d *event.ParameterChange) { d.Exception = "Unable to Describe Resource" }))
	s.Ignore(fleet, change(func(d *event.ParameterChange) { d.Name += "/other" }))
	s.Ignore(fleet, change(func(d *event.ParameterChange) { d.Operation = "LabelParameterVersion" }))
	s.Ignore(fleet, change(func(d *event.ParameterChange) { d.Operation = event.ParameterDeleted }))

	s.try("delete the parameter", func() error {
		_, err := ssm.NewFromConfig(s.AWS()).DeleteParameter(s.ctx, &ssm.DeleteParameterInput{Name: aws.String(baseParameter)})
		return err
	})
	run := s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "parameter "+baseParameter, "does not exist")
	s.Expect(s.Handle(fleet, s.Value(st.Newer)), flow.Succeeded)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
}

func pipelineLost(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	s.Expect(s.Sweep(fleet), flow.Succeeded) // of what is there nothing was built yet
	s.ExpectRecipes(st, "1.0.0", "1.0.0 "+st.Base)
	s.Value(st.Newer)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.0/1 AVAILABLE "+st.Base, "1.0.1/1 AVAILABLE "+st.Newer)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func pipelineNewest(s *Stage) {
	st := s.Studio(func(_ *imagebuilder.CreateImageRecipeInput, p *types.ImagePipeline) {
		p.ImageRecipeArn = aws.String("1.x.x")
	})
	s.version(st, "1.2.0", st.Base) // which the pipeline takes
	s.version(st, "2.0.0", st.Base) // which it does not
	s.version(st, "1.0.1", st.Newer)
	fleet := s.Building(st)
	told := s.Value(st.Newer)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updatePipeline, 0)
	s.ExpectRecipes(st, "1.x.x", "1.0.0 "+st.Base, "1.0.1 "+st.Newer, "1.2.0 "+st.Base, "1.2.1 "+st.Newer, "2.0.0 "+st.Base)
	s.ExpectBuilds(st, "1.2.1/1 AVAILABLE "+st.Newer)
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func pipelineByItself(s *Stage) {
	st := s.Studio(func(r *imagebuilder.CreateImageRecipeInput, _ *types.ImagePipeline) {
		r.ParentImage = aws.String("ssm:" + baseParameter)
	})
	fleet := s.Building(st)
	told := s.Value(st.Newer)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, startBuild, 1)
	s.ExpectCalls(run, createRecipe, 0)
	s.ExpectCalls(run, updatePipeline, 0)
	s.ExpectRecipes(st, "1.0.0", "1.0.0 ssm:"+baseParameter)
	s.ExpectBuilds(st, "1.0.0/1 AVAILABLE "+st.Newer)
	s.ExpectNotice(run, "nothing but a start is needed", s.built(st))
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.Expect(s.Handle(fleet, s.Value(st.Base)), flow.Succeeded)
	s.ExpectBuilds(st, "1.0.0/1 AVAILABLE "+st.Newer, "1.0.0/2 AVAILABLE "+st.Base)
}

func pipelineByOther(s *Stage) {
	st := s.Studio(func(r *imagebuilder.CreateImageRecipeInput, _ *types.ImagePipeline) {
		r.ParentImage = aws.String("ssm:/golden/linux/base")
	})
	run := s.Handle(s.Building(st), s.Value(st.Newer))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "takes its parent image from ssm:/golden/linux/base, not from "+baseParameter)
	s.ExpectBuilds(st)
}

func pipelineContainer(s *Stage) {
	const recipe = "arn:aws:imagebuilder:us-west-1:123456789012:container-recipe/web/1.0.0"
	st := s.Studio(func(_ *imagebuilder.CreateImageRecipeInput, p *types.ImagePipeline) {
		p.ContainerRecipeArn = aws.String(recipe)
	})
	run := s.Handle(s.Building(st), s.Value(st.Newer))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "builds containers, from "+recipe, "only a pipeline that builds AMIs can follow a parameter")
}

func pipelineDisabled(s *Stage) {
	st := s.Studio(func(_ *imagebuilder.CreateImageRecipeInput, p *types.ImagePipeline) {
		p.Status = types.PipelineStatusDisabled
	})
	fleet := s.Building(st)
	run := s.Handle(fleet, s.Value(st.Newer))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "is disabled", "enable it")
	s.ExpectRecipes(st, "1.0.0", "1.0.0 "+st.Base)
	s.ExpectBuilds(st)
	s.try("enable the pipeline", func() error {
		return st.ChangePipeline(st.Pipeline, func(p *types.ImagePipeline) { p.Status = types.PipelineStatusEnabled })
	})
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
}

func pipelineNoImage(s *Stage) {
	st := s.Studio()
	run := s.Handle(s.Building(st), s.Value("Windows_Server-2022"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "parameter "+baseParameter, `holds "Windows_Server-2022", not an image id`)
	s.ExpectRecipes(st, "1.0.0", "1.0.0 "+st.Base)
}

// version makes another version of the recipe, as somebody else does.
func (s *Stage) version(st *Studio, number, parent string, edit ...func(*imagebuilder.CreateImageRecipeInput)) (arn string) {
	s.try("make version "+number, func() (err error) {
		for _, r := range st.Recipes() {
			if aws.ToString(r.Arn) != st.Recipe {
				continue
			}
			in := &imagebuilder.CreateImageRecipeInput{
				Name: r.Name, SemanticVersion: aws.String(number), ParentImage: aws.String(parent), Description: r.Description, Components: r.Components,
				BlockDeviceMappings: r.BlockDeviceMappings, AdditionalInstanceConfiguration: r.AdditionalInstanceConfiguration,
				WorkingDirectory: r.WorkingDirectory, AmiTags: r.AmiTags,
			}
			for _, e := range edit {
				e(in)
			}
			arn, err = st.AddRecipe(in)
		}
		return err
	})
	return arn
}

func pipelineTaken(s *Stage) {
	st := s.Studio()
	s.version(st, "1.0.1", st.Newer, func(in *imagebuilder.CreateImageRecipeInput) { in.WorkingDirectory = aws.String("C:/other") })
	s.version(st, "1.0.10", st.Base)
	s.version(st, "1.1.0", st.Base) // somebody's own line
	s.Expect(s.Handle(s.Building(st), s.Value(st.Newer)), flow.Succeeded)
	s.ExpectRecipes(st, "1.0.11", "1.0.0 "+st.Base, "1.0.1 "+st.Newer, "1.0.10 "+st.Base, "1.1.0 "+st.Base, "1.0.11 "+st.Newer)
	s.ExpectBuilds(st, "1.0.11/1 AVAILABLE "+st.Newer)
}

func pipelineReuse(s *Stage) {
	st := s.Studio()
	s.version(st, "1.0.1", st.Newer)
	run := s.Handle(s.Building(st), s.Value(st.Newer))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, createRecipe, 0)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
	s.ExpectNotice(run, "recipe windows 1.0.1 has this parent image already, and is used")
}

func pipelineHalf(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	made := s.version(st, "1.0.1", st.Newer)
	told := s.Value(st.Newer)
	image := ""
	s.try("have the schedule build", func() (err error) {
		if err = st.ChangePipeline(st.Pipeline, func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(made) }); err != nil {
			return err
		}
		image, err = st.Start(st.Pipeline, types.BuildTypeScheduled)
		return err
	})
	s.Expect(s.Handle(fleet, told), flow.NothingToDo) // it runs
	s.Expect(s.Handle(fleet, s.Ended(image)), flow.NothingToDo)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
}

func pipelineBack(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.Expect(s.Handle(fleet, s.Value(st.Newer)), flow.Succeeded)
	run := s.Handle(fleet, s.Value(st.Base))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updatePipeline, 1)
	s.ExpectCalls(run, startBuild, 0)
	s.ExpectRecipes(st, "1.0.0", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.0/1 AVAILABLE "+st.Base, "1.0.1/1 AVAILABLE "+st.Newer)
	s.ExpectNotice(run, "it has been built from already", "image/windows/1.0.0/1")
}

func pipelineTwice(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	third := s.Parent("base-3")
	first, second := s.Value(st.Newer), s.Value(third)
	s.Expect(s.Handle(fleet, first), flow.Succeeded)
	s.Expect(s.Handle(fleet, second), flow.NothingToDo)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+third)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+third)
}

func pipelineBusy(s *Stage) {
	st := s.Studio()
	s.try("build something else", func() error {
		_, err := st.Start(st.Pipeline, types.BuildTypeUserInitiated)
		return err
	})
	run := s.Handle(s.Building(st), s.Value(st.Newer))
	s.Expect(run, flow.Succeeded)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.0/1 AVAILABLE "+st.Base, "1.0.1/1 AVAILABLE "+st.Newer)
	s.ExpectNotice(run, "image/windows/1.0.0/1 runs since", "it is let run")
}

func pipelineFailed(s *Stage) {
	st := s.Studio()
	fleet := s.Building(st)
	told := s.Value(st.Newer)
	s.try("have the build fail", func() error { return st.FailNext(st.Pipeline, types.ImageStatusTesting, "the tests say no") })
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "image/windows/1.0.1/1 is FAILED: the tests say no", "aws imagebuilder start-image-pipeline-execution --image-pipeline-arn "+st.Pipeline)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.Expect(s.Handle(fleet, s.Ended(s.last(st))), flow.Stuck)
	s.Expect(s.Sweep(fleet), flow.Stuck)
	s.ExpectBuilds(st, "1.0.1/1 FAILED "+st.Newer)

	s.try("build again by hand", func() error {
		_, err := st.Start(st.Pipeline, types.BuildTypeUserInitiated)
		return err
	})
	s.Expect(s.Handle(fleet, s.Ended(s.last(st))), flow.NothingToDo)
	s.ExpectBuilds(st, "1.0.1/1 FAILED "+st.Newer, "1.0.1/2 AVAILABLE "+st.Newer)
}

// last is the ARN of the image that was started last.
func (s *Stage) last(st *Studio) string {
	images := st.Images()
	if len(images) == 0 {
		s.Failf("nothing was started")
		return ""
	}
	return aws.ToString(images[len(images)-1].Arn)
}

func pipelineDenied(s *Stage) {
	st := s.Studio()
	before := s.pipeline(st)
	fleet := s.Building(st)
	told := s.Value(st.Newer)
	s.simulated().Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation == startBuild {
			return awssim.FailBefore(awssim.Fail(403, "ForbiddenException", "not you"))
		}
		return awssim.Fault{}
	})
	run := s.RollsBack(fleet, told)
	s.simulated().Intercept(nil)
	s.ExpectNotice(run, "ForbiddenException: not you")
	s.ExpectRecipes(st, "1.0.0", "1.0.0 "+st.Base)
	s.ExpectAlike(before, s.pipeline(st), "DateUpdated", "ConsecutiveFailures")
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectRecipes(st, "1.0.1", "1.0.0 "+st.Base, "1.0.1 "+st.Newer)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
}

func pipelineNamed(s *Stage) {
	st := s.Studio()
	s.Expect(s.Handle(s.Building(st, "recipe: windows", "role: builder"), s.Value(st.Newer)), flow.Succeeded)
	s.ExpectBuilds(st, "1.0.1/1 AVAILABLE "+st.Newer)
	s.Pass(time.Minute)
	run := s.Sweep(s.Building(st, "recipe: linux"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "builds from recipe windows, not from linux")
}
