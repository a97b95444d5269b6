package pipelinefollowsparameter

import (
	"fmt"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// The steps and calls that a plan consists of, and how it names what they set. They
// are spelled out here because a decision knows no AWS; a test holds them against
// what the audit derives from the calls themselves.
const (
	stepIdle     = "await-idle"
	stepRecipe   = "create-recipe"
	stepPipeline = "update-pipeline"
	stepStart    = "start-build"
	stepBuild    = "follow-build"

	opCreate = "imagebuilder:CreateImageRecipe"
	opUpdate = "imagebuilder:UpdateImagePipeline"
	opStart  = "imagebuilder:StartImagePipelineExecution"

	started = "started"

	// What steps provide: the version that was made, the image that is built, what
	// came of it.
	valueRecipe = "arn"
	valueImage  = "image"
	valueAMIs   = "amis"

	newRecipe = "${" + stepRecipe + "." + valueRecipe + "}"
	newImage  = "${" + stepBuild + "." + valueImage + "}"
	newAMIs   = "${" + stepBuild + "." + valueAMIs + "}"
)

// decide says which version of the recipe the pipeline builds from, and whether it
// is to build.
func decide(c Config, s State, _ time.Time) automation.Plan {
	d := decision{config: c, state: s}
	p := s.Parameter
	switch {
	case s.Pipeline.Container != "":
		d.stuck(s.Pipeline.ARN, fmt.Sprintf("builds containers, from %s; only a pipeline that builds AMIs can follow a parameter", s.Pipeline.Container))
	case s.Pipeline.unfit(c):
		d.stuck(s.Pipeline.ARN, fmt.Sprintf("builds from recipe %s, not from %s, as the fleet file says", nameOf(s.Pipeline.Recipe), c.Recipe))
	case s.Recipe.dynamic() && !s.Recipe.takes(p, c.Parameter):
		d.stuck(s.Recipe.ARN, fmt.Sprintf("takes its parent image from %s, not from %s; Drover would put an end to that", s.Recipe.Parent, c.Parameter))
	case p.Missing:
		d.stuck("parameter "+c.Parameter, "does not exist, and nothing else says which parent image to build from")
	case p.Secret:
		d.stuck("parameter "+c.Parameter, "is a SecureString that does not hold an image id such as ami-0123456789abcdef0")
	case !isImage(p.Value):
		d.stuck("parameter "+c.Parameter, fmt.Sprintf("holds %q, not an image id such as ami-0123456789abcdef0", short(p.Value)))
	case s.Recipe.dynamic():
		d.refresh()
	default:
		d.follow()
	}
	return d.plan
}

// decision is a decision in the making.
type decision struct {
	config Config
	state  State
	plan   automation.Plan
}

// refresh plans for a recipe that takes its parent from the parameter by itself: all
// that it needs is a build that began after the parameter was set.
func (d *decision) refresh() {
	p, r := d.state.Parameter, d.state.Recipe
	d.build(r.ARN, p.Modified, fmt.Sprintf("%s takes its parent image from the parameter itself, so nothing but a start is needed", label(r.ARN)))
}

// follow plans for the pipeline to build from a version whose parent the parameter
// names: the one it has, or one that is there, or else a new one.
func (d *decision) follow() {
	p, pipeline, r := d.state.Parameter, d.state.Pipeline, d.state.Recipe
	target, note := r.ARN, ""
	switch {
	case r.Parent == p.Value:
	case !pipeline.floats() && len(d.state.Same) > 0:
		target, note = d.state.Same[0].ARN, fmt.Sprintf("%s has this parent image already, and is used", label(d.state.Same[0].ARN))
	default:
		target = newRecipe
		d.change(stepRecipe, opCreate, r.Name, r.Parent, p.Value, fmt.Sprintf("%s; made from %s", d.why(), label(r.ARN)))
		if pipeline.floats() {
			note = fmt.Sprintf("the pipeline is not updated: it takes the newest version of the recipe by itself, as %s says", label(pipeline.Recipe))
		}
	}
	if target != r.ARN && !pipeline.floats() {
		d.change(stepPipeline, opUpdate, pipeline.ARN, pipeline.Recipe, target, d.why())
	}
	d.build(target, time.Time{}, note)
}

// build plans for a build of a version that began since a moment, unless there is
// one, and says what is known of it.
func (d *decision) build(recipe string, since time.Time, note string) {
	pipeline := d.state.Pipeline.ARN
	b, there := best(d.state.Builds, recipe, since)
	if !there {
		d.change(stepStart, opStart, pipeline, "", started, d.why())
	}
	if len(d.plan.Changes) > 0 && d.state.Pipeline.Disabled {
		d.plan = automation.Plan{}
		d.stuck(pipeline, fmt.Sprintf("is disabled, so it is neither changed nor started, although %s; enable it: set its status to ENABLED", d.why()))
		return
	}
	if note != "" && len(d.plan.Changes) > 0 {
		d.note(note)
	}
	switch {
	case !there:
		if other, runs := d.state.running(); runs {
			d.note(fmt.Sprintf("%s runs since %s: it is let run, and the next build waits for it", other.Image, moment(other.Created)))
		}
		d.note(fmt.Sprintf("the new image is %s, built as %s", newAMIs, newImage))
	case b.failed():
		d.stuck(pipeline, fmt.Sprintf("has not built from %s: %s; to build again: aws imagebuilder start-image-pipeline-execution --image-pipeline-arn %s", label(recipe), outcome(b), pipeline))
	case len(d.plan.Changes) > 0 && b.available():
		d.note(fmt.Sprintf("it has been built from already: %s", outcome(b)))
	case len(d.plan.Changes) > 0:
		d.note(fmt.Sprintf("the new image is %s, built as %s", newAMIs, newImage))
	default:
		d.plan.Nothing = fmt.Sprintf("%s has %s for its parent, as parameter %s says, and was built from: %s", label(recipe), d.state.Parameter.Value, d.config.Parameter, outcome(b))
		if b.runs() {
			d.plan.Nothing = fmt.Sprintf("%s has %s for its parent, as parameter %s says, and is being built from: %s", label(recipe), d.state.Parameter.Value, d.config.Parameter, outcome(b))
		}
	}
	if d.state.Pipeline.Disabled {
		d.note(pipeline + " is disabled: at the next change of the parameter it will not build")
	}
}

// outcome says how far a build has come.
func outcome(b Build) string {
	switch {
	case b.AMIs != "":
		return fmt.Sprintf("%s (%s)", b.Image, b.AMIs)
	case b.available():
		return b.Image
	case b.runs():
		return fmt.Sprintf("%s is %s since %s", b.Image, b.Status, moment(b.Created))
	case b.Reason != "":
		return fmt.Sprintf("%s is %s: %s", b.Image, b.Status, b.Reason)
	}
	return fmt.Sprintf("%s is %s", b.Image, b.Status)
}

// why says why there is anything to do.
func (d *decision) why() string {
	p := d.state.Parameter
	return fmt.Sprintf("version %d of parameter %s holds %s", p.Version, d.config.Parameter, p.Value)
}

func (d *decision) change(step, operation, resource, from, to, why string) {
	d.plan.Changes = append(d.plan.Changes, automation.Change{Step: step, Operation: operation, Resource: resource, From: from, To: to, Why: why})
}

func (d *decision) note(text string) { d.plan.Notes = append(d.plan.Notes, text) }

func (d *decision) stuck(resource, why string) {
	d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: resource, Why: why})
}

// label names a version of a recipe as people do: "windows 1.0.3".
func label(recipe string) string {
	if strings.HasPrefix(recipe, "${") {
		return recipe
	}
	return "recipe " + nameOf(recipe) + " " + number(recipe)
}

// nameOf is the name in the ARN of a recipe.
func nameOf(recipe string) string {
	base, _ := cutLast(recipe)
	_, name := cutLast(base)
	return name
}

// short bounds a value that is told.
func short(value string) string {
	const longest = 60
	if r := []rune(value); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return value
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
