// Package iamtest proves that needs are meaningful: what they ask for exists,
// and AWS can grant it in the way they ask. It is for tests.
package iamtest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

//go:embed testdata/actions.json
var actions []byte

// Catalog says of each action, by its name, how it can be granted.
type Catalog map[string]Action

// Action is an entry of the AWS Service Authorization Reference.
type Action struct {
	Access        string         `json:"access"`
	Resources     []ResourceType `json:"resources"`
	ConditionKeys []string       `json:"conditionKeys"`
}

// ResourceType is one kind of resource that an action concerns.
type ResourceType struct {
	Type          string   `json:"type"`
	Required      bool     `json:"required"` // a call always concerns one
	ARN           string   `json:"arn"`
	ConditionKeys []string `json:"conditionKeys"`
}

// Reference is the extract of the reference in testdata. It holds the actions
// that are needed somewhere; others are added as they come to be needed.
func Reference() Catalog {
	var c Catalog
	if err := json.Unmarshal(actions, &c); err != nil {
		panic(fmt.Sprintf("read testdata/actions.json: %v", err))
	}
	return c
}

// Check reports all that is wrong with needs:
//
//   - an action that the catalog does not have;
//   - an ARN for an action without resource-level permissions, or of a type that
//     the action does not concern;
//   - ARNs that together leave out a type of which a call always concerns one:
//     AWS would refuse every call;
//   - a condition key that neither the action nor the type of an ARN supports: it
//     would be missing from every request. Global keys, such as
//     aws:RequestedRegion, are reported too unless the reference lists them;
//   - an action that changes something, allowed on every resource without a
//     condition.
//
// The needs are looked at together, as one policy is rendered from them.
func (c Catalog) Check(needs []iam.Need) error {
	var problems []error
	named := map[string][]string{} // the resources of each action
	for _, need := range needs {
		if len(need.Actions) == 0 {
			problems = append(problems, errors.New("a need without actions"))
		}
		for _, name := range need.Actions {
			action, known := c[name]
			if !known {
				problems = append(problems, fmt.Errorf("%s: not in the reference extract of internal/iam/iamtest", name))
				continue
			}
			resources := need.Resources
			if len(resources) == 0 {
				resources = []string{anything}
			}
			named[name] = append(named[name], resources...)
			for _, problem := range action.check(resources, need.Conditions) {
				problems = append(problems, fmt.Errorf("%s: %w", name, problem))
			}
		}
	}
	for name, resources := range named {
		for _, t := range c[name].Resources {
			if t.Required && !slices.ContainsFunc(resources, t.covers) {
				problems = append(problems, fmt.Errorf("%s: no ARN of a %s, which every call concerns", name, t.Type))
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

const anything = "*"

// check looks at one action of a need.
func (a Action) check(resources []string, conditions []iam.Condition) []error {
	var problems []error
	for _, resource := range resources {
		types := a.typesOf(resource)
		switch {
		case resource == anything && len(a.Resources) > 0 && len(conditions) == 0 && strings.Contains(a.Access, "Write"):
			problems = append(problems, errors.New("changes any resource without a condition; name ARNs or add one"))
		case resource != anything && len(a.Resources) == 0:
			problems = append(problems, fmt.Errorf("%s: the action has no resource-level permissions", resource))
			continue
		case resource != anything && len(types) == 0:
			problems = append(problems, fmt.Errorf("%s: the ARN fits no resource type of the action", resource))
			continue
		}
		for _, condition := range conditions {
			if !a.supports(condition.Key, types) {
				problems = append(problems, fmt.Errorf("%s: no request has the condition key %s", resource, condition.Key))
			}
		}
	}
	return problems
}

// typesOf are the resource types that a statement about a resource must do
// for: those the ARN fits, and of "*" those that every call concerns.
func (a Action) typesOf(resource string) []ResourceType {
	var types []ResourceType
	for _, t := range a.Resources {
		if resource == anything && t.Required || resource != anything && t.covers(resource) {
			types = append(types, t)
		}
	}
	return types
}

// supports says whether requests have a key: the action brings it, or all the
// resource types do.
func (a Action) supports(key string, types []ResourceType) bool {
	within := func(formats []string) bool { // the case of keys does not count
		return slices.ContainsFunc(formats, func(f string) bool { return fits(strings.ToLower(f), strings.ToLower(key)) })
	}
	lacks := func(t ResourceType) bool { return !within(t.ConditionKeys) }
	return within(a.ConditionKeys) || len(types) > 0 && !slices.ContainsFunc(types, lacks)
}

// covers says whether a need's resource is about this type, as an ARN of it or
// as "*". The ARN's own wildcards and placeholders count as plain text.
func (t ResourceType) covers(resource string) bool {
	if resource == anything {
		return true
	}
	const parts = 6
	format, arn := strings.SplitN(t.ARN, ":", parts), strings.SplitN(resource, ":", parts)
	if len(format) != len(arn) {
		return false
	}
	for i := range format {
		if !fits(format[i], arn[i]) && (i < parts-1 || !reaches(format[i], arn[i])) {
			return false
		}
	}
	return true
}

// reaches says whether text that ends in a wildcard follows a format of more parts:
// for IAM a wildcard at the end stands for slashes too.
func reaches(format, text string) bool {
	if !strings.HasSuffix(text, "/*") {
		return false
	}
	missing := strings.Count(format, "/") - strings.Count(text, "/")
	return missing > 0 && fits(format, text+strings.Repeat("/*", missing))
}

var variable = regexp.MustCompile(`\\\$\\\{[^}]*\\\}`)

// fits says whether text follows a format of the reference, in which anything
// but nothing may stand for ${Name}.
func fits(format, text string) bool {
	pattern := variable.ReplaceAllString(regexp.QuoteMeta(format), ".+")
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(text)
}
