package event

import "time"

// What EC2 Image Builder emits.
const (
	SourceImageBuilder = "aws.imagebuilder"

	TypeBuildStateChange = "EC2 Image Builder Image State Change"
)

// BuildStateChange says that a build of Image Builder has reached a state. It says
// neither of which pipeline it is nor which AMI came of it.
//
// https://docs.aws.amazon.com/imagebuilder/latest/userguide/integ-eventbridge.html
type BuildStateChange struct {
	// Image is the ARN of the build's image: ".../image/NAME/1.0.0/1".
	Image string
	// Status is one such as TESTING or AVAILABLE, From the one before.
	Status, From string
	// Reason says why it has failed or was cancelled. It is often empty.
	Reason string
}

// How a build ends.
const (
	BuildAvailable = "AVAILABLE"
	BuildFailed    = "FAILED"
	BuildCancelled = "CANCELLED"
)

// buildState is one of the two states in the detail.
type buildState struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// AsBuildStateChange reads the detail of e. It reports false if e is another type
// of event, and an error if its detail is broken.
func AsBuildStateChange(e Event) (BuildStateChange, bool, error) {
	if !e.is(SourceImageBuilder, TypeBuildStateChange) {
		return BuildStateChange{}, false, nil
	}
	r := readDetail(e)
	after := r.within("state", "a state")
	d := BuildStateChange{Status: after.word("status", "a status such as AVAILABLE"), Reason: after.optional("reason")}
	r.problems = after.problems
	if _, told := r.members.get("previous-state"); told {
		before := r.within("previous-state", "a state")
		d.From = before.optional("status")
		r.problems = before.problems
	}
	if len(e.Resources) == 0 || e.Resources[0] == "" {
		r.refuse("resources", "none", "the ARN of an image")
	} else {
		d.Image = e.Resources[0]
	}
	return d, true, r.err()
}

// within reads an object that is a member. Its problems are added to those of r.
func (r *detailReader) within(name, wanted string) *detailReader {
	inner := &detailReader{event: r.event, at: r.at + name + ".", problems: r.problems}
	if r.members == nil {
		return inner // refused already
	}
	n, ok := r.members.get(name)
	if !ok {
		inner.refuse("detail."+r.at+name, "no such member", wanted)
		return inner
	}
	if inner.members, ok = n.value.(members); !ok {
		inner.refuse("detail."+r.at+name, n.String(), wanted)
	}
	return inner
}

// NewBuildStateChange is the event that Image Builder emits when a build reaches a
// state. The reason belongs to the state.
func NewBuildStateChange(account, region string, d BuildStateChange, at time.Time) Event {
	return identify(Event{
		Version:    "0",
		DetailType: TypeBuildStateChange,
		Source:     SourceImageBuilder,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{d.Image},
		Detail: mustJSON(struct {
			Before buildState `json:"previous-state"`
			After  buildState `json:"state"`
		}{buildState{Status: d.From}, buildState{d.Status, d.Reason}}),
	})
}
