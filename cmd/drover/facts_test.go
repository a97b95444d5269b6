package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/scenario"
)

// A run's id begins with the time and ends with a digest in which the random
// identity of the ledger is. The id of a request depends on how many calls came
// before it.
var (
	runID     = regexp.MustCompile(`\b(\d{8}-\d{6})-[0-9a-f]{8}\b`)
	requestID = regexp.MustCompile(`("requestId": ?")[^"]*`)
)

// mask FILE: prints it with ids of runs and requests that are the same every
// time.
func mask(_ *world, ts *testscript.TestScript, args []string) {
	text := runID.ReplaceAllString(ts.ReadFile(args[0]), "$1-RUN")
	fmt.Fprint(ts.Stdout(), requestID.ReplaceAllString(text, "${1}REQUEST"))
}

// identifier is what facts are about: AWS resources, destinations, ids of
// events and runs, and outcomes.
var identifier = regexp.MustCompile(`\b(?:i|eni|rtb|vpc|pl)-[0-9a-f]{8,17}\b|\barn:aws:sns:[-\w:]+|\b\d+\.\d+\.\d+\.\d+/\d+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d{8}-\d{6}-|\b(?:succeeded|nothing-to-do|rolled-back|stuck)\b`)

// facts TEXT JSON: both speak of the same resources, events, runs, topics and
// outcomes. Only the ids of requests, which are for AWS's support, are left to
// JSON.
func facts(_ *world, ts *testscript.TestScript, args []string) {
	var v any
	decode(ts, args[1], &v)
	data, err := json.Marshal(v)
	ts.Check(err)
	inText, inJSON := identifiers(ts.ReadFile(args[0])), identifiers(requestID.ReplaceAllString(string(data), "$1"))
	if !slices.Equal(inText, inJSON) {
		ts.Fatalf("%s and %s tell different facts:\n%q\n%q", args[0], args[1], inText, inJSON)
	}
}

func identifiers(text string) []string {
	found := map[string]bool{}
	for _, id := range identifier.FindAllString(text, -1) {
		found[id] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// planned FILE: prints the changes of a plan in JSON as "calls mutating" would
// when they are made.
func planned(_ *world, ts *testscript.TestScript, args []string) {
	var report struct {
		Results []struct {
			Plans []struct {
				Plan automation.Plan `json:"plan"`
			} `json:"plans"`
		} `json:"results"`
	}
	decode(ts, args[0], &report)
	var changes []string
	for _, r := range report.Results {
		for _, p := range r.Plans {
			for _, c := range p.Plan.Changes {
				changes = append(changes, scenario.Mutation(c.Operation, c.Resource, c.To))
			}
		}
	}
	slices.Sort(changes)
	out := ts.Stdout()
	for _, c := range changes {
		fmt.Fprintln(out, c)
	}
}

// decode reads a file that must be exactly one JSON value.
func decode(ts *testscript.TestScript, file string, v any) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	if err := dec.Decode(v); err != nil {
		ts.Fatalf("%s is not JSON: %v", file, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("%s holds more than one JSON value", file)
	}
}

// json FILE [PATH VALUE]: the file is one JSON value, and has this text or
// number at the path, such as results.0.event.id. ! json FILE PATH: there is
// nothing at the path.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	decode(ts, args[0], &v)
	if len(args) == 1 {
		return
	}
	for key := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if v = nil; err == nil && i < len(at) {
				v = at[i]
			}
		default:
			v = nil
		}
	}
	switch {
	case neg && v != nil:
		ts.Fatalf("%s: %s is there: %v", args[0], args[1], v)
	case !neg && fmt.Sprint(v) != args[2]:
		ts.Fatalf("%s: %s is %v, want %s", args[0], args[1], v, args[2])
	}
}
