package templatefollowsimage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
)

// The steps and calls that a plan consists of, and how it names what they set.
// They are spelled out here because a decision knows no AWS; a test holds them
// against what the audit derives from the calls themselves.
const (
	stepAwait   = "await-image"
	stepCreate  = "create-version"
	stepDefault = "set-default"
	stepPrune   = "prune"

	opCreate = "ec2:CreateLaunchTemplateVersion"
	opModify = "ec2:ModifyLaunchTemplate"

	noImage = "no image"

	// valueNumber is what create-version provides.
	valueNumber = "number"
	newNumber   = "${" + stepCreate + "." + valueNumber + "}"

	// maxKept bounds the notes about versions that are kept since somebody uses
	// them.
	maxKept = 10
	// byParameter begins an image id that is the name of a parameter.
	byParameter = "resolve:ssm:"
)

// decide says which version the template gets, which becomes the default, and
// which go.
func decide(c Config, s State, now time.Time) automation.Plan {
	d := decision{config: c, state: s}
	if why := s.Template.Unfit; why != "" {
		d.stuck(why)
		return d.plan
	}
	d.follow()
	d.prune()
	d.expect(now)
	automation.SortRemarks(d.plan.Rejected)
	if len(d.plan.Changes)+len(d.plan.Stuck) > 0 {
		d.plan.Nothing = ""
	}
	return d.plan
}

// decision is a decision in the making.
type decision struct {
	config Config
	state  State
	plan   automation.Plan
	// standard is the default version's number once the plan is carried out; 0 if
	// that is still to be made.
	standard int64
}

// follow plans for the template to have the image it is to have, or says why it
// stays as it is.
func (d *decision) follow() {
	t := d.state.Template
	d.standard = t.Default.Number
	image, ok := d.state.chosen()
	d.rejectOthers(image)
	switch {
	case !ok && len(d.state.Images) == 0:
		d.plan.Nothing = "no image matches"
	case !ok:
		d.plan.Nothing = "no image that matches is available"
	case t.Default.Image == image.ID:
		d.plan.Nothing = fmt.Sprintf("version %d of %s, the default, has %s, the newest image that matches", t.Default.Number, t.ID, image.ID)
		d.tellLatest(image)
	default:
		d.advance(image)
	}
}

// advance plans for the default version to have an image, unless the template has
// a newer one.
func (d *decision) advance(image Image) {
	t := d.state.Template
	for _, v := range []Version{t.Default, t.Latest} {
		if p, shown := d.state.present(v.Image); v.Image != image.ID && shown && p.usable() && !p.Created.Before(image.Created) {
			d.plan.Nothing = fmt.Sprintf("version %d of %s has %s, and no image that matches is newer", v.Number, t.ID, v.Image)
			d.reject(image.ID, fmt.Sprintf("of %s is not newer than %s of %s, which version %d has", moment(image.Created), p.ID, moment(p.Created), v.Number))
			return
		}
	}
	source := d.state.source(d.config)
	for _, v := range []Version{t.Default, source} {
		if strings.HasPrefix(v.Image, byParameter) {
			d.stuck(fmt.Sprintf("stays as it is: version %d takes its image from parameter %s, which %s would put an end to; give the version an image id, or the parameter another image",
				v.Number, strings.TrimPrefix(v.Image, byParameter), image.ID))
			return
		}
	}
	why := d.reason(image)
	if number := d.holder(image); number > 0 {
		d.standard = number
		d.change(stepDefault, opModify, t.ID+" default", version.Named(t.Default.Number), version.Named(number), why+"; this version has it already")
		return
	}
	d.standard = 0
	from := source.Image
	if from == "" {
		from = noImage
	}
	d.change(stepCreate, opCreate, t.ID, from, image.ID, fmt.Sprintf("%s; made from version %d", why, source.Number))
	d.change(stepDefault, opModify, t.ID+" default", version.Named(t.Default.Number), "version "+newNumber, why)
}

// reason says why an image is to take the place of the default version's.
func (d *decision) reason(image Image) string {
	text := fmt.Sprintf("%s of %s is the newest image that matches", image.ID, moment(image.Created))
	if image.State == statePending {
		text += " and will be available"
	}
	has := d.state.Template.Default.Image
	p, shown := d.state.present(has)
	switch {
	case has == "":
	case !shown:
		text += fmt.Sprintf(", and EC2 no longer shows %s", has)
	case !p.usable():
		text += fmt.Sprintf(", and %s is %s", has, p.State)
	}
	return text
}

// holder is the version that has an image already and may become the default; 0 if
// none does. What is made from the default version has nothing to do with
// versions that others are trying out.
func (d *decision) holder(image Image) int64 {
	i := slices.IndexFunc(d.state.Holders, func(h Holder) bool { return h.Image == image.ID })
	switch {
	case i < 0:
		return 0
	case d.config.From == FromDefault:
		return d.state.Holders[i].Ours
	}
	return d.state.Holders[i].Version
}

// rejectOthers says of every image that was considered why it is not the one.
func (d *decision) rejectOthers(image Image) {
	for _, i := range d.state.Images {
		switch {
		case i.ID == image.ID:
		case i.State == stateAvailable:
			d.reject(i.ID, "is older than "+image.ID)
		case i.State == statePending:
			d.reject(i.ID, "is pending; its turn comes when it is available")
		default:
			d.reject(i.ID, unusable(i))
		}
	}
	for _, i := range d.state.Named {
		switch {
		case i.Foreign:
			d.reject(i.ID, "is none of the images that are followed")
		case !i.usable():
			d.reject(i.ID, unusable(i))
		default:
			d.reject(i.ID, fmt.Sprintf("of %s is older than %s", moment(i.Created), image.ID))
		}
	}
}

func unusable(i Image) string {
	switch {
	case i.State == stateGone:
		return "is not shown by EC2"
	case i.Why != "":
		return fmt.Sprintf("is %s: %s", i.State, i.Why)
	}
	return "is " + i.State
}

// tellLatest tells that groups which launch from $Latest do not launch what the
// default version says.
func (d *decision) tellLatest(image Image) {
	if t := d.state.Template; t.Latest.Image != image.ID {
		has := t.Latest.Image
		if has == "" {
			has = noImage
		}
		d.plan.Notes = append(d.plan.Notes, fmt.Sprintf("version %d of %s, the latest, has %s, not %s: what launches from $Latest launches with that", t.Latest.Number, t.ID, has, image.ID))
	}
}

// prune plans for old versions to go.
func (d *decision) prune() {
	if len(d.plan.Stuck) > 0 {
		return
	}
	t, keep := d.state.Template, d.config.Keep
	if d.standard == 0 { // the version that is about to be made counts as the newest
		keep--
	}
	old, used := version.Surplus(d.state.Numbers, keep, d.state.Uses, d.standard)
	for _, u := range used[:min(len(used), maxKept)] {
		d.plan.Notes = append(d.plan.Notes, fmt.Sprintf("version %d of %s is kept: %s", u.Version, t.ID, u.By))
	}
	if more := len(used) - maxKept; more > 0 {
		d.plan.Notes = append(d.plan.Notes, fmt.Sprintf("%d more versions of %s are kept since somebody uses them", more, t.ID))
	}
	d.plan.Changes = append(d.plan.Changes, version.Deletions(stepPrune, t.ID, old, d.config.Keep)...)
}

// expect tells that the image that ought to be there by now is not.
func (d *decision) expect(now time.Time) {
	if d.config.Expect == 0 {
		return
	}
	every := fmt.Sprintf("did not get the image that is expected every %s: ", d.config.Expect)
	image, ok := d.state.chosen()
	switch {
	case !ok:
		d.stuck(every + "no image that matches is available")
	case now.Sub(image.Created) > time.Duration(d.config.Expect):
		d.stuck(every + fmt.Sprintf("%s, the newest that matches, is of %s", image.ID, moment(image.Created)))
	}
}

func (d *decision) change(step, operation, resource, from, to, why string) {
	d.plan.Changes = append(d.plan.Changes, automation.Change{Step: step, Operation: operation, Resource: resource, From: from, To: to, Why: why})
}

func (d *decision) reject(resource, why string) {
	d.plan.Rejected = append(d.plan.Rejected, automation.Remark{Resource: resource, Why: why})
}

func (d *decision) stuck(why string) {
	d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: d.state.Template.ID, Why: why})
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
