package pipelinefollowsparameter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/awssim"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// world is simulated AWS with the pipeline of config, on version 1.0.0 of the recipe
// windows, and the parameter.
type world struct {
	*testing.T
	clock *clock.Virtual
	sim   *awssim.World
	ib    *simimagebuilder.Service
	ssm   *simssm.Service
	aws   *cloud.Clients
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(t0), ssm: simssm.New(simssm.Options{}), ib: simimagebuilder.New(simimagebuilder.Options{})}
	w.sim = awssim.New(w.clock, awssim.Options{}, w.ib, w.ssm)
	w.aws = cloud.New(w.sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	w.version("1.0.0", oldImage)
	_, err := w.ib.AddPipeline(simimagebuilder.EveryPipelineField("golden", recipeARN("1.0.0")))
	w.must(err)
	w.set(newOne)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) set(value string) {
	w.Helper()
	w.must(w.ssm.Set("/golden/base", value, ssmtypes.ParameterTypeString))
}

func (w *world) version(number, parent string, edit ...func(*imagebuilder.CreateImageRecipeInput)) {
	w.Helper()
	in := simimagebuilder.EveryRecipeField("windows", parent)
	in.SemanticVersion = aws.String(number)
	for _, e := range edit {
		e(in)
	}
	_, err := w.ib.AddRecipe(in)
	w.must(err)
}

func (w *world) pipeline(edit func(*types.ImagePipeline)) {
	w.Helper()
	w.must(w.ib.ChangePipeline(pipeline, edit))
}

func (w *world) build() (image string) {
	w.Helper()
	image, err := w.ib.Start(pipeline, types.BuildTypeUserInitiated)
	w.must(err)
	return image
}

func (w *world) turn(c Config, events ...event.Event) *turn {
	return &turn{Env: kindtest.Env("golden", w.aws, w.clock, events...), Config: c}
}

// observe makes one look, and reports whether it was believed.
func (w *world) observe(c Config, events ...event.Event) (State, error) {
	t := w.turn(c, events...)
	err := observe(w.Context(), t)
	return t.State, err
}

// brief is what a state says of versions and builds, in a line.
func brief(s State) string {
	var parts []string
	for _, r := range s.Same {
		parts = append(parts, "same "+number(r.ARN))
	}
	if s.Next != "" {
		parts = append(parts, "next "+s.Next)
	}
	for _, b := range s.Builds {
		parts = append(parts, strings.TrimPrefix(b.Image, arns+"image/windows/")+" "+b.Status)
	}
	return fmt.Sprintf("%s of %s: %s", number(s.Pipeline.Recipe), s.Recipe.Parent, strings.Join(parts, ", "))
}

func TestObserve(t *testing.T) {
	other := func(in *imagebuilder.CreateImageRecipeInput) { in.Description = aws.String("other") }
	tagged := func(in *imagebuilder.CreateImageRecipeInput) { in.Tags = map[string]string{"by": "hand"} }
	for _, test := range []struct {
		name  string
		set   func(*world)
		want  string
		wants string // of the parameter; empty: newOne
	}{
		{"nothing is there", func(*world) {}, "1.0.0 of " + oldImage + ": next 1.0.1", ""},
		{"numbers that are taken", func(w *world) { w.version("1.0.10", oldImage); w.version("1.0.9", oldImage) }, "1.0.0 of " + oldImage + ": next 1.0.11", ""},
		{"other lines", func(w *world) { w.version("1.1.4", oldImage); w.version("2.0.9", oldImage) }, "1.0.0 of " + oldImage + ": next 1.0.1", ""},
		{"the highest that is the same", func(w *world) { w.version("1.0.9", newOne); w.version("1.0.10", newOne, tagged) }, "1.0.0 of " + oldImage + ": same 1.0.10, next 1.0.11", ""},
		{"one that differs", func(w *world) { w.version("1.0.1", newOne, other); w.version("1.0.2", newOne, other) }, "1.0.0 of " + oldImage + ": next 1.0.3", ""},
		{"one of another name", func(w *world) {
			w.version("1.0.1", newOne, func(in *imagebuilder.CreateImageRecipeInput) { in.Name = aws.String("windows-2") })
		}, "1.0.0 of " + oldImage + ": next 1.0.1", ""},
		{"it takes the newest", func(w *world) {
			w.version("1.3.0", oldImage)
			w.version("2.0.0", oldImage)
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.x.x")) })
		}, "1.x.x of " + oldImage + ": next 1.3.1", ""},
		{"it has the value", func(w *world) { w.set(oldImage) }, "1.0.0 of " + oldImage + ": ", oldImage},
		{"no image", func(w *world) { w.set(" nothing ") }, "1.0.0 of " + oldImage + ": ", "nothing"},
		{"a build that runs", func(w *world) { w.build() }, "1.0.0 of " + oldImage + ": next 1.0.1, 1.0.0/1 PENDING", ""},
		{"one of each end, the newest", func(w *world) {
			w.build()
			w.clock.Advance(time.Hour)
			for range 2 {
				w.must(w.ib.FailNext(pipeline, types.ImageStatusBuilding, "no"))
				w.build()
				w.clock.Advance(time.Hour)
			}
			w.build()
			w.clock.Advance(time.Hour)
		}, "1.0.0 of " + oldImage + ": next 1.0.1, 1.0.0/4 AVAILABLE, 1.0.0/3 FAILED", ""},
		{"builds of other versions", func(w *world) {
			w.version("1.0.1", oldImage)
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.0.1")) })
			w.build()
			w.clock.Advance(time.Hour)
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.0.0")) })
		}, "1.0.0 of " + oldImage + ": next 1.0.2", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.set(w)
			s, err := w.observe(config())
			w.must(err)
			if diff := cmp.Diff(test.want, brief(s)); diff != "" {
				t.Error(diff)
			}
			if want := test.wants; s.Parameter.Value != want && (want != "" || s.Parameter.Value != newOne) {
				t.Errorf("the parameter holds %q", s.Parameter.Value)
			}
		})
	}
}

func TestObserveWhatCannotBeFollowed(t *testing.T) {
	w := newWorld(t)
	_, err := w.observe(config(func(c *Config) { c.Pipeline = arns + "image-pipeline/none" }))
	if failure.ClassOf(err) != failure.Stop || !strings.Contains(fmt.Sprint(failure.Hints(err)), "list-image-pipelines") {
		t.Errorf("a pipeline that is not there: %v", err)
	}
	_, err = w.aws.SSM.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/secret"), Value: aws.String("hunter2"), Type: ssmtypes.ParameterTypeSecureString})
	w.must(err)
	s, err := w.observe(config(func(c *Config) { c.Parameter = "/secret" }))
	if err != nil || s.Parameter.Value != "" || !s.Parameter.Secret {
		t.Errorf("a secret is kept as %+v, %v", s.Parameter, err)
	}
	s, err = w.observe(config(func(c *Config) { c.Parameter = "/none" }))
	if err != nil || !s.Parameter.Missing {
		t.Errorf("no parameter: %+v, %v", s.Parameter, err)
	}
	w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn, p.ContainerRecipeArn = nil, aws.String("arn:c") })
	if s, err = w.observe(config()); err != nil || s.Pipeline.Container != "arn:c" {
		t.Errorf("containers: %+v, %v", s.Pipeline, err)
	}
}

// TestDoubt: an event that is ahead of the reads has them repeated, for a while.
func TestDoubt(t *testing.T) {
	at := func(e event.Event, d time.Duration) event.Event {
		e.Time = t0.Add(d)
		return e
	}
	none := config(func(c *Config) { c.Parameter = "/none" })
	for _, test := range []struct {
		name   string
		config Config
		event  func(*world) event.Event
		want   bool
	}{
		{"no event", config(), nil, false},
		{"the event of what is read", config(), func(*world) event.Event { return change("Update") }, false},
		{"its time has whole seconds", config(), func(*world) event.Event { return at(change("Update"), time.Second) }, false},
		{"a later change", config(), func(*world) event.Event { return at(change("Update"), time.Minute) }, true},
		{"nothing is there", none, func(*world) event.Event { return at(change("Create"), time.Minute) }, true},
		{"an event of yesterday", none, func(*world) event.Event { return at(change("Create"), -24*time.Hour) }, false},
		{"a build that has ended", config(), func(w *world) event.Event { return at(ending(w.build(), "FAILED"), time.Minute) }, true},
		{"and is read so", config(), func(w *world) event.Event {
			image := w.build()
			w.must(w.ib.Cancel(image, ""))
			return at(ending(image, "CANCELLED"), time.Minute)
		}, false},
		{"of another pipeline", config(), func(*world) event.Event { return at(ending(arns+"image/other/1.0.0/1", "FAILED"), time.Minute) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			var events []event.Event
			if test.event != nil {
				events = append(events, test.event(w))
			}
			_, err := w.observe(test.config, events...)
			if doubts := err != nil && failure.ClassOf(err) == failure.Wait; doubts != test.want || err != nil && !doubts {
				t.Errorf("it is doubted: %v, want %t", err, test.want)
			}
			later := w.turn(test.config, events...)
			w.clock.Advance(rereadFor)
			if err := observe(t.Context(), later); err != nil {
				t.Errorf("after %s it is still doubted: %v", rereadFor, err)
			}
		})
	}
}
