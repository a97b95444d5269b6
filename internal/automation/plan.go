package automation

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Plan is a decision as data: stored with the run, printed by `drover plan`,
// carried out by the steps. Exactly one of these holds:
//
//   - Changes is not empty: they are to be made;
//   - Nothing is set: there is nothing to do, and why;
//   - Stuck is set and Changes is empty: something ought to be done, but cannot.
//
// Stuck beside Changes names what stays undone after the changes are made.
type Plan struct {
	Changes  []Change `json:"changes,omitempty"`
	Rejected []Remark `json:"rejected,omitempty"` // what was considered and not chosen
	Notes    []string `json:"notes,omitempty"`    // worth telling, though no reason to act
	Nothing  string   `json:"nothing,omitempty"`
	Stuck    []Remark `json:"stuck,omitempty"`
}

// Change is one mutating call to be made. A value that is known only when an
// earlier step is done stands there as "${STEP.NAME}".
type Change struct {
	Step      string `json:"step"`
	Operation string `json:"operation"` // such as "ec2:ReplaceRoute"
	Resource  string `json:"resource"`  // as the audit names it, such as "rtb-1 10.0.0.0/8"
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	Why       string `json:"why"`
}

// Same says whether two changes make the same call to the same effect,
// whatever they start from and whatever the reason.
func (c Change) Same(d Change) bool {
	return c.Operation == d.Operation && c.Resource == d.Resource && c.To == d.To
}

// Remark says something about a resource. Why follows the resource's name in a
// sentence: "i-1" "is stopped".
type Remark struct {
	Resource string `json:"resource"`
	Why      string `json:"why"`
}

// For returns the plan's changes for one step, in order.
func (p Plan) For(step string) []Change {
	var changes []Change
	for _, c := range p.Changes {
		if c.Step == step {
			changes = append(changes, c)
		}
	}
	return changes
}

// Filled is the plan with the values that steps have provided put in place.
func (p Plan) Filled(values map[string]string) Plan {
	if len(values) == 0 {
		return p
	}
	fill := filler(values)
	p.Changes = slices.Clone(p.Changes)
	for i := range p.Changes {
		c := &p.Changes[i]
		c.Resource, c.From, c.To, c.Why = fill.Replace(c.Resource), fill.Replace(c.From), fill.Replace(c.To), fill.Replace(c.Why)
	}
	return p
}

func filler(values map[string]string) *strings.Replacer {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, "${"+name+"}", values[name])
	}
	return strings.NewReplacer(pairs...)
}

// Told are the notes with the values that steps have provided put in place. What
// was to tell of a value that never came is left out.
func (p Plan) Told(values map[string]string) []string {
	var told []string
	fill := filler(values)
	for _, note := range p.Notes {
		note = fill.Replace(note)
		if !strings.Contains(note, "${") {
			told = append(told, note)
		}
	}
	return told
}

// Within says whether every change of p is also a change of q.
func (p Plan) Within(q Plan) bool {
	for _, c := range p.Changes {
		if !slices.ContainsFunc(q.Changes, c.Same) {
			return false
		}
	}
	return true
}

// SortRemarks puts remarks in the order of their resources.
func SortRemarks(remarks []Remark) {
	slices.SortFunc(remarks, func(a, b Remark) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), strings.Compare(a.Why, b.Why))
	})
}

// Group is several resources about which the same is to be said.
type Group struct {
	What      string
	Resources []string
}

// GroupChanges gathers changes that do the same to several resources for the
// same reason, in the order in which they first appear. What it says follows a
// verb: "goes", "went", "Changed".
func GroupChanges(changes []Change) []Group {
	return group(changes, func(c Change) (string, string) { return c.Resource, c.what() })
}

// what says from what to what a change goes, and why. What goes to nothing is
// deleted; what comes from nothing, or from what does not matter, is only said
// to go to what it becomes.
func (c Change) what() string {
	s := "through " + c.Operation
	switch {
	case c.From != "" && c.To != "":
		s = "from " + c.From + " to " + c.To
	case c.From != "":
		s = "from " + c.From + " to nothing"
	case c.To != "":
		s = "to " + c.To
	}
	if c.Why != "" {
		s += ", because " + c.Why
	}
	return s
}

// GroupRemarks gathers remarks that say the same.
func GroupRemarks(remarks []Remark) []Group {
	return group(remarks, func(r Remark) (string, string) { return r.Resource, r.Why })
}

func group[T any](items []T, split func(T) (resource, what string)) []Group {
	var groups []Group
	at := map[string]int{}
	for _, item := range items {
		resource, what := split(item)
		i, ok := at[what]
		if !ok {
			i = len(groups)
			at[what] = i
			groups = append(groups, Group{What: what})
		}
		groups[i].Resources = append(groups[i].Resources, resource)
	}
	return groups
}
