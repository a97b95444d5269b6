package imagerollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// decide says which image is rolled out, and how.
func decide(c Config, s State, now time.Time) automation.Plan {
	d := decision{config: c, state: s, now: now}
	if s.Elsewhere != "" {
		d.plan.Nothing = s.Elsewhere
		return d.plan
	}
	if why := d.unfit(); why != "" {
		d.plan.Stuck = []automation.Remark{{Resource: c.Group, Why: why}}
		return d.plan
	}
	image, ok := d.choose()
	if ok {
		d.admit(image)
	}
	automation.SortRemarks(d.plan.Rejected)
	return d.plan
}

const (
	// succeeded is how a run has ended that has rolled its image out.
	succeeded = "succeeded"
)

// decision is a decision in the making.
type decision struct {
	config Config
	state  State
	now    time.Time
	plan   automation.Plan
}

// byParameter begins the image of a version that takes it from Parameter Store.
const byParameter = "resolve:ssm:"

// unfit says why nothing can be rolled out to the group; "" if it can.
func (d *decision) unfit() string {
	g := d.state.Group
	if g.Gone != "" {
		return g.Gone
	}
	if len(d.state.Templates) == 0 {
		return "launches from no launch template; give it one"
	}
	for _, t := range d.state.Templates {
		switch {
		case len(t.Torn) > 0:
			return fmt.Sprintf("launches from several versions of %s: %s; have all its overrides use one", t.ID, strings.Join(append([]string{t.Version}, t.Torn...), ", "))
		case strings.HasPrefix(t.Current.ID, byParameter):
			return fmt.Sprintf("launches from version %d of %s, which takes its image from parameter %s: a rollout would put an end to that; give the version an image id, or the parameter another image",
				t.Number, t.ID, strings.TrimPrefix(t.Current.ID, byParameter))
		case d.config.Refresh != nil && t.floats() && d.config.Refresh.Floating == FloatingRefuse:
			return fmt.Sprintf("launches from %s of %s, to which AWS cannot roll a refresh back; have it launch from a number, or say refresh.floating: pin", t.Version, t.ID)
		case d.config.Refresh != nil && t.floats() && len(d.state.Templates) > 1:
			return fmt.Sprintf("launches from several templates, and from %s of %s, to which AWS cannot roll a refresh back; have it launch from a number", t.Version, t.ID)
		}
	}
	return ""
}

// choose is the image that is to be rolled out, if this is the hour. If there is none,
// the plan says why.
func (d *decision) choose() (Image, bool) {
	for _, id := range d.state.Foreign {
		d.reject(id, "is none of "+d.chooser()+", or a rollout has made it")
	}
	for _, i := range d.state.Images {
		why, had := d.notNow(i)
		if why == "" {
			for _, older := range d.state.Images {
				if newestFirst(i, older) < 0 && !d.has(older) {
					d.reject(older.ID, "is older than "+i.ID)
				}
			}
			d.plan.Nothing = ""
			return i, true
		}
		if !had {
			d.reject(i.ID, why)
		} else if d.plan.Nothing == "" {
			d.plan.Nothing = fmt.Sprintf("%s launches from %s", d.config.Group, d.origin(i))
		}
	}
	for _, wanted := range []string{d.config.Pin, d.state.Asked} {
		_, shown := d.state.image(wanted)
		switch i := (Image{ID: wanted}); {
		case wanted == "", shown:
		case d.has(i):
			d.plan.Nothing = fmt.Sprintf("%s launches from %s", d.config.Group, d.origin(i))
		default:
			d.plan.Nothing = wanted + " cannot be rolled out: EC2 does not show it, or it is another account's, or a rollout has made it"
		}
	}
	if d.plan.Nothing == "" {
		d.plan.Nothing = "no image that the source chooses is to be rolled out"
	}
	return Image{}, false
}

// target is the template that an image is for: that with images of its architecture.
// Where the group launches from one template alone, an unknown architecture is no
// matter.
func (d *decision) target(i Image) (t Template, why string) {
	var fit []Template
	for _, t := range d.state.Templates {
		if a := t.Current.Architecture; a == i.Architecture || len(d.state.Templates) == 1 && (a == "" || i.Architecture == "") {
			fit = append(fit, t)
		}
	}
	switch len(fit) {
	case 1:
		return fit[0], ""
	case 0:
		return Template{}, fmt.Sprintf("is for %s, of which %s launches nothing", i.Architecture, d.config.Group)
	}
	return Template{}, fmt.Sprintf("is for %s, and so are both %s and %s of %s: nobody can tell for which it is meant", i.Architecture, fit[0].ID, fit[1].ID, d.config.Group)
}

// has says whether the group launches from an image, or from one made from it.
func (d *decision) has(i Image) bool {
	return slices.ContainsFunc(d.state.Templates, func(t Template) bool {
		id, _ := t.Current.origin()
		return id == i.ID
	})
}

// origin says which image the group has that comes from another, and where from.
func (d *decision) origin(i Image) string {
	for _, t := range d.state.Templates {
		if t.Current.Source == i.ID {
			return fmt.Sprintf("%s, which was made from %s", t.Current.ID, i.ID)
		}
	}
	return i.ID
}

// notNow says why an image is not the one, "" if it is; and whether that is because
// the group has it.
func (d *decision) notNow(i Image) (why string, had bool) {
	if d.has(i) {
		return "is what the group has", true
	}
	target, unfit := d.target(i)
	has, since := target.Current.origin()
	asked := d.state.Asked == i.ID
	tried, before := d.state.tried(i.ID)
	ripe := i.Created.Add(time.Duration(d.config.MinAge))
	switch {
	case d.config.Pin != "" && i.ID != d.config.Pin:
		return "is not " + d.config.Pin + ", to which the fleet file pins the group", false
	case d.state.Asked != "" && !asked:
		return "is not " + d.state.Asked + ", which was asked for", false
	case i.State == statePending:
		return "is pending", false
	case i.State != stateAvailable && i.Why != "":
		return fmt.Sprintf("is %s: %s", i.State, i.Why), false
	case i.State != stateAvailable:
		return "is " + i.State, false
	case unfit != "":
		return unfit, false
	case asked:
		return "", false
	case d.config.Pin == "" && !since.IsZero() && !i.Created.After(since):
		return fmt.Sprintf("of %s is not newer than %s, which the group has", moment(i.Created), has), false
	case before && tried.Outcome == succeeded && d.config.Pin != i.ID:
		return fmt.Sprintf("was rolled out by run %s at %s, and the group has gone elsewhere since; to roll it out again: drover rollout start --image %s", tried.Run, moment(tried.Ended), i.ID), false
	case before && tried.Outcome != succeeded:
		return fmt.Sprintf("was tried by run %s, which ended %s at %s; to try it again: drover rollout start --image %s", tried.Run, tried.Outcome, moment(tried.Ended), i.ID), false
	case d.now.Before(ripe):
		return fmt.Sprintf("is not old enough before %s", moment(ripe)), false
	}
	return "", false
}

// admit plans for an image to be rolled out, unless this is not the hour.
func (d *decision) admit(i Image) {
	g := d.state.Group
	target, _ := d.target(i)
	if g.Refreshing != "" {
		then := "the sweep comes back to it"
		if d.state.Asked == i.ID {
			then = "ask again then"
		}
		d.plan.Nothing = fmt.Sprintf("%s is in instance refresh %s, which this rollout has not begun: %s waits for its end, and %s", g.Name, g.Refreshing, i.ID, then)
		return
	}
	if d.plan.Nothing = d.closed(i); d.plan.Nothing != "" {
		return
	}
	for _, m := range d.state.Missing {
		d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: m.Resource, Why: m.Why})
	}
	if b := d.config.Builder; b != nil && b.Type == "" && target.Type == "" {
		d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: target.ID, Why: "names no instance type, which the builder needs; say builder.type"})
	}
	if len(d.plan.Stuck) == 0 {
		d.rollOut(i, target)
		d.plan.Notes = append(d.plan.Notes, d.state.Unread...)
	}
}

// closed says until when an image waits for the maintenance window; "" if it need not.
func (d *decision) closed(i Image) string {
	w := d.config.Window
	if w == nil || d.state.Asked == i.ID {
		return ""
	}
	opens, err := schedule.Parse(w.Opens, w.TimeZone)
	if err != nil {
		return fmt.Sprintf("window: %v", err) // check has refused it
	}
	next := opens.Next(d.now.Add(-time.Duration(w.For)))
	switch {
	case next.IsZero():
		return fmt.Sprintf("%s waits for the maintenance window, which does not open any more: %s", i.ID, w.Opens)
	case next.After(d.now):
		return fmt.Sprintf("%s waits for the maintenance window, which opens at %s", i.ID, moment(next))
	}
	return ""
}

// chooser names the source for people.
func (d *decision) chooser() string {
	switch s := d.config.Source; {
	case s.Backups != nil && len(s.Backups.Tags) > 0:
		return "the backups of instances with " + tagText(s.Backups.Tags)
	case s.Backups != nil:
		return "the backups of the group's instances"
	case s.Images != nil && s.Images.Name == "":
		return "the images with " + tagText(s.Images.Tags)
	case s.Images != nil && len(s.Images.Tags) > 0:
		return "the images named " + s.Images.Name + " with " + tagText(s.Images.Tags)
	case s.Images != nil:
		return "the images named " + s.Images.Name
	}
	return "the images"
}

// name is the new image's: the same whatever run makes it, unless there is one of
// that name.
func (d *decision) name(i Image) string {
	base := namedAfter(d.config.Group) + "-from-" + i.ID
	name := base
	for n := 2; slices.Contains(d.state.Names, name); n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	return name
}

// namedAfter is a group's name as the name of an image may begin: with what EC2 allows,
// and short enough.
func namedAfter(group string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("()[] ./-'@_", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, group)
	const most = 90 // of the 128 that EC2 allows, see facts/apis.md 1.3
	return name[:min(len(name), most)]
}

func (d *decision) change(step, operation, resource, from, to, why string) {
	d.plan.Changes = append(d.plan.Changes, automation.Change{Step: step, Operation: operation, Resource: resource, From: from, To: to, Why: why})
}

func (d *decision) note(format string, args ...any) {
	d.plan.Notes = append(d.plan.Notes, fmt.Sprintf(format, args...))
}

func (d *decision) reject(resource, why string) {
	d.plan.Rejected = append(d.plan.Rejected, automation.Remark{Resource: resource, Why: why})
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
