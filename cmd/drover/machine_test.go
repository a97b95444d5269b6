package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// machine FILE: prints what a state machine does: each Task from the start on, what it
// sends, for how long it is waited for, and where each answer leads. A state that is
// not reached in this way is listed in the end.
func machine(_ *world, ts *testscript.TestScript, args []string) {
	type state struct {
		Type           string
		Next, Default  string
		TimeoutSeconds int
		Parameters     struct {
			Payload map[string]string
			Whole   string `json:"Payload.$"`
		}
		Catch   []struct{ Next string }
		Choices []struct {
			Variable, StringEquals, Next string
			IsPresent                    bool
		}
	}
	var document struct {
		StartAt string
		States  map[string]state
	}
	decode(ts, args[0], &document)
	out, seen := ts.Stdout(), map[string]bool{}
	for reached := []string{document.StartAt}; len(reached) > 0; reached = reached[1:] {
		name := reached[0]
		s, ok := document.States[name]
		if !ok {
			ts.Fatalf("there is no state %q", name)
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		next := []string{s.Next, s.Default}
		switch s.Type {
		case "Task":
			var sends []string
			if s.Parameters.Whole != "" {
				sends = append(sends, s.Parameters.Whole)
			}
			for _, key := range slices.Sorted(maps.Keys(s.Parameters.Payload)) {
				sends = append(sends, key+"="+s.Parameters.Payload[key])
			}
			fmt.Fprintf(out, "%s: sends %s, for %ds, then %s", name, strings.Join(sends, " "), s.TimeoutSeconds, s.Next)
			for _, c := range s.Catch {
				fmt.Fprintf(out, ", or %s", c.Next)
				next = append(next, c.Next)
			}
			fmt.Fprintln(out)
		case "Choice":
			fmt.Fprintf(out, "%s:", name)
			for _, c := range s.Choices {
				word := c.StringEquals
				if c.IsPresent {
					word = "with " + c.Variable
				}
				fmt.Fprintf(out, " %s→%s", word, c.Next)
				next = append(next, c.Next)
			}
			fmt.Fprintf(out, " else→%s\n", s.Default)
		}
		for _, n := range next {
			if n != "" {
				reached = append(reached, n)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(document.States)) {
		if !seen[name] {
			fmt.Fprintf(out, "not reached: %s\n", name)
		}
	}
}
