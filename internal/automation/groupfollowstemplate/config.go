package groupfollowstemplate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/wildcard"
)

// Config is the kind's part of the fleet file.
type Config struct {
	Groups    []string            `json:"groups,omitempty" doc:"The groups by name. * stands for any characters, ? for one. Left out: any name, and tags are needed." pattern:"^[^:]{1,255}$" wanted:"the name of a group, or a pattern with * and ?" example:"web-*"`
	Tags      map[string]string   `json:"tags,omitempty" doc:"Only groups with all these tags."`
	Version   Version             `json:"version" doc:"What the groups are to launch from: $Latest or $Default, which AWS looks up at every launch, or newest-number, the newest version as a number, and again whenever there is a newer one. Only with a number can an instance refresh be rolled back." enum:"$Latest,$Default,newest-number"`
	Templates []string            `json:"templates,omitempty" doc:"Only groups that launch from these launch templates; narrows the permissions, too." pattern:"^lt-[0-9a-f]{8,17}$" wanted:"the id of a launch template" example:"lt-02c96752a8d5a34d9"`
	Uses      Uses                `json:"uses,omitzero" doc:"What the templates use. AWS checks at the change whether Drover might launch an instance from the template."`
	Sweep     automation.Duration `json:"sweep,omitempty" doc:"How often to look for what a lost event left behind." default:"15m" example:"1h"`
}

// Uses is what launch templates make use of.
type Uses struct {
	Roles      []string `json:"roles,omitempty" doc:"The IAM roles of the instance profiles; narrows iam:PassRole. Left out: any role, to EC2 alone." pattern:"^[A-Za-z0-9+=,.@_/-]{1,255}$" wanted:"the name of a role, with its path if it has one" example:"web-server"`
	Parameters []string `json:"parameters,omitempty" doc:"The Parameter Store parameters that an image is named by (resolve:ssm)." pattern:"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$" wanted:"the name of a parameter" example:"/golden/web"`
}

// Version says which version of its template a group launches from.
type Version string

// The values that a fleet file may hold.
const (
	Latest       Version = "$Latest"
	Default      Version = "$Default"
	NewestNumber Version = "newest-number"
)

const defaultSweep = 15 * time.Minute

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
	if len(c.Groups) == 0 && len(c.Tags) == 0 {
		report("groups", "neither groups nor tags", `one of them; groups: ["*"] is every group of the region`)
	}
	for i, group := range c.Groups {
		if at := slices.Index(c.Groups[:i], group); at >= 0 {
			report(fmt.Sprintf("groups[%d]", i), group+" a second time", fmt.Sprintf("each only once; it is at groups[%d] already", at))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Tags)) {
		if key == "" || c.Tags[key] == "" {
			report("tags", fmt.Sprintf("%q with the value %q", key, c.Tags[key]), "a key and a value")
		}
	}
	return append(problems, automation.CheckSweep(c.Sweep)...)
}

// patterns are what the names of chosen groups fit.
func (c Config) patterns() []string {
	if len(c.Groups) == 0 {
		return []string{"*"}
	}
	return c.Groups
}

// exact are the names of the groups, if all are listed by name.
func (c Config) exact() []string {
	for _, p := range c.patterns() {
		if !wildcard.Literal(p) {
			return nil
		}
	}
	return c.Groups
}

// chooses says whether a group of this name and with these tags is meant.
func (c Config) chooses(name string, tags map[string]string) bool {
	for key, value := range c.Tags {
		if got, ok := tags[key]; !ok || got != value {
			return false
		}
	}
	return slices.ContainsFunc(c.patterns(), func(p string) bool { return wildcard.Match(p, name) })
}

// scope says in words which groups are meant.
func (c Config) scope() string {
	text := "named " + strings.Join(c.Groups, " or ")
	if len(c.Groups) == 0 {
		text = ""
	}
	if len(c.Tags) > 0 {
		text = strings.TrimSpace(text + " with " + tagText(c.Tags))
	}
	return text
}

// allows says whether groups that launch from a template are meant.
func (c Config) allows(template string) bool {
	return len(c.Templates) == 0 || slices.Contains(c.Templates, template)
}

// claims are the versions of the groups: two automations that set that of one
// group would undo each other.
func claims(c Config) []automation.Claim {
	claim := automation.Claim{Resource: "the template version of Auto Scaling groups", Where: c.Tags}
	if len(c.Groups) == 0 {
		claim.Parts, claim.Path = c.patterns(), "tags"
		return []automation.Claim{claim}
	}
	var all []automation.Claim
	for i, group := range c.Groups {
		claim.Parts, claim.Path = []string{group}, fmt.Sprintf("groups[%d]", i)
		all = append(all, claim)
	}
	return all
}

func tagText(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}
