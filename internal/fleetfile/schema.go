package fleetfile

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/droverhq/drover/internal/automation"
)

// Schema is the JSON Schema (draft 2020-12) of fleet files with automations of
// the given kinds. The same definitions, in any order, give the same bytes.
func Schema(definitions []automation.Definition) ([]byte, error) {
	rules, err := newRules(definitions)
	if err != nil {
		return nil, err
	}
	return rules.source, nil
}

// document is the top of a fleet file.
type document struct {
	Version     int              `json:"version" enum:"1" doc:"The version of this format."`
	Fleet       name             `json:"fleet" doc:"The fleet's name. It is part of what the fleet's rules, runs and tags are called, so keep it."`
	Region      region           `json:"region" doc:"The AWS region that automations work in, unless they name their own."`
	Notify      Notify           `json:"notify" doc:"Who is told about runs."`
	Automations map[string]entry `json:"automations" doc:"What is kept in order, by name."`
}

// entry holds the keys that automations of every kind have.
type entry struct {
	Kind        string  `json:"kind" doc:"What the automation does."`
	Region      region  `json:"region,omitempty" doc:"The AWS region the automation works in, if not the fleet's."`
	Description string  `json:"description,omitempty" doc:"A note for people. It has no effect."`
	When        pattern `json:"when,omitempty" doc:"An EventBridge event pattern. Of the events that the automation listens to it acts on those only that match it too. Sweeps go on as before."`
}

// name is what a fleet or an automation is called. It becomes part of keys, of
// tags, and of the names of rules, which have 64 characters for all of it.
type name string

// region is the name of an AWS region.
type region string

// pattern is an event pattern as it is written. What may be in it is not for
// the schema to say: package event does, and better.
type pattern map[string]any

// fileSchema puts the schemas of document, entry and every configuration
// together. An automation is described once for each kind, in full, and chosen
// by its kind: so editors know what keys to offer and problems say what is
// missing in this one.
func fileSchema(definitions []automation.Definition) (*schema, error) {
	if len(definitions) == 0 {
		return nil, errors.New("there are no kinds of automation")
	}
	file, err := object(reflect.TypeFor[document](), nil)
	if err != nil {
		return nil, err
	}
	file.Dialect = "https://json-schema.org/draft/2020-12/schema"
	file.Title = "Drover fleet file"
	file.Defs = map[string]*schema{}

	automations := file.Properties.get("automations")
	kind := *automations.Additional.(*schema).Properties.get("kind")
	choice := &schema{
		Type: "object", Required: []string{"kind"}, Properties: properties{{"kind", &kind}},
		words: "a mapping with a kind and its keys",
	}
	automations.words = "a mapping of names to automations"
	automations.names = file.Properties.get("fleet")
	automations.Named = map[string]*schema{automations.names.Pattern: choice}
	automations.Additional = false

	for _, d := range definitions {
		if file.Defs[d.Name] != nil {
			return nil, fmt.Errorf("two kinds are called %s", d.Name)
		}
		def, err := kindSchema(d)
		if err != nil {
			return nil, fmt.Errorf("kind %s: %w", d.Name, err)
		}
		file.Defs[d.Name] = def
		kind.Enum = append(kind.Enum, d.Name)
		choice.AllOf = append(choice.AllOf, &schema{
			If:   &schema{Required: []string{"kind"}, Properties: properties{{"kind", &schema{Enum: []any{d.Name}}}}},
			Then: &schema{Ref: "#/$defs/" + d.Name},
		})
	}
	return file, nil
}

// kindSchema describes automations of one kind: the common keys and those of
// its configuration.
func kindSchema(d automation.Definition) (*schema, error) {
	def, err := object(reflect.TypeFor[entry](), nil)
	if err != nil {
		return nil, err
	}
	config, err := object(d.Config, nil)
	if err != nil {
		return nil, err
	}
	for _, p := range config.Properties {
		if def.Properties.has(p.key) {
			return nil, fmt.Errorf("key %s belongs to all automations", p.key)
		}
	}
	def.Properties.get("kind").Enum = []any{d.Name}
	def.Title, def.Description = d.Title, "Since "+d.Since+"."
	def.Properties = append(def.Properties, config.Properties...)
	def.Required = append(def.Required, config.Required...)
	return def, nil
}
