package fleetfile

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
)

// form describes the types that have a form of their own.
func form(t reflect.Type) (s schema, ok bool) {
	switch t {
	case reflect.TypeFor[automation.Duration]():
		return schema{
			Type: "string", Pattern: automation.DurationPattern,
			words: "a duration", Examples: []any{"5m", "90s", "1h30m"},
		}, true
	case reflect.TypeFor[name]():
		return schema{
			Type: "string", Pattern: `^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$`,
			words: "a name of at most 30 lower-case letters, digits and dashes, beginning with a letter,", Examples: []any{"edge-prod"},
		}, true
	case reflect.TypeFor[region]():
		return schema{
			Type: "string", Pattern: `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`,
			words: "an AWS region", Examples: []any{"us-west-1"},
		}, true
	case reflect.TypeFor[Mapping]():
		return schema{Type: "object"}, true
	case reflect.TypeFor[pattern]():
		return schema{Type: "object", words: "an event pattern such as { detail: { state: [stopped] } }"}, true
	}
	return schema{}, false
}

// object describes a struct that is within others.
func object(t reflect.Type, outer []reflect.Type) (*schema, error) {
	if slices.Contains(outer, t) {
		return nil, fmt.Errorf("type %s contains itself", t)
	}
	s := &schema{Type: "object", Additional: false}
	for f := range t.Fields() {
		if err := s.addField(f, append(outer, t)); err != nil {
			return nil, fmt.Errorf("field %s.%s: %w", t, f.Name, err)
		}
	}
	return s, nil
}

var keyForm = regexp.MustCompile(`^[a-z][A-Za-z0-9-]*$`)

func (s *schema) addField(f reflect.StructField, outer []reflect.Type) error {
	key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	doc := f.Tag.Get("doc")
	switch {
	case f.Anonymous || !f.IsExported():
		return errors.New("neither embedded nor unexported fields are supported")
	case !keyForm.MatchString(key):
		return fmt.Errorf("key %q does not match %s", key, keyForm)
	case doc == "":
		return errors.New("a doc tag is required")
	}
	value, err := describe(f.Type, f.Tag, outer)
	if err != nil {
		return err
	}
	value.Description = doc
	s.Properties = append(s.Properties, property{key, value})
	if f.Type.Kind() == reflect.Pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero") {
		return nil
	}
	if value.Default != nil {
		return errors.New("a required key has no default")
	}
	s.Required = append(s.Required, key)
	return nil
}

// describe makes the schema of a type. The tag is that of the field whose type
// it is, or in which it is an element.
func describe(t reflect.Type, tag reflect.StructTag, outer []reflect.Type) (*schema, error) {
	if s, ok := form(t); ok {
		return scalar(s, tag)
	}
	pointer := reflect.PointerTo(t)
	if pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil, fmt.Errorf("type %s has a JSON form of its own", t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem(), tag, outer)
	case reflect.Struct:
		return object(t, outer)
	case reflect.Map:
		return mapping(t, tag, outer)
	case reflect.Slice:
		return list(t, tag, outer)
	case reflect.String:
		return scalar(schema{Type: "string"}, tag)
	case reflect.Bool:
		return scalar(schema{Type: "boolean"}, tag)
	case reflect.Int, reflect.Int32, reflect.Int64:
		return scalar(schema{Type: "integer"}, tag)
	case reflect.Float64:
		return scalar(schema{Type: "number"}, tag)
	default:
		return nil, fmt.Errorf("type %s is not supported", t)
	}
}

func mapping(t reflect.Type, tag reflect.StructTag, outer []reflect.Type) (*schema, error) {
	values, err := describe(t.Elem(), tag, outer)
	if err != nil {
		return nil, err
	}
	if t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("type %s is not a map by string", t)
	}
	return &schema{Type: "object", Additional: values}, nil
}

func list(t reflect.Type, tag reflect.StructTag, outer []reflect.Type) (*schema, error) {
	items, err := describe(t.Elem(), tag, outer)
	if err != nil {
		return nil, err
	}
	s := &schema{Type: "array", Items: items}
	return s, s.set(numbers(tag, "minItems", "maxItems"))
}

// scalar adds what a field's tag says about text, numbers and booleans.
func scalar(s schema, tag reflect.StructTag) (*schema, error) {
	literal := func(text string) any {
		if s.Type == "string" {
			return text
		}
		return json.RawMessage(text)
	}
	keywords := numbers(tag, "maxLength", "minimum", "maximum")
	if v, ok := tag.Lookup("enum"); ok {
		var values []any
		for value := range strings.SplitSeq(v, ",") {
			values = append(values, literal(value))
		}
		keywords["enum"] = values
	}
	if v, ok := tag.Lookup("default"); ok {
		keywords["default"] = literal(v)
	}
	if v, ok := tag.Lookup("example"); ok {
		keywords["examples"] = []any{literal(v)}
	}
	if v, ok := tag.Lookup("pattern"); ok {
		keywords["pattern"] = v
	}
	if v, ok := tag.Lookup("wanted"); ok {
		s.words = v
	}
	if err := s.set(keywords); err != nil {
		return nil, err
	}
	if s.Pattern != "" {
		if s.words == "" || len(s.Examples) == 0 {
			return nil, errors.New("a pattern needs the tags wanted and example, for people")
		}
		s.Message = "wanted " + s.wants()
	}
	return &s, nil
}

// numbers takes the tag's keywords of the given names; they have numbers.
func numbers(tag reflect.StructTag, names ...string) map[string]any {
	keywords := map[string]any{}
	for _, name := range names {
		if v, ok := tag.Lookup(name); ok {
			keywords[name] = json.RawMessage(v)
		}
	}
	return keywords
}

// set takes keywords over by their JSON names. A number that is none, as a tag
// may have it, is an error.
func (s *schema) set(keywords map[string]any) error {
	data, err := json.Marshal(keywords)
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	if err := json.Unmarshal(data, s); err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	return nil
}
