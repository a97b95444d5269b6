package pipelinefollowsparameter

import (
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation/kindtest"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

const (
	arns     = "arn:aws:imagebuilder:us-west-1:123456789012:"
	pipeline = arns + "image-pipeline/golden"
	oldImage = "ami-00000000000000001"
	newOne   = "ami-00000000000000002"
)

func recipeARN(number string) string { return arns + "image-recipe/windows/" + number }

func config(edit ...func(*Config)) Config {
	c := Config{Parameter: "/golden/base", Pipeline: pipeline}
	defaults(&c)
	for _, e := range edit {
		e(&c)
	}
	return c
}

// state is of a pipeline with version 1.0.0, and a parameter with a newer image.
func state(edit ...func(*State)) State {
	s := State{
		Parameter: Parameter{ARN: "arn:aws:ssm:us-west-1:123456789012:parameter/golden/base", Value: newOne, Version: 7, Modified: t0},
		Pipeline:  Pipeline{ARN: pipeline, Recipe: recipeARN("1.0.0")},
		Recipe:    Recipe{ARN: recipeARN("1.0.0"), Name: "windows", Parent: oldImage, Content: "c"},
		Next:      "1.0.1",
	}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func value(v string) func(*State)  { return func(s *State) { s.Parameter.Value = v } }
func parent(p string) func(*State) { return func(s *State) { s.Recipe.Parent = p } }
func on(number string) func(*State) {
	return func(s *State) { s.Pipeline.Recipe = recipeARN(number) }
}

func same(number string) func(*State) {
	return func(s *State) {
		s.Same = []Recipe{{ARN: recipeARN(number), Name: "windows", Parent: newOne, Content: "c"}}
	}
}
func disabled(s *State) { s.Pipeline.Disabled = true }

// built adds a build of a version, an hour after t0 plus so many.
func built(version, status string, hours int) func(*State) {
	return func(s *State) {
		b := Build{Image: arns + "image/windows/" + version, Status: status, Created: t0.Add(time.Duration(hours) * time.Hour)}
		switch status {
		case statusAvailable:
			b.AMIs = "ami-9 in us-west-1"
		case statusFailed:
			b.Reason = "out of ink"
		}
		s.Builds = append(s.Builds, b)
	}
}

func TestDecide(t *testing.T) {
	const (
		r       = arns + "image-recipe/windows/"
		image   = arns + "image/windows/"
		why     = "version 7 of parameter /golden/base holds " + newOne
		start   = "start-build imagebuilder:StartImagePipelineExecution " + pipeline + ":  -> started because " + why
		outcome = "note: the new image is ${follow-build.amis}, built as ${follow-build.image}"
		create  = "create-recipe imagebuilder:CreateImageRecipe windows: " + oldImage + " -> " + newOne + " because " + why + "; made from recipe windows 1.0.0"
		again   = "; to build again: aws imagebuilder start-image-pipeline-execution --image-pipeline-arn " + pipeline
	)
	update := func(to string) string {
		return "update-pipeline imagebuilder:UpdateImagePipeline " + pipeline + ": " + r + "1.0.0 -> " + to + " because " + why
	}
	dynamic := parent("ssm:/golden/base")
	for _, test := range []struct {
		name   string
		config Config
		state  State
		want   string // the plan, a line for each fact
	}{
		{"a version, the pipeline, a build", config(), state(), create + "\n" + update("${create-recipe.arn}") + "\n" + start + "\n" + outcome},
		{"a version is there", config(), state(same("1.0.4")), update(r+"1.0.4") + "\n" + start + "\nnote: recipe windows 1.0.4 has this parent image already, and is used\n" + outcome},
		{
			"and was built from", config(), state(same("1.0.4"), built("1.0.4/2", statusAvailable, 1)),
			update(r+"1.0.4") + "\nnote: recipe windows 1.0.4 has this parent image already, and is used\nnote: it has been built from already: " + image + "1.0.4/2 (ami-9 in us-west-1)",
		},
		{
			"and is being built from", config(), state(same("1.0.4"), built("1.0.4/2", "TESTING", 1)),
			update(r+"1.0.4") + "\nnote: recipe windows 1.0.4 has this parent image already, and is used\n" + outcome,
		},
		{
			"and could not be built from", config(), state(same("1.0.4"), built("1.0.4/1", statusFailed, 1)),
			update(r+"1.0.4") + "\nstuck: " + pipeline + " has not built from recipe windows 1.0.4: " + image + "1.0.4/1 is FAILED: out of ink" + again + "\nnote: recipe windows 1.0.4 has this parent image already, and is used",
		},
		{"the pipeline takes the newest", config(), state(on("x.x.x")), create + "\n" + start + "\nnote: the pipeline is not updated: it takes the newest version of the recipe by itself, as recipe windows x.x.x says\n" + outcome},
		{"which an older version is not", config(), state(on("1.x.x"), same("1.0.0")), create + "\n" + start + "\nnote: the pipeline is not updated: it takes the newest version of the recipe by itself, as recipe windows 1.x.x says\n" + outcome},
		{"all is as it should be, but for the build", config(), state(value(oldImage)), strings.ReplaceAll(start, newOne, oldImage) + "\n" + outcome},
		{
			"nothing is missing", config(), state(value(oldImage), built("1.0.0/1", statusAvailable, -9)),
			"nothing: recipe windows 1.0.0 has " + oldImage + " for its parent, as parameter /golden/base says, and was built from: " + image + "1.0.0/1 (ami-9 in us-west-1)",
		},
		{
			"it is being built", config(), state(value(oldImage), built("1.0.0/1", "BUILDING", 1)),
			"nothing: recipe windows 1.0.0 has " + oldImage + " for its parent, as parameter /golden/base says, and is being built from: " + image + "1.0.0/1 is BUILDING since 2026-11-21T04:00:00Z",
		},
		{
			"it was built after it failed", config(), state(value(oldImage), built("1.0.0/2", statusFailed, 2), built("1.0.0/1", "DEPRECATED", 1)),
			"nothing: recipe windows 1.0.0 has " + oldImage + " for its parent, as parameter /golden/base says, and was built from: " + image + "1.0.0/1",
		},
		{"it was cancelled", config(), state(value(oldImage), built("1.0.0/1", statusCancelled, 1)), "stuck: " + pipeline + " has not built from recipe windows 1.0.0: " + image + "1.0.0/1 is CANCELLED" + again},
		{
			"something else is built", config(), state(built("1.0.0/1", "TESTING", 1)),
			create + "\n" + update("${create-recipe.arn}") + "\n" + start + "\nnote: " + image + "1.0.0/1 runs since 2026-11-21T04:00:00Z: it is let run, and the next build waits for it\n" + outcome,
		},
		{"a build of another pipeline's recipe says nothing", config(), state(value(oldImage), built("1.0.00/1", statusAvailable, 1)), strings.ReplaceAll(start, newOne, oldImage) + "\n" + outcome},
		{"disabled, and something to do", config(), state(disabled), "stuck: " + pipeline + " is disabled, so it is neither changed nor started, although " + why + "; enable it: set its status to ENABLED"},
		{
			"disabled, and nothing to do", config(), state(disabled, value(oldImage), built("1.0.0/1", statusAvailable, 1)),
			"nothing: recipe windows 1.0.0 has " + oldImage + " for its parent, as parameter /golden/base says, and was built from: " + image + "1.0.0/1 (ami-9 in us-west-1)\nnote: " + pipeline + " is disabled: at the next change of the parameter it will not build",
		},
		{"the recipe reads the parameter", config(), state(dynamic), start + "\nnote: recipe windows 1.0.0 takes its parent image from the parameter itself, so nothing but a start is needed\n" + outcome},
		{"by ARN", config(), state(parent("ssm:arn:aws:ssm:us-west-1:123456789012:parameter/golden/base")), start + "\nnote: recipe windows 1.0.0 takes its parent image from the parameter itself, so nothing but a start is needed\n" + outcome},
		{
			"a build before the change does not count", config(), state(dynamic, built("1.0.0/1", statusAvailable, -1)),
			start + "\nnote: recipe windows 1.0.0 takes its parent image from the parameter itself, so nothing but a start is needed\n" + outcome,
		},
		{
			"one after it does", config(), state(dynamic, built("1.0.0/1", statusAvailable, 0)),
			"nothing: recipe windows 1.0.0 has " + newOne + " for its parent, as parameter /golden/base says, and was built from: " + image + "1.0.0/1 (ami-9 in us-west-1)",
		},
		{"another parameter", config(), state(parent("ssm:/golden/other")), "stuck: " + r + "1.0.0 takes its parent image from ssm:/golden/other, not from /golden/base; Drover would put an end to that"},
		{"a version of the parameter", config(), state(parent("ssm:/golden/base:3")), "stuck: " + r + "1.0.0 takes its parent image from ssm:/golden/base:3, not from /golden/base; Drover would put an end to that"},
		{"another account's parameter", config(), state(parent("ssm:arn:aws:ssm:us-west-1:999999999999:parameter/golden/base")), "stuck: " + r + "1.0.0 takes its parent image from ssm:arn:aws:ssm:us-west-1:999999999999:parameter/golden/base, not from /golden/base; Drover would put an end to that"},
		{"containers", config(), state(func(s *State) { s.Pipeline = Pipeline{ARN: pipeline, Container: "arn:c"} }), "stuck: " + pipeline + " builds containers, from arn:c; only a pipeline that builds AMIs can follow a parameter"},
		{"the recipe is another", config(func(c *Config) { c.Recipe = "linux" }), state(), "stuck: " + pipeline + " builds from recipe windows, not from linux, as the fleet file says"},
		{"the recipe is the one", config(func(c *Config) { c.Recipe = "windows" }), state(value(oldImage), built("1.0.0/1", statusCancelled, 1)), "stuck: " + pipeline + " has not built from recipe windows 1.0.0: " + image + "1.0.0/1 is CANCELLED" + again},
		{"no parameter", config(), state(func(s *State) { s.Parameter = Parameter{Missing: true} }), "stuck: parameter /golden/base does not exist, and nothing else says which parent image to build from"},
		{"no image id", config(), state(value("hello")), `stuck: parameter /golden/base holds "hello", not an image id such as ami-0123456789abcdef0`},
		{"a long text", config(), state(value(strings.Repeat("ä", 70))), `stuck: parameter /golden/base holds "` + strings.Repeat("ä", 60) + `…", not an image id such as ami-0123456789abcdef0`},
		{"a secret", config(), state(func(s *State) { s.Parameter.Value, s.Parameter.Secret = "", true }), "stuck: parameter /golden/base is a SecureString that does not hold an image id such as ami-0123456789abcdef0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.PlanSays(t, kindtest.Decide(t, Kind, test.config, test.state, t0), test.want)
		})
	}
}
