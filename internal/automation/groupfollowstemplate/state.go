package groupfollowstemplate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation/version"
)

// State is what an observation found, and what the step has learned. It names
// groups and templates only: what a group launches from in full is read again
// where it is needed.
type State struct {
	// Observed is when the reads began.
	Observed time.Time `json:"observed"`
	// Groups that the configuration chooses, by name.
	Groups []Group `json:"groups,omitempty"`
	// Templates that they launch from; read for newest-number only.
	Templates []Template `json:"templates,omitempty"`
	// Refreshing are groups of which AWS has said, during this run, that they are
	// in an instance refresh with a desired configuration.
	Refreshing []string `json:"refreshing,omitempty"`
	// Wrote is when AWS acknowledged the change of a group.
	Wrote map[string]time.Time `json:"wrote,omitempty"`
}

// Group is an Auto Scaling group as it was read.
type Group struct {
	Name string `json:"name"`
	// Status is empty unless the group is being deleted.
	Status string `json:"status,omitempty"`
	// Configuration is the launch configuration, of a group without a template.
	Configuration string `json:"configuration,omitempty"`
	// Template and Version are what the group launches from, or its mixed
	// instances policy. AWS shows the version as it was given: not at all, a
	// number, "$Latest" or "$Default".
	Template     string `json:"template,omitempty"`
	TemplateName string `json:"templateName,omitempty"`
	Version      string `json:"version,omitempty"`
	// Own counts the overrides of the policy that name a template of their own.
	Own int `json:"own,omitempty"`
	// Beside is what these launch from, as plans name it.
	Beside []string `json:"beside,omitempty"`
}

// Template is a launch template as it was read.
type Template struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Newest int64  `json:"newest"`
}

// launches is how people and plans know the group's template: by its id, which
// AWS shows of every template that it knows.
func (g Group) launches() string { return cmp.Or(g.Template, g.TemplateName) }

// at names what the group launches from when its template is at a version.
func (g Group) at(v string) string { return version.All(version.Of(g.launches(), v), g.Beside...) }

// version is what the group launches from. Without one AWS takes the default.
func (g Group) version() string { return cmp.Or(g.Version, string(Default)) }

func (s State) group(name string) (Group, bool) {
	i := slices.IndexFunc(s.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return s.Groups[i], true
}

// template finds the template that a group launches from.
func (s State) template(g Group) (Template, bool) {
	i := slices.IndexFunc(s.Templates, func(t Template) bool {
		return t.ID == g.Template || g.Template == "" && t.Name == g.TemplateName
	})
	if i < 0 {
		return Template{}, false
	}
	return s.Templates[i], true
}

func sortGroups(groups []Group) {
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
}
