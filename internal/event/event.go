// Package event reads what EventBridge delivers: the envelope, the patterns
// that choose events, and the details of the events Drover acts on.
//
// Three promises hold throughout. What is refused is refused with its place,
// what was found there and what was wanted ([ParseError]), and the error is of
// class failure.Stop: a person has to look, trying again is useless. An event
// that was read can be written and read again without loss. And a [Pattern]
// chooses here what the EventBridge rule printed from it chooses on AWS.
package event

import (
	"encoding/json"
	"time"
)

// Event is the EventBridge envelope. The documentation lists more members as
// always present than published samples have, so only DetailType, Source and
// Detail are required of an incoming event. An event from [Parse] or from a
// constructor of this package is written by encoding/json as a valid event.
//
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
type Event struct {
	Version    string          `json:"version,omitempty"`
	ID         string          `json:"id,omitempty"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account,omitempty"` // 12 digits; may begin with 0
	Time       time.Time       `json:"time,omitzero"`
	Region     string          `json:"region,omitempty"`
	Resources  []string        `json:"resources,omitempty"`
	Detail     json.RawMessage `json:"detail"` // an object
}

// is says whether e is of one type from one source.
func (e Event) is(source, detailType string) bool {
	return e.Source == source && e.DetailType == detailType
}
