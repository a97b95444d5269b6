package parameterfollowsplatform

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// The steps and calls that a plan consists of, and how it names what they set.
// They are spelled out here because a decision knows no AWS; a test holds them
// against what the audit derives from the calls themselves.
const (
	stepPublish = "publish"
	stepTag     = "tag"

	opPut = "ssm:PutParameter"
	opTag = "ssm:AddTagsToResource"

	tagFleet      = "drover:fleet"
	tagAutomation = "drover:automation"
	tagSource     = "drover:source"

	typeString = "String"
	dataText   = "text"
	dataImage  = "aws:ec2:image"
	imageID    = "ami-" // begins one

	// maxTag is how long the value of a tag may be.
	maxTag = 256
)

// decide says which image the parameter gets, and with which tags.
func decide(c Config, s State, now time.Time) automation.Plan {
	d := decision{config: c, state: s, now: now}
	d.tellBranch()
	switch unfit := s.Parameter.unfit(); {
	case unfit != "":
		d.stuck(c.Parameter, unfit)
	case s.Missing != "":
		d.stuck(c.Parameter, "gets no image: "+s.Missing)
	default:
		if of, image, ok := d.choose(); ok {
			d.publish(of, image)
		}
	}
	automation.SortRemarks(d.plan.Rejected)
	return d.plan
}

// decision is a decision in the making.
type decision struct {
	config Config
	state  State
	now    time.Time
	plan   automation.Plan
}

// unfit says why a parameter is not to be touched; empty if it is.
func (p Parameter) unfit() string {
	switch {
	case !p.Exists:
		return ""
	case p.Type != typeString:
		return fmt.Sprintf("stays as it is: it is a %s, and only a String can have the data type %s; delete it, or name another parameter", p.Type, dataImage)
	case p.DataType != dataText && p.DataType != dataImage:
		return fmt.Sprintf("stays as it is: it has the data type %s; delete it, or name another parameter", p.DataType)
	case p.Value == "":
		return "stays as it is: what it holds is no image id, so it may be somebody else's; delete it, or name another parameter"
	}
	return ""
}

// choose finds the image that the parameter is to have: that of the newest
// candidate that is ready and old enough.
func (d *decision) choose() (of Candidate, image Image, ok bool) {
	var young string // the first that only lacks age
	var passed []string
	for _, of := range d.state.Candidates {
		if of.Status != "" {
			d.reject(of.Name, "is "+of.Status)
			passed = append(passed, of.Name+" is "+of.Status)
			continue
		}
		image, why := d.config.pick(of)
		ripe := image.Created.Add(time.Duration(d.config.MinAge))
		switch {
		case why != "" && of.Passed:
			d.reject(of.Name, why)
			passed = append(passed, of.Name+" "+why)
		case why != "":
			d.stuck(d.config.Parameter, fmt.Sprintf("gets no image: %s %s", of.Name, why))
			return Candidate{}, Image{}, false
		case !d.now.Before(ripe):
			return of, image, true
		case d.state.Parameter.Value == image.ID:
			// An age that is asked for later takes nothing back.
			d.note(fmt.Sprintf("%s is not %s old before %s, but %s has it already", image.ID, d.config.MinAge, moment(ripe), d.config.Parameter))
			return of, image, true
		default:
			d.reject(of.Name, fmt.Sprintf("has %s of %s, which is %s old at %s, and not published before", image.ID, moment(image.Created), d.config.MinAge, moment(ripe)))
			if young == "" {
				young = fmt.Sprintf("%s of %s is %s old at %s", image.ID, of.Name, d.config.MinAge, moment(ripe))
			}
		}
	}
	if young != "" {
		d.plan.Nothing = "no image is old enough: " + young
		return Candidate{}, Image{}, false
	}
	d.stuck(d.config.Parameter, fmt.Sprintf("gets no image: %s has none that can be published (%s)", d.config.Source, strings.Join(passed[:min(len(passed), 3)], "; ")))
	return Candidate{}, Image{}, false
}

// settles says whether no older candidate needs to be looked at.
func (c Config) settles(of Candidate, has string, now time.Time) bool {
	if of.Status != "" {
		return false
	}
	image, why := c.pick(of)
	if why != "" {
		return !of.Passed
	}
	return image.ID == has || !now.Before(image.Created.Add(time.Duration(c.MinAge)))
}

// pick is the image of a candidate that is what was asked for, or says why there
// is none.
func (c Config) pick(of Candidate) (Image, string) {
	if len(of.Images) == 0 {
		return Image{}, "lists no image"
	}
	var fitting []Image
	var whys []string
	for _, i := range of.Images {
		if why := c.unfit(i); why != "" {
			whys = append(whys, i.ID+" "+why)
			continue
		}
		fitting = append(fitting, i)
	}
	if len(fitting) == 0 {
		return Image{}, fmt.Sprintf("has no image that is %s, %s and available: %s", c.Architecture, c.Virtualization, strings.Join(whys, ", "))
	}
	slices.SortFunc(fitting, newestFirst)
	return fitting[0], ""
}

// unfit says why an image is not what was asked for; empty if it is.
func (c Config) unfit(i Image) string {
	switch {
	case i.Virtualization != "" && i.Virtualization != string(c.Virtualization):
		return "is " + i.Virtualization
	case i.State == stateGone:
		return "is not shown by EC2"
	case i.Architecture != string(c.Architecture):
		return "is " + i.Architecture
	case i.State != stateAvailable:
		return "is " + i.State
	}
	return ""
}

// publish plans for the parameter to have an image, and to say where it is from.
func (d *decision) publish(of Candidate, image Image) {
	name, p := d.config.Parameter, d.state.Parameter
	what := fmt.Sprintf("%s of %s comes from %s", image.ID, moment(image.Created), of.Name)
	switch {
	case !p.Exists:
		d.change(stepPublish, opPut, name, "", image.ID, what)
	case p.DataType != dataImage:
		d.change(stepPublish, opPut, name, p.Value+" of data type "+p.DataType, image.ID, what+", and the data type is to be "+dataImage)
	case p.Value != image.ID:
		d.change(stepPublish, opPut, name, p.Value, image.ID, what)
	}
	if lacking := d.lacking(of); len(lacking) > 0 {
		had := map[string]string{}
		for k := range lacking {
			if v, ok := p.Tags[k]; ok {
				had[k] = v
			}
		}
		d.change(stepTag, opTag, name+" tags", tagText(had), tagText(lacking), "tags say where the image is from, and who keeps it")
	}
	if len(d.plan.Changes) == 0 {
		d.plan.Nothing = fmt.Sprintf("%s has %s, which comes from %s", name, image.ID, of.Name)
	}
}

// lacking are the tags that the parameter is to have and has not.
func (d *decision) lacking(of Candidate) map[string]string {
	wanted := map[string]string{
		tagFleet: d.state.Keeper.Fleet, tagAutomation: d.state.Keeper.Automation, tagSource: tagValue(of.Origin),
	}
	maps.DeleteFunc(wanted, func(k, v string) bool {
		had, ok := d.state.Parameter.Tags[k]
		return ok && had == v
	})
	return wanted
}

// tellBranch tells what a person may want to change about the source.
func (d *decision) tellBranch() {
	b := d.state.Branch
	switch strings.ToLower(b.State) {
	case "deprecated":
		d.note(fmt.Sprintf("platform branch %s is deprecated: AWS is going to retire it", b.Name))
	case "retired":
		d.note(fmt.Sprintf("platform branch %s is retired: it gets no new versions", b.Name))
	}
	if b.Newest != "" {
		d.note(fmt.Sprintf("version %s of %s is newer than the pinned one; name source.branch to follow new versions", b.Newest, b.Name))
	}
}

func (d *decision) change(step, operation, resource, from, to, why string) {
	d.plan.Changes = append(d.plan.Changes, automation.Change{Step: step, Operation: operation, Resource: resource, From: from, To: to, Why: why})
}

func (d *decision) note(text string) { d.plan.Notes = append(d.plan.Notes, text) }

func (d *decision) reject(resource, why string) {
	d.plan.Rejected = append(d.plan.Rejected, automation.Remark{Resource: resource, Why: why})
}

func (d *decision) stuck(resource, why string) {
	d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: resource, Why: why})
}

// tagText writes tags as the audit does.
func tagText(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}

// tagValue puts an underscore for what the value of a tag may not hold: names of
// images and platforms may have parentheses.
func tagValue(text string) string {
	value := []rune(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(" _.:/=+-@", r):
			return r
		}
		return '_'
	}, text))
	return strings.TrimSpace(string(value[:min(len(value), maxTag)]))
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
