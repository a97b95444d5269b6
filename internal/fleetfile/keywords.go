package fleetfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// schema is the part of JSON Schema that fleet files need.
type schema struct {
	Dialect     string `json:"$schema,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type,omitempty"`
	Enum        []any  `json:"enum,omitempty"`
	Pattern     string `json:"pattern,omitempty"`
	// Message is no part of JSON Schema, but shown by the editors that most
	// people use. It is "wanted" and the words.
	Message    string             `json:"patternErrorMessage,omitempty"`
	MaxLength  json.Number        `json:"maxLength,omitempty"`
	Minimum    json.Number        `json:"minimum,omitempty"`
	Maximum    json.Number        `json:"maximum,omitempty"`
	Default    any                `json:"default,omitempty"`
	Examples   []any              `json:"examples,omitempty"`
	MinItems   json.Number        `json:"minItems,omitempty"`
	MaxItems   json.Number        `json:"maxItems,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Properties properties         `json:"properties,omitempty"`
	Named      map[string]*schema `json:"patternProperties,omitempty"`    // by the pattern of names
	Additional any                `json:"additionalProperties,omitempty"` // false, or the *schema of a map's values
	AllOf      []*schema          `json:"allOf,omitempty"`
	If         *schema            `json:"if,omitempty"`
	Then       *schema            `json:"then,omitempty"`
	Defs       map[string]*schema `json:"$defs,omitempty"`

	// words is the wanted tag.
	words string
	// names is what keys have to be where Named says so. The keyword for it is
	// propertyNames, but the validator (v6.0.3) does not keep the place of an
	// error there: it shares the slice with what it looks at next.
	names *schema
}

// properties keep the order in which the fields are declared: editors show it.
type properties []property

type property struct {
	key string
	*schema
}

func (ps properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, p := range ps {
		value, err := json.Marshal(p.schema)
		if err != nil {
			return nil, err
		}
		separator := ','
		if i == 0 {
			separator = '{'
		}
		fmt.Fprintf(&b, "%c%q:%s", separator, p.key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (ps properties) keys() []string {
	keys := make([]string, len(ps))
	for i, p := range ps {
		keys[i] = p.key
	}
	return keys
}

func (ps properties) has(key string) bool { return slices.Contains(ps.keys(), key) }

// get returns the property's schema; the key must be there.
func (ps properties) get(key string) *schema {
	return ps[slices.IndexFunc(ps, func(p property) bool { return p.key == key })].schema
}

// index enters the schema and all in it by their location, which is how the
// validator refers to them. Kinds and keys are such that they need no escapes.
func (s *schema) index(location string, into map[string]*schema) {
	into[location] = s
	for _, p := range s.Properties {
		p.index(location+"/properties/"+p.key, into)
	}
	for kind, def := range s.Defs {
		def.index(location+"/$defs/"+kind, into)
	}
	if s.Items != nil {
		s.Items.index(location+"/items", into)
	}
	for pattern, values := range s.Named {
		values.index(location+"/patternProperties/"+url.PathEscape(pattern), into)
	}
	if values, ok := s.Additional.(*schema); ok {
		values.index(location+"/additionalProperties", into)
	}
}
