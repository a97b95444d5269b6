package sfn

// What is refused when a state machine is made: by AWS, or because it is not
// modelled.

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// unmodelled is what AWS may well have and the simulation has not.
type unmodelled string

func (u unmodelled) Error() string { return string(u) + " is not modelled" }

// The members that are modelled, by where they are; those of states by type. The
// JSON decoder would also take them in lower case, which AWS does not.
var (
	machineWords = []string{"Comment", "StartAt", "States"}
	stateWords   = map[string][]string{
		"Task": {
			"Type", "Comment", "Next", "Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "Retry", "Catch",
		},
		"Choice":  {"Type", "Comment", "Choices", "Default"},
		"Wait":    {"Type", "Comment", "Next", "SecondsPath"},
		"Succeed": {"Type", "Comment"},
		"Fail":    {"Type", "Comment", "Error", "Cause"},
	}
	partWords = map[string][]string{
		"Retry":   {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate"},
		"Catch":   {"ErrorEquals", "ResultPath", "Next"},
		"Choices": {"Variable", "StringEquals", "IsPresent", "Next"},
	}
	parameterWords = []string{"FunctionName", "FunctionName.$", "Payload", "Payload.$"}
)

// checkWords refuses members that are not modelled. What has the wrong type is
// left to the decoder.
func checkWords(definition any) error {
	top, _ := definition.(map[string]any)
	if err := known("member", top, machineWords); err != nil {
		return err
	}
	states, _ := top["States"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		s, _ := states[name].(map[string]any)
		if err := checkStateWords(s); err != nil {
			return fmt.Errorf("state %q: %w", name, err)
		}
	}
	return nil
}

func checkStateWords(s map[string]any) error {
	kind, _ := s["Type"].(string)
	words, ok := stateWords[kind]
	if !ok {
		return unmodelled(fmt.Sprintf("type %q", kind))
	}
	if err := known(kind+" with", s, words); err != nil {
		return err
	}
	for _, part := range slices.Sorted(maps.Keys(partWords)) {
		list, _ := s[part].([]any)
		for _, one := range list {
			object, _ := one.(map[string]any)
			if err := known(part+" with", object, partWords[part]); err != nil {
				return err
			}
		}
	}
	return nil
}

func known(what string, object map[string]any, words []string) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(words, name) {
			return unmodelled(fmt.Sprintf("%s %q", what, name))
		}
	}
	return nil
}

func (s state) check(states map[string]state) error {
	for _, next := range s.ways() {
		if _, ok := states[next]; !ok {
			return fmt.Errorf("leads to %q, which does not exist", next)
		}
	}
	complete := true
	var err error
	switch s.Type {
	case "Task":
		complete, err = s.Next != "", s.checkTask()
	case "Choice":
		// AWS lets a Choice do without Default, and then fails where none applies.
		complete = len(s.Choices) > 0 && s.Default != ""
		for _, c := range s.Choices {
			complete = complete && c.Next != "" && (c.StringEquals != nil) != (c.IsPresent != nil)
			err = errors.Join(err, checkPath(c.Variable))
		}
	case "Wait":
		complete, err = s.SecondsPath != "" && s.Next != "", checkPath(s.SecondsPath)
	}
	if !complete {
		return fmt.Errorf("a %s lacks a member", s.Type)
	}
	return err
}

func (s state) checkTask() error {
	switch {
	case s.Resource != invoke:
		return unmodelled(fmt.Sprintf("resource %q", s.Resource))
	case s.TimeoutSeconds <= 0:
		return unmodelled("a Task without TimeoutSeconds, which has 99999999,")
	}
	if err := known("parameter", s.Parameters, parameterWords); err != nil {
		return err
	}
	errs := []error{
		checkTemplate(s.Parameters), checkTemplate(s.ResultSelector), checkResultPath(s.ResultPath),
	}
	if len(s.Parameters) != 2 || s.Parameters["Payload"] == nil && s.Parameters["Payload.$"] == nil {
		errs = append(errs, unmodelled("a Task without FunctionName and Payload"))
	}
	for i, r := range s.Retry {
		errs = append(errs, checkNames(r.ErrorEquals, i == len(s.Retry)-1))
		if r.IntervalSeconds < 1 || r.MaxAttempts < 1 || r.BackoffRate < 1 {
			errs = append(errs, unmodelled("a retrier that leaves IntervalSeconds, MaxAttempts or BackoffRate to their defaults"))
		}
	}
	for i, c := range s.Catch {
		errs = append(errs, checkNames(c.ErrorEquals, i == len(s.Catch)-1), checkResultPath(c.ResultPath))
		if c.Next == "" {
			errs = append(errs, errors.New("a catcher lacks Next"))
		}
	}
	return errors.Join(errs...)
}

// checkNames refuses names of errors that stand for something that is not
// modelled, and States.ALL where AWS does: not alone, or not last.
func checkNames(names []string, last bool) error {
	if len(names) == 0 {
		return errors.New("ErrorEquals is empty")
	}
	for _, name := range names {
		switch {
		case name == all && (len(names) > 1 || !last):
			return errors.New("States.ALL must be alone, and last")
		case strings.HasPrefix(name, "States.") && name != all && name != taskFailed && name != timedOut:
			return unmodelled(fmt.Sprintf("error name %q", name))
		}
	}
	return nil
}

var (
	aPath       = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	aResultPath = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_]*)?$`)
)

func checkPath(p string) error {
	if !aPath.MatchString(p) {
		return unmodelled(fmt.Sprintf("path %q", p))
	}
	return nil
}

func checkResultPath(p string) error {
	if !aResultPath.MatchString(p) {
		return unmodelled(fmt.Sprintf("result path %q", p))
	}
	return nil
}

// checkTemplate refuses what [fill] would not fill.
func checkTemplate(template any) error {
	switch t := template.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(t)) {
			err := checkTemplate(t[name])
			if strings.HasSuffix(name, ".$") {
				p, _ := t[name].(string)
				err = checkPath(p)
			}
			if err != nil {
				return err
			}
		}
	case []any:
		return unmodelled("a list in a template")
	}
	return nil
}
