package fleetfile_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

// TestSchema holds the schema of the test's kinds against testdata/schema.json,
// against the draft, and against every file that Parse takes.
func TestSchema(t *testing.T) {
	got, err := fleetfile.Schema(kinds)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/schema.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}

	document := decode(t, got)
	compiler := jsonschema.NewCompiler()
	if err := compiler.MustCompile(draft).Validate(document); err != nil {
		t.Errorf("not valid by the draft: %v", err)
	}
	if document.(map[string]any)["$schema"] != draft {
		t.Error("the schema does not name the draft")
	}
	if err := compiler.AddResource("published.json", document); err != nil {
		t.Fatal(err)
	}
	schema := compiler.MustCompile("published.json")
	for path, archive := range archives(t) {
		file := section(archive, "fleet.yaml")
		if section(archive, "fleet") == nil {
			continue
		}
		data, err := yaml.YAMLToJSON(file)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if err := schema.Validate(decode(t, data)); err != nil {
			t.Errorf("%s is not valid by the published schema: %v", path, err)
		}
	}
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaIsTheSameForAnyOrder(t *testing.T) {
	reversed := slices.Clone(kinds)
	slices.Reverse(reversed)
	a, errA := fleetfile.Schema(kinds)
	b, errB := fleetfile.Schema(reversed)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("schemas differ with the order of kinds: %v, %v", errA, errB)
	}
}

// TestDefinitionsThatAreWrong is what the author of a kind reads.
func TestDefinitionsThatAreWrong(t *testing.T) {
	type recursive struct {
		Next *recursive `json:"next" doc:"x"`
	}
	for _, test := range []struct {
		name string
		kind automation.Definition
		want string
	}{
		{"no json tag", of[struct {
			A string `doc:"x"`
		}](), `A: key "" does not match`},
		{"no doc", of[struct {
			A string `json:"a"`
		}](), "A: a doc tag is required"},
		{"unexported", of[struct {
			a string
		}](), "a: neither embedded nor unexported"},
		{"embedded", of[struct {
			fleetfile.Notify `json:"a" doc:"x"`
		}](), "Notify: neither embedded nor unexported"},
		{"interface", of[struct {
			A any `json:"a" doc:"x"`
		}](), "A: type interface {} is not supported"},
		{"own JSON form", of[struct {
			A []jsonForm `json:"a" doc:"x"`
		}](), "A: type fleetfile_test.jsonForm has a JSON form of its own"},
		{"map by number", of[struct {
			A map[int]string `json:"a" doc:"x"`
		}](), "A: type map[int]string is not a map by string"},
		{"recursive", of[recursive](), "contains itself"},
		{"pattern without words", of[struct {
			A string `json:"a" doc:"x" pattern:"a" example:"a"`
		}](), "A: a pattern needs the tags wanted and example"},
		{"pattern", of[struct {
			A string `json:"a" doc:"x" pattern:"(" wanted:"x" example:"a"`
		}](), "is not valid regex"},
		{"example", of[struct {
			A string `json:"a" doc:"x" pattern:"a" wanted:"x" example:"b"`
		}](), "default or example b"},
		{"default", of[struct {
			A string `json:"a,omitempty" doc:"x" enum:"a,b" default:"c"`
		}](), "default or example c"},
		{"default of another type", of[struct {
			A bool `json:"a,omitempty" doc:"x" default:"1"`
		}](), "default or example 1"},
		{"default of what is required", of[struct {
			A string `json:"a" doc:"x" default:"c"`
		}](), "A: a required key has no default"},
		{"number", of[struct {
			A int `json:"a" doc:"x" minimum:"one"`
		}](), "A: read tags"},
		{"number of items", of[struct {
			A map[string][]struct{} `json:"a" doc:"x" minItems:"true"`
		}](), "A: read tags"},
		{"common key", of[struct {
			Region string `json:"region" doc:"x"`
		}](), "key region belongs to all automations"},
		{"name taken", kinds[0], "two kinds are called keeper"},
	} {
		t.Run(test.name, func(t *testing.T) {
			definitions := append(slices.Clone(kinds), test.kind)
			if _, err := fleetfile.Schema(definitions); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Schema: got %v, wanted %q in it", err, test.want)
			}
			if _, err := fleetfile.Parse("fleet.yaml", nil, definitions); failure.ClassOf(err) != failure.Stop || problems(err) != nil {
				t.Errorf("Parse: got %v, wanted a stop that is no fault of the file", err)
			}
		})
	}
	if _, err := fleetfile.Schema(nil); err == nil {
		t.Error("a schema without kinds")
	}
}

// jsonForm stands for types like netip.Prefix.
type jsonForm struct{}

func (*jsonForm) UnmarshalText([]byte) error { return nil }

// of defines a kind called "wrong" that has the configuration.
func of[C any]() automation.Definition {
	return define("wrong", "is wrong", nil, func(C) []automation.Claim { return nil })
}
