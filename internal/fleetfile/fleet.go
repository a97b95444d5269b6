package fleetfile

import (
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Fleet is a valid fleet file.
type Fleet struct {
	Name   string
	Region string
	Notify Notify
	// Automations are sorted by name. Each has the region it works in: its own
	// or else the fleet's.
	Automations []*automation.Automation
}

// Notify says who is told about runs.
type Notify struct {
	Topic string `json:"topic" doc:"The SNS topic that notices are sent to." wanted:"the ARN of an SNS topic" pattern:"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$" example:"arn:aws:sns:us-west-1:123456789012:ops"`
}

// Find returns the automation with the given name.
func (f *Fleet) Find(name string) (*automation.Automation, bool) {
	i, found := slices.BinarySearchFunc(f.Automations, name, func(a *automation.Automation, name string) int {
		return strings.Compare(a.Name, name)
	})
	if !found {
		return nil, false
	}
	return f.Automations[i], true
}

// Parse reads a fleet file. The file's name is only used in problems. The
// error wraps an [*Error] with every problem of the file, and is of class
// [failure.Stop]; only definitions that are wrong themselves give another one.
func Parse(file string, data []byte, definitions []automation.Definition) (*Fleet, error) {
	rules, err := newRules(definitions)
	if err != nil {
		return nil, failure.As(failure.Stop, err)
	}
	return rules.parse(file, data)
}

func (r *rules) parse(file string, data []byte) (*Fleet, error) {
	report := &report{file: file}
	root := read(data, report)
	if root == nil {
		return nil, report.err()
	}
	r.validate(root, report)
	fleet := r.configure(root, report)
	if err := report.err(); err != nil {
		return nil, err
	}
	return fleet, nil
}
