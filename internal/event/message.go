package event

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/failure"
)

// ErrTest is wrapped by the error for the message that Auto Scaling sends when a
// hook or a notification is set up: it means nothing, and is of class
// failure.Skip.
var ErrTest = errors.New("a test notification of Auto Scaling")

// SourceAutoScaling is where events of Auto Scaling come from.
const SourceAutoScaling = "aws.autoscaling"

// ParseMessage reads the event that the message of a queue or topic holds:
//
//   - an event, as EventBridge sends it;
//   - an SNS notification with an event in it, as it reaches a queue that is
//     subscribed without raw delivery;
//   - what Auto Scaling itself sends to a hook's or a notification's target. That is
//     no event: it is given the envelope that EventBridge would have sent, without
//     what only EventBridge knows, which is the region unless there is an ARN.
//
// Anything else is an error as that of [Parse].
//
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html
func ParseMessage(body []byte) (Event, error) {
	t := newText(body)
	n, err := t.value(0)
	if err != nil {
		return Parse(body) // whose error says what is wrong
	}
	all, ok := n.value.(members)
	switch {
	case !ok:
		return Parse(body)
	case has("Type", "Message")(all) && !isText(all, "detail-type"):
		inner, _ := all.get("Message")
		if s, ok := inner.value.(string); ok && textOf(all, "Type") == "Notification" {
			return ParseMessage([]byte(s))
		}
	case isTestNotification(all):
		return Event{}, failure.As(failure.Skip, ErrTest)
	case has("AutoScalingGroupName")(all) && !isText(all, "detail-type"):
		if e, ok := fromAutoScaling(body, all); ok {
			return e, nil
		}
	}
	return Parse(body)
}

func textOf(m members, name string) string {
	n, _ := m.get(name)
	s, _ := n.value.(string)
	return s
}

// direct are the types of event for what Auto Scaling says by itself: the
// transition of a hook, or the event of a notification.
var direct = map[string]string{
	"autoscaling:EC2_INSTANCE_LAUNCHING":       "EC2 Instance-launch Lifecycle Action",
	"autoscaling:EC2_INSTANCE_TERMINATING":     "EC2 Instance-terminate Lifecycle Action",
	"autoscaling:EC2_INSTANCE_LAUNCH":          "EC2 Instance Launch Successful",
	"autoscaling:EC2_INSTANCE_LAUNCH_ERROR":    "EC2 Instance Launch Unsuccessful",
	"autoscaling:EC2_INSTANCE_TERMINATE":       "EC2 Instance Terminate Successful",
	"autoscaling:EC2_INSTANCE_TERMINATE_ERROR": "EC2 Instance Terminate Unsuccessful",
}

// fromAutoScaling gives a message of Auto Scaling the envelope of an event. What
// the envelope says is left out of the detail, as in the events themselves.
func fromAutoScaling(body []byte, m members) (Event, bool) {
	kind := direct[textOf(m, "LifecycleTransition")]
	if event := textOf(m, "Event"); event != "" {
		kind = direct[event]
	}
	at, err := time.Parse(time.RFC3339, textOf(m, "Time"))
	var detail map[string]json.RawMessage
	if kind == "" || err != nil || json.Unmarshal(body, &detail) != nil {
		return Event{}, false
	}
	for _, name := range []string{"Service", "Time", "AccountId", "Event", "AutoScalingGroupARN", "Progress"} {
		delete(detail, name)
	}
	e := Event{
		Version: "0", ID: textOf(m, "RequestId"), DetailType: kind, Source: SourceAutoScaling,
		Account: textOf(m, "AccountId"), Time: at.UTC(), Detail: mustJSON(detail),
	}
	if group := textOf(m, "AutoScalingGroupARN"); group != "" {
		e.Resources = []string{group}
		if parts := strings.Split(group, ":"); len(parts) > 4 {
			e.Region = parts[3]
			if id := textOf(m, "EC2InstanceId"); id != "" {
				e.Resources = append(e.Resources, strings.Join([]string{parts[0], parts[1], "ec2", parts[3], parts[4], "instance/" + id}, ":"))
			}
		}
	}
	return e, true
}
