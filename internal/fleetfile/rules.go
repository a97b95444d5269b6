package fleetfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/droverhq/drover/internal/automation"
)

// rules are what a fleet file is held to.
type rules struct {
	// source is the schema as it is published; compiled is what the validator
	// made of these bytes, and index our own form of every part of it.
	source   []byte
	compiled *jsonschema.Schema
	index    map[string]*schema

	definitions map[string]automation.Definition
}

// location is what the validator calls the schema.
const location = "urn:drover:fleet-file#"

func newRules(definitions []automation.Definition) (*rules, error) {
	r := &rules{index: map[string]*schema{}, definitions: map[string]automation.Definition{}}
	for _, d := range definitions {
		r.definitions[d.Name] = d
	}
	file, err := fileSchema(slices.SortedFunc(slices.Values(definitions), func(a, b automation.Definition) int {
		return strings.Compare(a.Name, b.Name)
	}))
	if err == nil {
		err = r.compile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("schema of fleet files: %w", err)
	}
	return r, nil
}

// validators are what this process has compiled, as *[jsonschema.Schema] by source.
// That is most of the work of reading a fleet file, and the same kinds always give
// the same source. A validator does not change.
var validators sync.Map

func (r *rules) compile(file *schema) (err error) {
	r.source, err = json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	r.source = append(r.source, '\n')
	file.index(location, r.index)
	if known, ok := validators.Load(string(r.source)); ok {
		r.compiled = known.(*jsonschema.Schema)
		return nil
	}
	published, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.source))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(location, published); err != nil {
		return err
	}
	if r.compiled, err = compiler.Compile(location); err != nil {
		return err
	}
	if err := r.examples(compiler); err != nil {
		return err
	}
	validators.Store(string(r.source), r.compiled)
	return nil
}

// examples holds every default and example against the schema it stands in.
func (r *rules) examples(compiler *jsonschema.Compiler) error {
	for _, at := range slices.Sorted(maps.Keys(r.index)) {
		values := slices.Clone(r.index[at].Examples)
		if v := r.index[at].Default; v != nil {
			values = append(values, v)
		}
		part, err := compiler.Compile(at)
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := part.Validate(v); err != nil {
				return fmt.Errorf("default or example %v: %w", v, err)
			}
		}
	}
	return nil
}

// validate reports everything that the schema has against the file.
func (r *rules) validate(root *node, report *report) {
	var invalid *jsonschema.ValidationError
	if err := r.compiled.Validate(root.value); errors.As(err, &invalid) {
		r.explain(invalid, root, report)
	}
}

// explain reports the leaves of a validation error: the rest only tells the
// way through the schema.
func (r *rules) explain(e *jsonschema.ValidationError, root *node, report *report) {
	n, s := root.find(e.InstanceLocation), r.index[e.SchemaURL]
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, key := range k.Missing {
			report.add(n.at, n.member(key), "nothing", s.Properties.get(key).wants())
		}
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			got, wanted := s.wantsKey(key)
			report.add(n.children[key].key, n.member(key), got, wanted)
		}
	default:
		for _, cause := range e.Causes {
			r.explain(cause, root, report)
		}
		if len(e.Causes) == 0 {
			report.add(n.at, n.path, n.describe(), s.wantsInstead(n))
		}
	}
}
