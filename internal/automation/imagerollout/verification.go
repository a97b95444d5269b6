package imagerollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// Verification is how the group of an automation stands, read back from AWS.
type Verification struct {
	Group string `json:"group"`
	// Launches is what it launches from, its own template first.
	Launches []Launch `json:"launches,omitempty"`
	// Instances is how many it has, Current how many of them run the image of one of
	// its templates, and Others are those that do not.
	Instances int       `json:"instances"`
	Current   int       `json:"current"`
	Others    []Machine `json:"others,omitempty"`
	// Newer are images that are newer than the group's, the newest first.
	Newer      []Newer  `json:"newer,omitempty"`
	Nothing    string   `json:"nothing,omitempty"`    // why a sweep would do nothing
	Refreshing string   `json:"refreshing,omitempty"` // the instance refresh that is under way
	Suspended  []string `json:"suspended,omitempty"`
	// Under are the runs that are under way.
	Under []string `json:"underWay,omitempty"`
	// Differs is what is not as it should be, and Left what rollouts have left.
	Differs []Finding `json:"differs,omitempty"`
	Left    []Finding `json:"left,omitempty"`
	// Due is the image that a sweep would roll out now, and Failed one whose rollout has
	// failed and that is left alone since.
	Due    string `json:"due,omitempty"`
	Failed string `json:"failed,omitempty"`
}

// Launch is a template that the group launches from.
type Launch struct {
	Template string `json:"template"`
	Name     string `json:"name,omitempty"`
	Version  string `json:"version"` // as the group names it: a number, "$Latest" or "$Default"
	Number   int64  `json:"number"`
	// Image is that of the version. Source is the image that a rollout has made it from;
	// empty if none has.
	Image         string    `json:"image,omitempty"`
	ImageName     string    `json:"imageName,omitempty"`
	Created       time.Time `json:"created,omitzero"`
	Source        string    `json:"source,omitempty"`
	SourceCreated time.Time `json:"sourceCreated,omitzero"`
}

// Machine is an instance and what it runs.
type Machine struct {
	ID    string `json:"instance"`
	Image string `json:"image,omitempty"` // empty if EC2 does not show the instance
}

// relic is what a run has launched for a while, or a part of it, with what it was for.
type relic struct{ id, what, run, ledger string }

// Newer is an image that the group does not have, and why.
type Newer struct {
	Image   string    `json:"image"`
	Created time.Time `json:"created"`
	Why     string    `json:"why"`
}

// Finding says of a resource how it is. Why follows its name in a sentence.
type Finding struct {
	automation.Remark
	Next string `json:"next,omitempty"` // what to type
}

// Past is a run of the automation that the ledger knows of.
type Past struct {
	ID, Outcome string // the latter empty if it is under way
	Plan        automation.Plan
	// Kept are steps of it whose release has not succeeded, though it has ended.
	Kept []string
}

// OK says that the group has the image it is meant to have, and that nothing is left.
func (v Verification) OK() bool { return len(v.Differs)+len(v.Left) == 0 }

// reading is all that a verification goes by.
type reading struct {
	config   Config
	state    State
	plan     automation.Plan
	past     []Past
	ledger   string // its identity
	machines []Machine
	// temporary are the machines that were launched for a while and are there, and
	// volumes those of ones that are not.
	temporary, volumes []relic
	now                time.Time
}

// verification says how things stand.
func (r reading) verification() Verification {
	g := r.state.Group
	v := Verification{Group: r.config.Group, Nothing: r.plan.Nothing, Refreshing: g.Refreshing, Suspended: g.Suspended, Instances: len(r.machines)}
	for _, t := range r.state.Templates {
		v.Launches = append(v.Launches, Launch{
			Template: t.ID, Name: t.Name, Version: t.Version, Number: t.Number,
			Image: t.Current.ID, ImageName: t.Current.Name, Created: t.Current.Created, Source: t.Current.Source, SourceCreated: t.Current.From,
		})
		if i := t.Current; strings.HasPrefix(i.ID, "ami-") && i.State != stateAvailable {
			how := "is not shown by EC2"
			if i.State != "" {
				how = "is " + i.State
			}
			v.differ(i.ID, "%s, and %s cannot launch from it", how, g.Name)
		}
	}
	for _, m := range r.machines {
		if m.Image != "" && slices.ContainsFunc(r.state.Templates, func(t Template) bool { return t.Current.ID == m.Image }) {
			v.Current++
		} else {
			v.Others = append(v.Others, m)
		}
	}
	for _, p := range r.past {
		if p.Outcome == "" {
			v.Under = append(v.Under, p.ID)
			v.differ("run "+p.ID, "is under way")
		}
	}
	r.newer(&v)
	for _, s := range r.plan.Stuck {
		v.differ(s.Resource, "%s", s.Why)
	}
	r.leftMachines(&v)
	r.leftHold(&v)
	return v
}

func (v *Verification) differ(resource, why string, args ...any) {
	v.Differs = append(v.Differs, Finding{Remark: automation.Remark{Resource: resource, Why: fmt.Sprintf(why, args...)}})
}

func (v *Verification) leave(resource, why, next string) {
	v.Left = append(v.Left, Finding{Remark: automation.Remark{Resource: resource, Why: why}, Next: next})
}

// newer finds the images that are newer than the group's, and says why it does not have
// them. It is meant to have one that a sweep would roll out now, and the newest if that
// has failed; what waits for its time is in order.
func (r reading) newer(v *Verification) {
	if v.Due = source(r.plan); v.Due != "" {
		v.differ("group "+v.Group, "does not have %s yet, which is to be rolled out to it", v.Due)
	}
	d := decision{config: r.config, state: r.state, now: r.now}
	for _, i := range r.state.Images {
		t, unfit := d.target(i)
		_, since := t.Current.origin()
		if unfit != "" || d.has(i) || !since.IsZero() && !i.Created.After(since) {
			continue
		}
		v.Newer = append(v.Newer, Newer{Image: i.ID, Created: i.Created, Why: r.why(*v, i)})
		tried, before := r.state.tried(i.ID)
		if len(v.Newer) == 1 && v.Due == "" && before && tried.Outcome != "succeeded" && (r.config.Pin == "" || r.config.Pin == i.ID) {
			v.Failed = i.ID
			v.differ("group "+v.Group, "does not have %s, whose rollout has failed", i.ID)
		}
	}
}

// why is why an image is not what the group has, by the plan of a sweep.
func (r reading) why(v Verification, i Image) string {
	for _, n := range r.plan.Rejected {
		if n.Resource == i.ID {
			return n.Why
		}
	}
	switch {
	case i.ID == v.Due && len(v.Under) > 0:
		return "is to be rolled out, and a run is under way"
	case i.ID == v.Due:
		return "is to be rolled out: the next sweep does it"
	case r.plan.Nothing != "":
		return "is not rolled out: " + r.plan.Nothing
	}
	return "cannot be rolled out as things are"
}

// leftMachines finds what was launched for a while and has outlived its run.
func (r reading) leftMachines(v *Verification) {
	for _, m := range r.temporary {
		r.outlives(v, m, "is a "+m.what, "aws ec2 terminate-instances --instance-ids ")
	}
	for _, m := range r.volumes {
		r.outlives(v, m, "is a volume of a "+m.what, "aws ec2 delete-volume --volume-id ")
	}
}

func (r reading) outlives(v *Verification, m relic, what, remove string) {
	i := slices.IndexFunc(r.past, func(p Past) bool { return p.ID == m.run })
	what += " of run " + m.run
	switch {
	case i >= 0 && r.past[i].Outcome == "": // it is at work
	case i >= 0:
		v.leave(m.id, what+", which ended "+r.past[i].Outcome, remove+m.id)
	case m.ledger == r.ledger:
		v.leave(m.id, what+", of which the ledger knows nothing any more", remove+m.id)
	default:
		v.leave(m.id, what+" of another ledger, which may be under way", "drover show "+m.run+" --ledger LEDGER, with the ledger "+m.ledger)
	}
}

// leftHold finds what keeps the group from growing and should not any more. Processes
// that somebody else has suspended are none of it.
func (r reading) leftHold(v *Verification) {
	g := r.state.Group
	told := map[string]bool{}
	for _, p := range slices.Backward(r.past) {
		if !slices.Contains(p.Kept, stepHold) {
			continue
		}
		for _, c := range p.Plan.For(stepHold) {
			if c.Operation != opSuspend {
				continue
			}
			held := slices.DeleteFunc(processesIn(c.To), func(name string) bool { return told[name] || !slices.Contains(g.Suspended, name) })
			if len(held) == 0 {
				continue
			}
			for _, name := range held {
				told[name] = true
			}
			v.leave("group "+g.Name, fmt.Sprintf("has %s suspended, by run %s, which ended %s without resuming it", inWords(held), p.ID, p.Outcome),
				fmt.Sprintf("aws autoscaling resume-processes --auto-scaling-group-name %s --scaling-processes %s", g.Name, strings.Join(held, " ")))
		}
	}
	if g.Original > 0 && len(v.Under) == 0 {
		v.leave("group "+g.Name, fmt.Sprintf("has a maximum of %d, to which a run has lowered it from %d without restoring it", g.Max, g.Original),
			fmt.Sprintf("aws autoscaling update-auto-scaling-group --auto-scaling-group-name %s --max-size %d", g.Name, g.Original))
	}
}
