package sfn

// The Amazon States Language, https://states-language.net/spec.html, as far as
// it is modelled: what its words are. check.go says which documents are refused.

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// machine is a state machine's definition.
type machine struct {
	Comment string
	StartAt string
	States  map[string]state
}

type state struct {
	Type, Comment, Next string

	// Of a Task.
	Resource       string
	Parameters     map[string]any
	ResultSelector map[string]any
	ResultPath     string
	TimeoutSeconds int
	Retry          []retrier
	Catch          []catcher

	// Of a Choice.
	Choices []choice
	Default string

	// Of a Wait.
	SecondsPath string

	// Of a Fail.
	Error, Cause string
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

type choice struct {
	Variable, Next string

	// One of them.
	StringEquals *string
	IsPresent    *bool
}

const invoke = "arn:aws:states:::lambda:invoke"

// parse reads a definition. What is not modelled is refused with an
// [unmodelled], what AWS refuses with another error.
func parse(definition string) (machine, error) {
	dec := json.NewDecoder(strings.NewReader(definition))
	var words any
	if err := dec.Decode(&words); err != nil {
		return machine{}, fmt.Errorf("read the definition: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return machine{}, fmt.Errorf("read the definition: there is more after its end")
	}
	if err := checkWords(words); err != nil {
		return machine{}, err
	}
	var m machine
	if err := json.Unmarshal([]byte(definition), &m); err != nil {
		return machine{}, fmt.Errorf("read the definition: %w", err)
	}
	if _, ok := m.States[m.StartAt]; !ok {
		return machine{}, fmt.Errorf("StartAt: there is no state %q", m.StartAt)
	}
	names := slices.Sorted(maps.Keys(m.States))
	for _, name := range names {
		if err := m.States[name].check(m.States); err != nil {
			return machine{}, fmt.Errorf("state %q: %w", name, err)
		}
	}
	reached := map[string]bool{}
	m.reach(m.StartAt, reached)
	for _, name := range names {
		if !reached[name] {
			return machine{}, fmt.Errorf("state %q: nothing leads there", name)
		}
	}
	return m, nil
}

func (m machine) reach(name string, reached map[string]bool) {
	if reached[name] {
		return
	}
	reached[name] = true
	for _, next := range m.States[name].ways() {
		m.reach(next, reached)
	}
}

// ways are the states that a state can lead to.
func (s state) ways() []string {
	var ways []string
	add := func(name string) {
		if name != "" {
			ways = append(ways, name)
		}
	}
	add(s.Next)
	add(s.Default)
	for _, c := range s.Choices {
		add(c.Next)
	}
	for _, c := range s.Catch {
		add(c.Next)
	}
	return ways
}

// The names that stand for several errors.
const (
	all        = "States.ALL"
	taskFailed = "States.TaskFailed"
	timedOut   = "States.Timeout"
	runtime    = "States.Runtime"
)

// matches says whether a list of error names is about an error. States.TaskFailed
// is any but a time-out; nothing is about an error of the machine itself
// (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
func matches(names []string, name string) bool {
	switch {
	case name == runtime:
		return false
	case slices.Contains(names, name), slices.Contains(names, all):
		return true
	}
	return name != timedOut && slices.Contains(names, taskFailed)
}
