package autoscaling

// What is told of instances that come and go, in the form of
// facts/events/asg-instance-{launch,terminate}-*.json. The cause is shortened. Not
// modelled: DescribeScalingActivities.

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// activityDetail is the detail of such an event.
type activityDetail struct {
	StatusCode           string
	Description          string `json:",omitempty"`
	AutoScalingGroupName string
	ActivityID           string `json:"ActivityId"`
	Details              struct {
		Zone   string `json:"Availability Zone,omitempty"`
		Subnet string `json:"Subnet ID,omitempty"`
	}
	RequestID     string `json:"RequestId"`
	StatusMessage string
	EndTime       time.Time
	EC2InstanceID string `json:"EC2InstanceId"`
	StartTime     time.Time
	Cause         string
	Origin        string
	Destination   string
}

const (
	outside = "EC2"
	inside  = "AutoScalingGroup"
)

func (t *tending) launched(i types.Instance, own member) {
	t.tell("EC2 Instance Launch Successful", activityDetail{
		StatusCode: "InProgress", Description: "Launching a new EC2 instance: " + *i.InstanceId, EC2InstanceID: *i.InstanceId, StartTime: own.launched, Cause: own.cause,
		Origin: outside, Destination: inside,
	}, aws.ToString(i.AvailabilityZone), own.subnet)
}

func (t *tending) ended(i types.Instance, own member) {
	t.tell("EC2 Instance Terminate Successful", activityDetail{
		StatusCode: "InProgress", Description: "Terminating EC2 instance: " + *i.InstanceId, EC2InstanceID: *i.InstanceId, StartTime: own.ending, Cause: own.cause,
		Origin: inside, Destination: outside,
	}, aws.ToString(i.AvailabilityZone), own.subnet)
}

// notLaunched has no instance, as in
// facts/events/asg-instance-launch-unsuccessful-real-empty-instance-id.json.
func (t *tending) notLaunched(l Launch, cause string, err error) {
	t.tell("EC2 Instance Launch Unsuccessful", activityDetail{
		StatusCode: "Failed", StatusMessage: fmt.Sprintf("%s. Launching EC2 instance failed.", message(err)), StartTime: t.m.Now, Cause: cause,
		Origin: outside, Destination: inside,
	}, "", l.Subnet)
}

func (t *tending) tell(kind string, d activityDetail, zone, subnet string) {
	at := t.m.Now.UTC().Truncate(time.Second)
	d.AutoScalingGroupName, d.ActivityID, d.RequestID = t.group.name(), t.m.UUID("activity"), t.m.UUID("request")
	d.Details.Zone, d.Details.Subnet = zone, subnet
	d.StartTime, d.EndTime = d.StartTime.UTC().Truncate(time.Second), at
	d.Cause = "At " + d.StartTime.Format(time.RFC3339) + " " + d.Cause
	detail, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("awssim: activity of %s as JSON: %v", d.AutoScalingGroupName, err))
	}
	resources := []string{*t.group.AutoScalingGroupARN}
	if d.EC2InstanceID != "" {
		resources = append(resources, t.m.ARN("ec2", "instance/"+d.EC2InstanceID))
	}
	t.m.Emit(event.Event{
		Version: "0", ID: t.m.UUID("event"), DetailType: kind, Source: event.SourceAutoScaling,
		Account: t.m.Account(), Region: t.m.Region(), Time: at, Resources: resources, Detail: detail,
	})
}

// moved is the answer about an instance that enters or leaves standby.
func moved(m *awssim.Moment, g group, id, what string) types.Activity {
	return types.Activity{
		ActivityId: aws.String(m.UUID("activity")), AutoScalingGroupName: g.AutoScalingGroupName, StartTime: aws.Time(m.Now),
		StatusCode: types.ScalingActivityStatusCodeInProgress, Description: aws.String(what + ": " + id),
		Cause: aws.String("At " + m.Now.UTC().Format(time.RFC3339) + " instance " + id + " was moved in response to a user request."),
	}
}
