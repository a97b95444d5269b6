package templatefollowsimage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// Config is the kind's part of the fleet file.
type Config struct {
	Images   Images              `json:"images" doc:"Which images the template follows. What is given must all hold."`
	Template Template            `json:"template" doc:"The launch template: by one of id, name and parameter."`
	From     From                `json:"from,omitempty" doc:"The version that a new one is made from; nothing but its image is replaced." enum:"$Latest,$Default" default:"$Latest"`
	Keep     int                 `json:"keep,omitempty" doc:"How many versions are kept, the newest. The default version, and versions that a group or an instance uses, are kept beside them." minimum:"1" maximum:"10000" default:"3"`
	Expect   automation.Duration `json:"expect,omitempty" doc:"How often there is to be a new image. When the newest is older than this, a person is told. Left out: never." example:"26h"`
	Sweep    automation.Duration `json:"sweep,omitempty" doc:"How often to look for what a lost event left behind." default:"1h" example:"15m"`
}

// Images choose images.
type Images struct {
	Description string            `json:"description,omitempty" doc:"Text that the image's description contains." maxLength:"255" example:"EC2_BACKUP"`
	Name        string            `json:"name,omitempty" doc:"A pattern that the image's name fits: * stands for any text, ? for any character." pattern:"^[0-9A-Za-z()\\[\\] ./'@_*?-]{1,128}$" wanted:"the name of an image, with wildcards," example:"app-*"`
	Tags        map[string]string `json:"tags,omitempty" doc:"Tags that the image has, all of them."`
	Instance    string            `json:"instance,omitempty" doc:"The instance that the image was made from." pattern:"^i-[0-9a-f]{8,17}$" wanted:"an instance id" example:"i-05a7780f2af7c126c"`
	Owners      []string          `json:"owners,omitempty" doc:"The accounts whose images count; self is this one. Left out: this one alone." pattern:"^([0-9]{12}|self)$" wanted:"an account id or self" example:"123456789012"`
}

// Template names a launch template in one of three ways.
type Template struct {
	ID        string            `json:"id,omitempty" doc:"The template's id. It gives the narrowest permissions." pattern:"^lt-[0-9a-f]{8,17}$" wanted:"a launch template id" example:"lt-0a1b2c3d4e5f60718"`
	Name      string            `json:"name,omitempty" doc:"The template's name." pattern:"^[a-zA-Z0-9()./_-]{3,128}$" wanted:"the name of a launch template" example:"app"`
	Parameter string            `json:"parameter,omitempty" doc:"A parameter of Systems Manager whose value is the template's id or name. It is read whenever it is needed." pattern:"^(/?[a-zA-Z0-9_.-]+)(/[a-zA-Z0-9_.-]+)*$" wanted:"the name of a parameter" example:"/app/launch-template"`
	Key       string            `json:"key,omitempty" doc:"The KMS key of a parameter that is a SecureString under a key of one's own." pattern:"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$" wanted:"the ARN of a KMS key" example:"arn:aws:kms:us-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"`
	Tags      map[string]string `json:"tags,omitempty" doc:"Tags that the template must have, all of them. They narrow the permissions where the id is not known."`
}

// From is a version that is known by what it is.
type From string

// The values that a fleet file may hold.
const (
	FromLatest  From = "$Latest"
	FromDefault From = "$Default"
)

const (
	defaultKeep  = 3
	defaultSweep = time.Hour
	// self is EC2's word for the account that asks.
	self = "self"
)

func defaults(c *Config) {
	if c.From == "" {
		c.From = FromLatest
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
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
	i := c.Images
	switch {
	case i.Description == "" && i.Name == "" && len(i.Tags) == 0 && i.Instance == "":
		report("images", "nothing that tells images apart", "description, name, tags or instance")
	case i.Description != "" && strings.TrimSpace(i.Description) == "":
		report("images.description", "only blanks", "text that no other image's description contains")
	case strings.Trim(i.Name, "*?") == "" && i.Name != "" && i.Description == "" && len(i.Tags) == 0 && i.Instance == "":
		report("images.name", i.Name+", which every name fits", "a pattern such as app-*, or description, tags or instance beside it")
	}
	t := c.Template
	given := 0
	for _, name := range []string{t.ID, t.Name, t.Parameter} {
		if name != "" {
			given++
		}
	}
	switch {
	case given == 0:
		report("template", "none of id, name and parameter", "one of them")
	case given > 1:
		report("template", "several of id, name and parameter", "one of them")
	case t.Key != "" && t.Parameter == "":
		report("template.key", "a key, but no parameter", "parameter beside it, or no key")
	}
	problems = append(problems, automation.CheckSweep(c.Sweep)...)
	if c.Expect != 0 && c.Expect < c.Sweep {
		report("expect", fmt.Sprintf("%s, which is less than the sweep's %s", c.Expect, c.Sweep), "as much or more: it is looked at when the sweep is")
	}
	return problems
}

// claims is the template: two automations that follow different images with one
// template would take it back and forth.
func claims(c Config) []automation.Claim {
	return []automation.Claim{{Resource: c.Template.String(), Path: "template"}}
}

// String names the template as the fleet file does.
func (t Template) String() string {
	switch {
	case t.ID != "":
		return "launch template " + t.ID
	case t.Name != "":
		return "launch template " + t.Name
	}
	return "the launch template in parameter " + t.Parameter
}

// owners are those whose images count.
func (i Images) owners() []string {
	if len(i.Owners) == 0 {
		return []string{self}
	}
	return i.Owners
}

func tagText(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}
