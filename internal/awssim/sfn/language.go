package sfn

// The Amazon States Language, https://states-language.net/spec.html, as far as
// it is modelled.

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	Variable, StringEquals, Next string
}

const invoke = "arn:aws:states:::lambda:invoke"

// parse reads a definition and refuses what is not modelled or leads nowhere.
func parse(definition string) (machine, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(definition)))
	dec.DisallowUnknownFields()
	var m machine
	if err := dec.Decode(&m); err != nil {
		return machine{}, fmt.Errorf("read the definition: %w", err)
	}
	if _, ok := m.States[m.StartAt]; !ok {
		return machine{}, fmt.Errorf("StartAt: there is no state %q", m.StartAt)
	}
	reached := map[string]bool{}
	m.reach(m.StartAt, reached)
	for name, s := range m.States {
		if err := s.check(m.States); err != nil {
			return machine{}, fmt.Errorf("state %q: %w", name, err)
		}
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

func (s state) check(all map[string]state) error {
	for _, next := range s.ways() {
		if _, ok := all[next]; !ok {
			return fmt.Errorf("leads to %q, which does not exist", next)
		}
	}
	complete := false
	switch s.Type {
	case "Task":
		if s.Resource != invoke {
			return fmt.Errorf("a Task with resource %q is not modelled", s.Resource)
		}
		complete = s.Next != ""
	case "Choice":
		complete = len(s.Choices) > 0 && s.Default != ""
	case "Wait":
		complete = s.SecondsPath != "" && s.Next != ""
	case "Succeed", "Fail":
		complete = s.Next == ""
	default:
		return fmt.Errorf("type %q is not modelled", s.Type)
	}
	if !complete {
		return fmt.Errorf("a %s lacks a member, or has one too many", s.Type)
	}
	return nil
}

// matches says whether a list of error names is about an error.
func matches(names []string, name string) bool {
	return slices.Contains(names, name) || slices.Contains(names, "States.ALL")
}

// path reads the value at a path such as $.a.b.
func path(data any, p string) (any, error) {
	rest, ok := strings.CutPrefix(p, "$")
	if !ok {
		return nil, fmt.Errorf("path %q does not begin with $", p)
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(rest, "."), ".") {
		if name == "" {
			continue
		}
		object, ok := data.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("path %q: there is no object at %q", p, name)
		}
		if data, ok = object[name]; !ok {
			return nil, fmt.Errorf("path %q: there is no %q", p, name)
		}
	}
	return data, nil
}

// fill makes a value of a template: members that end in ".$" are paths.
func fill(template any, data any) (any, error) {
	object, ok := template.(map[string]any)
	if !ok {
		return template, nil
	}
	filled := map[string]any{}
	for name, v := range object {
		var err error
		if bare, ok := strings.CutSuffix(name, ".$"); ok {
			p, _ := v.(string)
			filled[bare], err = path(data, p)
		} else {
			filled[name], err = fill(v, data)
		}
		if err != nil {
			return nil, err
		}
	}
	return filled, nil
}

// put sets the value at a path $.name, in a copy.
func put(data any, p string, value any) (any, error) {
	name, ok := strings.CutPrefix(p, "$.")
	object, isObject := data.(map[string]any)
	if !ok || !isObject || strings.Contains(name, ".") {
		return nil, fmt.Errorf("result path %q is not modelled", p)
	}
	changed := map[string]any{}
	for k, v := range object {
		changed[k] = v
	}
	changed[name] = value
	return changed, nil
}
