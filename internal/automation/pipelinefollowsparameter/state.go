package pipelinefollowsparameter

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// State is what an observation found: plain values, small enough to be stored with
// the run.
type State struct {
	// Observed is when the reads began.
	Observed  time.Time `json:"observed"`
	Parameter Parameter `json:"parameter"`
	Pipeline  Pipeline  `json:"pipeline"`
	// Recipe is the version that the pipeline builds from.
	Recipe Recipe `json:"recipe"`
	// Same are the versions that differ from Recipe in the parent alone, which is the
	// parameter's value; the highest number first.
	Same []Recipe `json:"same,omitempty"`
	// Next is the number that a new version gets.
	Next string `json:"next,omitempty"`
	// Builds are those of Recipe and Same by this pipeline, as far as they matter,
	// and those that run; the newest first.
	Builds []Build `json:"builds,omitempty"`

	// Taken is the highest number that proved to be taken although no list shows it.
	Taken string `json:"taken,omitempty"`
	// Undone counts how often this run has taken its version back. It is a part of
	// the client token: Image Builder answers a token it knows with what it did before.
	Undone int `json:"undone,omitempty"`
	// Given is what the run has last given the pipeline, and when that was acknowledged.
	Given Given `json:"given,omitzero"`
	// Gone is since when the image that is followed is not shown.
	Gone time.Time `json:"gone,omitzero"`
}

// Given is a version that a pipeline was given.
type Given struct {
	Recipe string    `json:"recipe,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Parameter is the parameter as it was read.
type Parameter struct {
	ARN string `json:"arn,omitempty"`
	// Value is empty if it may be a secret.
	Value    string    `json:"value,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	// Missing: there is no such parameter. Secret: it is a SecureString that does not
	// hold an image id.
	Missing bool `json:"missing,omitempty"`
	Secret  bool `json:"secret,omitempty"`
}

// Pipeline is the pipeline as it was read.
type Pipeline struct {
	ARN string `json:"arn"`
	// Recipe is the ARN that the pipeline has; its number may have wildcards.
	Recipe string `json:"recipe,omitempty"`
	// Container is the ARN of the recipe if the pipeline builds containers.
	Container string `json:"container,omitempty"`
	Disabled  bool   `json:"disabled,omitempty"`
}

// Recipe is a version of a recipe.
type Recipe struct {
	ARN    string `json:"arn"`
	Name   string `json:"name,omitempty"`
	Parent string `json:"parent,omitempty"`
	// Content is the same for versions that differ in number, parent and tags alone.
	Content string `json:"content,omitempty"`
}

// Build is an image of the pipeline.
type Build struct {
	Image   string    `json:"image"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Created time.Time `json:"created,omitzero"`
	// AMIs says what came of it: "ami-1 in us-west-1".
	AMIs string `json:"amis,omitempty"`
}

// The states of builds that are ends. All others pass; one that is deleted or
// deprecated has once been available.
const (
	statusAvailable  = "AVAILABLE"
	statusDeprecated = "DEPRECATED"
	statusDisabled   = "DISABLED"
	statusDeleted    = "DELETED"
	statusFailed     = "FAILED"
	statusCancelled  = "CANCELLED"
)

// byParameter begins a parent image that is a parameter.
const byParameter = "ssm:"

func (b Build) available() bool {
	return slices.Contains([]string{statusAvailable, statusDeprecated, statusDisabled, statusDeleted}, b.Status)
}

func (b Build) failed() bool { return b.Status == statusFailed || b.Status == statusCancelled }
func (b Build) runs() bool   { return !b.available() && !b.failed() }

// of says whether the build is of a version of a recipe: both have the same name
// and number in their ARNs.
func (b Build) of(recipe string) bool {
	version, _ := cutLast(b.Image)
	return strings.Replace(version, ":image/", ":image-recipe/", 1) == recipe
}

// best is the build of a version that matters, begun since a moment: the newest that
// is available, or else that runs, or else that has failed.
func best(builds []Build, recipe string, since time.Time) (Build, bool) {
	for _, wanted := range []func(Build) bool{Build.available, Build.runs, Build.failed} {
		for _, b := range builds {
			if wanted(b) && b.of(recipe) && !b.Created.Before(since) {
				return b, true
			}
		}
	}
	return Build{}, false
}

// running is a build that runs, of whatever recipe.
func (s State) running() (Build, bool) {
	i := slices.IndexFunc(s.Builds, Build.runs)
	if i < 0 {
		return Build{}, false
	}
	return s.Builds[i], true
}

// unfit says whether the pipeline is none that can follow a parameter, or not the one
// that is meant.
func (p Pipeline) unfit(c Config) bool {
	return p.Container != "" || c.Recipe != "" && nameOf(p.Recipe) != c.Recipe
}

// floats says whether the pipeline takes the newest version by itself.
func (p Pipeline) floats() bool {
	_, number := cutLast(p.Recipe)
	return strings.Contains(number, "x")
}

// covers says whether a version is one of which the pipeline takes the newest.
func (p Pipeline) covers(recipe string) bool {
	_, wild := cutLast(p.Recipe)
	head, _, floats := strings.Cut(wild, "x")
	return floats && strings.HasPrefix(number(recipe), head)
}

// dynamic says whether the recipe takes its parent from a parameter by itself.
func (r Recipe) dynamic() bool { return strings.HasPrefix(r.Parent, byParameter) }

// takes says whether the recipe takes its parent from this parameter.
func (r Recipe) takes(p Parameter, name string) bool {
	from := strings.TrimPrefix(r.Parent, byParameter)
	if strings.HasPrefix(from, "arn:") {
		return from == p.ARN
	}
	return strings.TrimPrefix(from, "/") == strings.TrimPrefix(name, "/")
}

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

func isImage(value string) bool { return imageID.MatchString(value) }

// number is the version in the ARN of a recipe, or of an image without its build.
func number(arn string) string {
	_, last := cutLast(arn)
	return last
}

// cutLast cuts an ARN before and after its last slash.
func cutLast(arn string) (base, last string) {
	i := strings.LastIndex(arn, "/")
	return arn[:max(i, 0)], arn[i+1:]
}
