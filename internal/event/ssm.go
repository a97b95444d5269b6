package event

import (
	"fmt"
	"strings"
	"time"
)

// What Systems Manager emits about parameters; for commands see command.go.
const (
	SourceSSM = "aws.ssm"

	TypeParameterChange = "Parameter Store Change"
)

// ParameterChange says that a parameter was changed, or was to be. It does not say
// to what: the value is not in the event.
//
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
type ParameterChange struct {
	// Name is the parameter's own: "/a/b", or "c" without a slash.
	Name string `json:"name"`
	// Operation is Create, Update, Delete or LabelParameterVersion.
	Operation   string `json:"operation"`
	Type        string `json:"type,omitempty"`
	DataType    string `json:"dataType,omitempty"`
	Description string `json:"description,omitempty"`
	// Exception says why the parameter is as it was after all: the value was no
	// image, in a parameter that holds one. Otherwise it is empty.
	Exception string `json:"exception,omitempty"`
}

// The operations that matter.
const (
	ParameterCreated = "Create"
	ParameterUpdated = "Update"
	ParameterDeleted = "Delete"
)

// AsParameterChange reads the detail of e. It reports false if e is another type of
// event, and an error if its detail is broken.
func AsParameterChange(e Event) (ParameterChange, bool, error) {
	if !e.is(SourceSSM, TypeParameterChange) {
		return ParameterChange{}, false, nil
	}
	r := readDetail(e)
	d := ParameterChange{
		Name:        r.word("name", "the name of a parameter"),
		Operation:   r.word("operation", "an operation such as Update"),
		Type:        r.optional("type"),
		DataType:    r.optional("dataType"),
		Description: r.optional("description"),
		Exception:   r.optional("exception"),
	}
	return d, true, r.err()
}

// NewParameterChange is the event that Systems Manager emits when a parameter is
// changed, in the partition aws.
func NewParameterChange(account, region string, d ParameterChange, at time.Time) Event {
	return identify(Event{
		Version:    "0",
		DetailType: TypeParameterChange,
		Source:     SourceSSM,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/%s", region, account, strings.TrimPrefix(d.Name, "/"))},
		Detail:     mustJSON(d),
	})
}
