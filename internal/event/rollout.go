package event

import "time"

// TypeRollout is Drover's own event that a person asks for a rollout.
const TypeRollout = "Drover Rollout Requested"

// RolloutRequest asks for an image to be rolled out to a group, whatever was tried
// before.
type RolloutRequest struct {
	Group string `json:"group"`
	Image string `json:"image"`
}

// NewRolloutRequest is the event of a request made at a time.
func NewRolloutRequest(r RolloutRequest, at time.Time) Event {
	return identify(Event{
		Version: "0", DetailType: TypeRollout, Source: SourceDrover, Time: at.UTC(), Resources: []string{r.Image}, Detail: mustJSON(r),
	})
}

// AsRolloutRequest reads a request. It reports false if e is another type of event, and
// an error if its detail is broken.
func AsRolloutRequest(e Event) (request RolloutRequest, ok bool, err error) {
	if !e.is(SourceDrover, TypeRollout) {
		return RolloutRequest{}, false, nil
	}
	r := readDetail(e)
	request = RolloutRequest{Group: r.word("group", "the name of an Auto Scaling group"), Image: r.word("image", "the id of an image")}
	return request, true, r.err()
}
