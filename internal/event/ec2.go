package event

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// What EC2 emits about instances and images. None of these events is sure to arrive.
const (
	SourceEC2 = "aws.ec2"

	TypeInstanceStateChange     = "EC2 Instance State-change Notification"
	TypeSpotInterruption        = "EC2 Spot Instance Interruption Warning"
	TypeRebalanceRecommendation = "EC2 Instance Rebalance Recommendation"
	TypeImageStateChange        = "EC2 AMI State Change"
)

// InstanceStateChange says that an instance has reached a state. It does not
// say from which, nor why.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
type InstanceStateChange struct {
	InstanceID string `json:"instance-id"`
	// State is pending, running, stopping, stopped, shutting-down or terminated.
	State string `json:"state"`
}

var instanceStates = []string{"pending", "running", "stopping", "stopped", "shutting-down", "terminated"}

// AsInstanceStateChange reads the detail of e. It reports false if e is
// another type of event, and an error if its detail is broken.
func AsInstanceStateChange(e Event) (InstanceStateChange, bool, error) {
	if !e.is(SourceEC2, TypeInstanceStateChange) {
		return InstanceStateChange{}, false, nil
	}
	r := readDetail(e)
	d := InstanceStateChange{InstanceID: r.instance(), State: r.oneOf("state", instanceStates)}
	return d, true, r.err()
}

// NewInstanceStateChange is the event that EC2 emits when an instance reaches
// a state.
func NewInstanceStateChange(account, region, instance, state string, at time.Time) Event {
	return ec2Event(TypeInstanceStateChange, account, region, instance, at,
		InstanceStateChange{InstanceID: instance, State: state})
}

// SpotInterruption says that EC2 takes a spot instance back, two minutes
// ahead, or at once if the action is hibernate.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
type SpotInterruption struct {
	InstanceID string `json:"instance-id"`
	// Action is hibernate, stop or terminate. It may come to be another word:
	// whatever it is, the instance goes.
	Action string `json:"instance-action"`
}

// AsSpotInterruption reads the detail of e. It reports false if e is another
// type of event, and an error if its detail is broken.
func AsSpotInterruption(e Event) (SpotInterruption, bool, error) {
	if !e.is(SourceEC2, TypeSpotInterruption) {
		return SpotInterruption{}, false, nil
	}
	r := readDetail(e)
	d := SpotInterruption{InstanceID: r.instance(), Action: r.word("instance-action", "an action such as terminate")}
	return d, true, r.err()
}

// NewSpotInterruption is the event that EC2 emits before it takes a spot
// instance back.
func NewSpotInterruption(account, region, instance, action string, at time.Time) Event {
	return ec2Event(TypeSpotInterruption, account, region, instance, at,
		SpotInterruption{InstanceID: instance, Action: action})
}

// RebalanceRecommendation says that a spot instance is at elevated risk of
// being interrupted.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
type RebalanceRecommendation struct {
	InstanceID string `json:"instance-id"`
}

// AsRebalanceRecommendation reads the detail of e. It reports false if e is
// another type of event, and an error if its detail is broken.
func AsRebalanceRecommendation(e Event) (RebalanceRecommendation, bool, error) {
	if !e.is(SourceEC2, TypeRebalanceRecommendation) {
		return RebalanceRecommendation{}, false, nil
	}
	r := readDetail(e)
	d := RebalanceRecommendation{InstanceID: r.instance()}
	return d, true, r.err()
}

// NewRebalanceRecommendation is the event that EC2 emits when a spot instance
// is at elevated risk.
func NewRebalanceRecommendation(account, region, instance string, at time.Time) Event {
	return ec2Event(TypeRebalanceRecommendation, account, region, instance, at,
		RebalanceRecommendation{InstanceID: instance})
}

// ImageStateChange says what became of an image that was being made, or that
// an image is gone. There is none for an image that begins to be made.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-ami-events.html
type ImageStateChange struct {
	ImageID string `json:"ImageId"`
	// State is available, failed or deregistered.
	State string `json:"State"`
	// ErrorMessage says why an image has failed; otherwise it is empty.
	ErrorMessage string `json:"ErrorMessage"`
}

var imageStates = []string{"available", "failed", "deregistered"}

// AsImageStateChange reads the detail of e. It reports false if e is another
// type of event, and an error if its detail is broken.
func AsImageStateChange(e Event) (ImageStateChange, bool, error) {
	if !e.is(SourceEC2, TypeImageStateChange) {
		return ImageStateChange{}, false, nil
	}
	r := readDetail(e)
	d := ImageStateChange{
		ImageID:      r.word("ImageId", "an image id such as ami-0123456789abcdef0"),
		State:        r.oneOf("State", imageStates),
		ErrorMessage: r.optional("ErrorMessage"),
	}
	return d, true, r.err()
}

// NewImageStateChange is the event that EC2 emits when an image is available,
// has failed or is gone.
func NewImageStateChange(account, region, image, state, message string, at time.Time) Event {
	e := ec2Event(TypeImageStateChange, account, region, image, at,
		ImageStateChange{ImageID: image, State: state, ErrorMessage: message})
	e.Resources = []string{fmt.Sprintf("arn:aws:ec2:%s::image/%s", region, image)}
	return identify(e)
}

func (r *detailReader) instance() string {
	return r.word("instance-id", "an instance id such as i-1234567890abcdef0")
}

// ec2Event is an event about one instance, in the partition aws.
func ec2Event(detailType, account, region, instance string, at time.Time, detail any) Event {
	return identify(Event{
		Version:    "0",
		DetailType: detailType,
		Source:     SourceEC2,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", region, account, instance)},
		Detail:     mustJSON(detail),
	})
}

// identify gives an event an id in the form of a UUID. Equal events have equal
// ids, so that what is rehearsed can be repeated to the byte.
func identify(e Event) Event {
	e.ID = ""
	h := sha256.Sum256(mustJSON(e))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8, a form of our own (RFC 9562)
	e.ID = fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
	return e
}

// mustJSON writes values of this package that cannot fail to be JSON.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
