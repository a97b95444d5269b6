package event

import (
	"encoding/json"
	"fmt"
)

// TypeAPICall is the type of the events that CloudTrail emits for calls that
// change something; the service called is their source. They need a trail that
// logs, and none is emitted for calls that only read (shared/facts/events.md,
// section 1).
const TypeAPICall = "AWS API Call via CloudTrail"

// APICall is a call that somebody made, or tried to.
//
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type APICall struct {
	Service   string `json:"eventSource"` // such as "ec2.amazonaws.com"
	Operation string `json:"eventName"`   // such as "CreateImage"
	// ErrorCode is empty if the call succeeded.
	ErrorCode    string `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	// Request and Response are objects whose members depend on the operation.
	// Either may be nil: a refused call has no response, nor has any call of
	// EC2 Auto Scaling, and what is too large is left out.
	Request  json.RawMessage `json:"requestParameters"`
	Response json.RawMessage `json:"responseElements"`
}

// AsAPICall reads the detail of e. It reports false if e is another type of
// event, and an error if its detail is broken.
func AsAPICall(e Event) (APICall, bool, error) {
	if e.DetailType != TypeAPICall {
		return APICall{}, false, nil
	}
	r := readDetail(e)
	d := APICall{
		Service:      r.word("eventSource", "a service such as ec2.amazonaws.com"),
		Operation:    r.word("eventName", "an operation such as CreateImage"),
		ErrorCode:    r.optional("errorCode"),
		ErrorMessage: r.optional("errorMessage"),
		Request:      r.object("requestParameters"),
		Response:     r.object("responseElements"),
	}
	return d, true, r.err()
}

// Parameter reads the string at a path of a request or response, such as
// ("launchTemplate", "launchTemplateId"). It is empty if there is none.
func (c APICall) Parameter(path ...string) string { return lookup(c.Request, path) }

// Element is Parameter for the response.
func (c APICall) Element(path ...string) string { return lookup(c.Response, path) }

// lookup reads the string at a path within an object.
func lookup(object json.RawMessage, path []string) string {
	var value any
	if json.Unmarshal(object, &value) != nil {
		return ""
	}
	for _, name := range path {
		within, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = within[name]
	}
	s, _ := value.(string)
	return s
}

// optional reads a string that may be absent or null.
func (r *detailReader) optional(name string) string {
	n, ok := r.members.get(name)
	if !ok || n.value == nil {
		return ""
	}
	s, ok := n.value.(string)
	if !ok {
		r.refuse("detail."+r.at+name, n.String(), "a string")
	}
	return s
}

// object reads an object that may be absent or null, as it is written.
func (r *detailReader) object(name string) json.RawMessage {
	n, ok := r.members.get(name)
	if !ok || n.value == nil {
		return nil
	}
	if _, ok := n.value.(members); !ok {
		r.refuse("detail."+r.at+name, n.String(), "an object")
		return nil
	}
	return r.event.Detail[n.start:n.end]
}

// Calls chooses the events of calls to some operations of a service, such as
// "ec2", that succeeded.
func Calls(service string, operations ...string) Pattern {
	return PatternFor("aws."+service, TypeAPICall).
		Where("detail.eventSource", service+".amazonaws.com").
		Where("detail.eventName", operations...).
		Without("detail.errorCode")
}

// Without narrows p to events that have no field at path. It panics if p says
// something about the field already.
func (p Pattern) Without(path string) Pattern {
	v, err := decode(p.canonical)
	fields, _ := v.(map[string]any)
	if err != nil || !put(fields, path, []any{map[string]any{"exists": false}}) {
		panic(fmt.Sprintf("event: pattern %s without %s", p, path))
	}
	return build(fields)
}
