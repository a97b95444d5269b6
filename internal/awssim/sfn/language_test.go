package sfn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/awssim"
)

// swap is aTask with a part of it replaced. What it lacks is a mistake of the test.
func swap(t *testing.T, parts ...string) string {
	t.Helper()
	text := aTask
	for i := 0; i < len(parts); i += 2 {
		if !strings.Contains(text, parts[i]) {
			t.Fatalf("there is no %s", parts[i])
		}
		text = strings.Replace(text, parts[i], parts[i+1], 1)
	}
	return text
}

// TestRefusedAsNotModelled: AWS may take it, the simulation says by name that it
// does not know it.
func TestRefusedAsNotModelled(t *testing.T) {
	const retrier, catcher = `"IntervalSeconds": 1, `, `"ResultPath": "$.error", `
	for name, test := range map[string]struct {
		parts []string
		word  string
	}{
		"JSONata":              {[]string{`"StartAt"`, `"QueryLanguage": "JSONata", "StartAt"`}, `"QueryLanguage"`},
		"the whole's time-out": {[]string{`"StartAt"`, `"TimeoutSeconds": 5, "StartAt"`}, `"TimeoutSeconds"`},
		"lower case":           {[]string{`"StartAt"`, `"startAt"`}, `"startAt"`},
		"Pass":                 {[]string{`"Succeed"`, `"Pass"`}, `type "Pass"`},
		"Map":                  {[]string{`"Succeed"`, `"Map"`}, `type "Map"`},
		"Parallel":             {[]string{`"Succeed"`, `"Parallel"`}, `type "Parallel"`},
		"no type":              {[]string{`"Type": "Succeed"`, ``}, `type ""`},
		"an activity":          {[]string{`:::lambda:invoke`, `:us-west-1:123456789012:activity:a`}, `activity:a"`},
		"a callback":           {[]string{`lambda:invoke`, `lambda:invoke.waitForTaskToken`}, `waitForTaskToken"`},
		"a heartbeat":          {[]string{`"TimeoutSeconds"`, `"HeartbeatSeconds": 5, "TimeoutSeconds"`}, `"HeartbeatSeconds"`},
		"InputPath":            {[]string{`"TimeoutSeconds"`, `"InputPath": "$.a", "TimeoutSeconds"`}, `"InputPath"`},
		"no time-out":          {[]string{`"TimeoutSeconds": 60,`, ``}, `TimeoutSeconds`},
		"a parameter":          {[]string{`"Payload"`, `"InvocationType": "Event", "Payload"`}, `"InvocationType"`},
		"an intrinsic":         {[]string{`"$.who"`, `"States.UUID()"`}, `"States.UUID()"`},
		"the context object":   {[]string{`"$.who"`, `"$$.Execution.Id"`}, `"$$.Execution.Id"`},
		"an index":             {[]string{`"$.who"`, `"$.who[0]"`}, `"$.who[0]"`},
		"a list":               {[]string{`"step": "ask"`, `"step": ["ask"]`}, `a list`},
		"no result path":       {[]string{`"ResultPath": "$.turn",`, ``}, `result path ""`},
		"a deep result path":   {[]string{`"ResultPath": "$.turn"`, `"ResultPath": "$.turn.one"`}, `"$.turn.one"`},
		"a jitter":             {[]string{retrier, retrier + `"JitterStrategy": "FULL", `}, `"JitterStrategy"`},
		"a longest pause":      {[]string{retrier, retrier + `"MaxDelaySeconds": 9, `}, `"MaxDelaySeconds"`},
		"a default pause":      {[]string{retrier, ``}, `IntervalSeconds`},
		"a reserved name":      {[]string{`["States.ALL"]`, `["States.Permissions"]`}, `"States.Permissions"`},
		"no path of an error":  {[]string{catcher, ``}, `result path ""`},
		"Output of a Catch":    {[]string{catcher, catcher + `"Output": {}, `}, `"Output"`},
		"another comparison":   {[]string{`"StringEquals": "wait"`, `"StringMatches": "w*"`}, `"StringMatches"`},
		"And":                  {[]string{`{"Variable": "$.turn.go", "StringEquals": "wait", `, `{"And": [], `}, `"And"`},
		"Next of a Choice":     {[]string{`"Default"`, `"Next": "end", "Default"`}, `"Next"`},
		"Seconds":              {[]string{`"SecondsPath": "$.turn.seconds"`, `"Seconds": 5`}, `"Seconds"`},
		"Output of Succeed":    {[]string{`"Succeed"`, `"Succeed", "Output": 1`}, `"Output"`},
		"CausePath":            {[]string{`"Cause": "nobody answers"`, `"CausePath": "$.error"`}, `"CausePath"`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, aTask, func(s *scene) {
				_, err := s.make("n", swap(t, test.parts...))
				var unknown *awssim.NotModelled
				if !errors.As(err, &unknown) || !strings.Contains(err.Error(), test.word) || !strings.Contains(err.Error(), "states:CreateStateMachine") {
					s.Errorf("got %v, wanted it refused for %s", err, test.word)
				}
			})
		})
	}
}

// TestRefusedAsInvalid: AWS refuses it, too.
func TestRefusedAsInvalid(t *testing.T) {
	for name, test := range map[string]struct {
		parts []string
		word  string
	}{
		"no JSON":                     {[]string{`{"StartAt"`, `{StartAt`}, "read the definition"},
		"two documents":               {[]string{`{"StartAt"`, `{"States": {}} {"StartAt"`}, "after its end"},
		"a wrong type":                {[]string{`"TimeoutSeconds": 60`, `"TimeoutSeconds": "60"`}, "TimeoutSeconds"},
		"a start that is not there":   {[]string{`"StartAt": "ask"`, `"StartAt": "begin"`}, `"begin"`},
		"a next that is not there":    {[]string{`"Next": "ask"`, `"Next": "task"`}, `"task"`},
		"a default that is not there": {[]string{`"Default": "lost"`, `"Default": "found"`}, `"found"`},
		"a way that is not there":     {[]string{`"StringEquals": "end", "Next": "end"`, `"StringEquals": "end", "Next": "exit"`}, `"exit"`},
		"a catcher that leads away":   {[]string{`"Next": "gone"`, `"Next": "away"`}, `"away"`},
		"a state that nothing leads to": {[]string{
			`"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "gone"`,
			`"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "lost"`,
		}, `"gone"`},
		"a Wait without Next":          {[]string{`"SecondsPath": "$.turn.seconds", "Next": "ask"`, `"SecondsPath": "$.turn.seconds"`}, "lacks"},
		"a rule without Next":          {[]string{`"StringEquals": "wait", "Next": "wait"`, `"StringEquals": "wait"`}, "lacks"},
		"a rule that compares nothing": {[]string{`"StringEquals": "wait", `, ``}, "lacks"},
		"a rule that compares twice":   {[]string{`"StringEquals": "wait"`, `"StringEquals": "wait", "IsPresent": true`}, "lacks"},
		"no names of errors":           {[]string{`["States.ALL"]`, `[]`}, "ErrorEquals"},
		"all and another":              {[]string{`["States.ALL"]`, `["States.ALL", "x"]`}, "States.ALL"},
		"all, and then another":        {[]string{`"Catch": [`, `"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "lost"}, `}, "States.ALL"},
		"a catcher without Next":       {[]string{`, "Next": "gone"`, ``}, "Next"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, aTask, func(s *scene) {
				_, err := s.make("n", swap(t, test.parts...))
				if code(err) != "InvalidDefinition" || !strings.Contains(err.Error(), test.word) {
					s.Errorf("got %v, wanted it refused for %s", err, test.word)
				}
			})
		})
	}
}
