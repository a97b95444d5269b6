package event

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// What EC2 Auto Scaling emits about instance refreshes. There is one type of event
// for each thing that can happen to one.
const (
	TypeRefreshStarted           = "EC2 Auto Scaling Instance Refresh Started"
	TypeRefreshCheckpoint        = "EC2 Auto Scaling Instance Refresh Checkpoint Reached"
	TypeRefreshBaking            = "EC2 Auto Scaling Instance Refresh Started Baking"
	TypeRefreshSucceeded         = "EC2 Auto Scaling Instance Refresh Succeeded"
	TypeRefreshFailed            = "EC2 Auto Scaling Instance Refresh Failed"
	TypeRefreshCancelled         = "EC2 Auto Scaling Instance Refresh Cancelled"
	TypeRefreshRollbackStarted   = "EC2 Auto Scaling Instance Refresh Rollback Started"
	TypeRefreshRollbackSucceeded = "EC2 Auto Scaling Instance Refresh Rollback Succeeded"
	TypeRefreshRollbackFailed    = "EC2 Auto Scaling Instance Refresh Rollback Failed"
)

var refreshTypes = []string{
	TypeRefreshStarted, TypeRefreshCheckpoint, TypeRefreshBaking, TypeRefreshSucceeded, TypeRefreshFailed, TypeRefreshCancelled,
	TypeRefreshRollbackStarted, TypeRefreshRollbackSucceeded, TypeRefreshRollbackFailed,
}

// RefreshChange says what has happened to the instance refresh of a group. It does
// not say why: the status reason of the refresh does.
//
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html
type RefreshChange struct {
	// Type is the type of the event, such as [TypeRefreshSucceeded].
	Type string
	// ID is that of the refresh, Group the name of the group and ARN the group's.
	ID, Group, ARN string
	// Percentage and Delay are those of the checkpoint of a [TypeRefreshCheckpoint].
	Percentage int
	Delay      time.Duration
}

// AsRefreshChange reads the detail of e. It reports false if e is another type of
// event, and an error if its detail is broken.
func AsRefreshChange(e Event) (RefreshChange, bool, error) {
	if e.Source != SourceAutoScaling || !slices.Contains(refreshTypes, e.DetailType) {
		return RefreshChange{}, false, nil
	}
	r := readDetail(e)
	d := RefreshChange{
		Type: e.DetailType, ID: r.word("InstanceRefreshId", "the id of an instance refresh"), Group: r.word("AutoScalingGroupName", "the name of a group"),
	}
	if e.DetailType == TypeRefreshCheckpoint {
		d.Percentage = r.number("CheckpointPercentage", "a percentage such as \"50\"")
		d.Delay = time.Duration(r.number("CheckpointDelay", "seconds such as \"300\"")) * time.Second
	}
	// In the samples the group is the only resource.
	if i := slices.IndexFunc(e.Resources, func(arn string) bool { return strings.HasPrefix(arn, "arn:") }); i >= 0 {
		d.ARN = e.Resources[i]
	} else {
		r.refuse("resources", "no ARN", "the ARN of a group")
	}
	return d, true, r.err()
}

// number reads a number that is written as a string.
func (r *detailReader) number(name, wanted string) int {
	s := r.word(name, wanted)
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil && s != "" {
		r.refuse("detail."+r.at+name, strconv.Quote(short(s)), wanted)
	}
	return int(n)
}

// NewRefreshChange is the event that Auto Scaling emits when something happens to
// an instance refresh.
func NewRefreshChange(account, region string, d RefreshChange, at time.Time) Event {
	detail := map[string]string{"InstanceRefreshId": d.ID, "AutoScalingGroupName": d.Group}
	if d.Type == TypeRefreshCheckpoint {
		detail["CheckpointPercentage"] = strconv.Itoa(d.Percentage)
		detail["CheckpointDelay"] = strconv.Itoa(int(d.Delay / time.Second))
	}
	return identify(Event{
		Version:    "0",
		DetailType: d.Type,
		Source:     SourceAutoScaling,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{d.ARN},
		Detail:     mustJSON(detail),
	})
}
