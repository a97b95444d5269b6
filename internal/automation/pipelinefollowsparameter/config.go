package pipelinefollowsparameter

import (
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// Config is the kind's part of the fleet file.
type Config struct {
	Parameter string              `json:"parameter" doc:"The parameter of Systems Manager that holds the id of the parent image, by name." pattern:"^([a-zA-Z0-9_.-]+|(/[a-zA-Z0-9_.-]+)+)$" wanted:"the name of a parameter" example:"/golden/windows/base"`
	Pipeline  string              `json:"pipeline" doc:"The pipeline of Image Builder, by ARN." pattern:"^arn:aws[a-z-]*:imagebuilder:[a-z0-9-]+:[0-9]{12}:image-pipeline/[a-z0-9_-]+$" wanted:"the ARN of an image pipeline" example:"arn:aws:imagebuilder:us-west-1:123456789012:image-pipeline/windows"`
	Recipe    string              `json:"recipe,omitempty" doc:"The name of the pipeline's recipe, as it is in its ARN. It narrows the permissions, and the pipeline must have a version of it." pattern:"^[a-z0-9_-]{3,128}$" wanted:"the name of a recipe as it is in ARNs: small letters, digits, hyphens and underscores" example:"windows"`
	Role      string              `json:"role,omitempty" doc:"The execution role of the pipeline, by name with its path. It narrows the permission to pass it on." pattern:"^[a-zA-Z0-9+=,.@_/-]{1,512}$" wanted:"the name of a role" example:"image-builder"`
	Sweep     automation.Duration `json:"sweep,omitempty" doc:"How often to look for what a lost event left behind." default:"1h" example:"15m"`
}

const defaultSweep = time.Hour

func defaults(c *Config) {
	if c.Sweep == 0 {
		c.Sweep = automation.Duration(defaultSweep)
	}
}

// check finds what a schema cannot say.
func check(c Config) []automation.Problem {
	var problems []automation.Problem
	report := func(path, got, wanted string) {
		problems = append(problems, automation.Problem{Path: path, Got: got, Wanted: wanted})
	}
	if name := strings.ToLower(strings.TrimPrefix(c.Parameter, "/")); strings.HasPrefix(name, "aws/") {
		// EventBridge tells of one's own parameters only, and others cannot be told
		// apart from what a recipe can follow by itself.
		report("parameter", c.Parameter+", which is AWS's", "a parameter of this account, or a recipe whose parent image is ssm:"+c.Parameter)
	}
	return append(problems, automation.CheckSweep(c.Sweep)...)
}

// claims is the pipeline: two automations that follow different parameters with one
// pipeline would take it back and forth.
func claims(c Config) []automation.Claim {
	return []automation.Claim{{Resource: c.String(), Path: "pipeline"}}
}

// String names what is changed.
func (c Config) String() string { return "image pipeline " + c.Pipeline }

// arn is the ARN of another resource of Image Builder in the pipeline's account and
// region.
func (c Config) arn(resource string) string {
	base, _, _ := strings.Cut(c.Pipeline, ":image-pipeline/")
	return base + ":" + resource
}
