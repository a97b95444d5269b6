package fleetfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// paper is the format of another file.
type paper struct {
	Title string            `json:"title" doc:"x"`
	Pages int32             `json:"pages,omitempty" doc:"x" minimum:"1"`
	Fleet fleetfile.Mapping `json:"fleet,omitempty" doc:"x"`
	Parts map[string]struct {
		Length int `json:"length" doc:"x"`
	} `json:"parts,omitempty" doc:"x"`
}

func TestRead(t *testing.T) {
	file := `
title: A document
parts:
  zebra: { length: 3 }
  ant: { length: 2 }
fleet:
  version: 1
  fleet: edge
  region: us-west-1
  notify: { topic: "${topic}" }
  automations:
    a: { kind: keeper, account: "123456789012", keep: 1 }
`
	value, d, err := fleetfile.Read[paper]("paper.yaml", []byte(file))
	if err != nil || !d.Valid() || d.Err() != nil || value.Title != "A document" || value.Parts["ant"].Length != 2 {
		t.Fatal(value, err, d.Err())
	}
	if diff := cmp.Diff([]string{"zebra", "ant"}, d.Keys([]string{"parts"})); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if path, place := d.Place([]string{"parts", "ant", "length"}); path != "parts.ant.length" || place != "paper.yaml:5:18" {
		t.Errorf("%s is at %s", path, place)
	}
	if path, place := d.Place([]string{"parts", "ant", "width"}); path != "parts.ant.width" || place != "paper.yaml:5:8" {
		t.Errorf("%s, which is not there, is at %s", path, place)
	}
	topic := strings.NewReplacer("${topic}", "arn:aws:sns:us-west-1:123456789012:ops").Replace
	fleet, err := d.Fleet("fleet", topic, kinds)
	if err != nil || fleet == nil || fleet.Notify.Topic != topic("${topic}") || len(fleet.Automations) != 1 {
		t.Fatalf("%v, %v\n%v", fleet, err, d.Err())
	}

	d.Problem([]string{"title"}, "a title", "a better one")
	d.KeyProblem([]string{"parts", "zebra"}, "a zebra", "another animal")
	var wrong *fleetfile.Error
	if !errors.As(d.Err(), &wrong) || d.Valid() {
		t.Fatal(d.Err())
	}
	want := "paper.yaml:2:8: title: got a title, wanted a better one\npaper.yaml:4:3: parts.zebra: got a zebra, wanted another animal"
	if diff := cmp.Diff(want, wrong.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestReadProblems(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"keys", "titel: a\npages: 0\nparts: { a: {} }", "" +
			"paper.yaml:1:1: titel: got an unknown key, wanted one of title, pages, fleet, parts; did you mean title?\n" +
			"paper.yaml:1:1: title: got nothing, wanted text\n" +
			"paper.yaml:2:8: pages: got the number 0, wanted a whole number (at least 1)\n" +
			"paper.yaml:3:13: parts.a.length: got nothing, wanted a whole number"},
		{"anchors in what is free", "title: a\nfleet: { a: [&b 1] }", "paper.yaml:2:14: fleet.a[0]: got YAML's anchor, wanted plain YAML: no anchors, aliases, merge keys, tags or infinite numbers"},
		{"a number that is too big", "title: a\npages: 123456789123", "paper.yaml:1:1: got a value out of range (json: cannot unmarshal number 123456789123 into Go struct field paper.pages of type int32), wanted a smaller one"},
		{"no YAML", "title: [", "paper.yaml:1:8: got a syntax error: sequence end token ']' not found, wanted YAML, indented with spaces"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, d, err := fleetfile.Read[paper]("paper.yaml", []byte(test.file))
			if err != nil || d.Valid() {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, d.Err().Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := fleetfile.Read[struct{ A any }]("paper.yaml", nil); failure.ClassOf(err) != failure.Stop {
		t.Errorf("a type without tags: %v", err)
	}
}
