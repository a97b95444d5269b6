package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Vars fill the placeholders of needs.
type Vars struct {
	Partition string // empty: "aws"
	Region    string // required where a need speaks of it
	Account   string // empty: any account, "*"
}

// NewPolicy renders needs as one policy. It depends on what the needs say
// alone, not on their order or repetition: needs with the same resources and
// conditions become one statement, and actions, resources and values are
// sorted. Each statement's Sid is derived from its content, so that a change
// of one leaves the others alone.
func NewPolicy(needs []Need, vars Vars) (Policy, error) {
	merged := map[string]*Statement{} // by resources and conditions
	for _, need := range needs {
		s, err := newStatement(need, vars)
		if err != nil {
			return Policy{}, fmt.Errorf("render need %s: %w", strings.Join(need.Actions, ", "), err)
		}
		where := string(encode(Statement{Resource: s.Resource, Condition: s.Condition}))
		if m := merged[where]; m != nil {
			m.Action = append(m.Action, s.Action...)
		} else {
			merged[where] = &s
		}
	}
	p := Policy{Version: version, Statement: []Statement{}}
	for _, s := range merged {
		s.Action = sorted(s.Action)
		s.Sid = newSid(*s)
		p.Statement = append(p.Statement, *s)
	}
	slices.SortFunc(p.Statement, func(a, b Statement) int { return strings.Compare(a.Sid, b.Sid) })
	if err := p.validate(); err != nil {
		return Policy{}, fmt.Errorf("render policy: %w", err)
	}
	return p, nil
}

func newStatement(need Need, vars Vars) (Statement, error) {
	if len(need.Actions) == 0 {
		return Statement{}, errors.New("no action")
	}
	s := Statement{Effect: "Allow", Action: slices.Clone(need.Actions), Resource: Values{"*"}}
	if len(need.Resources) > 0 {
		resources, err := vars.fillAll(need.Resources)
		if err != nil {
			return Statement{}, err
		}
		s.Resource = resources
	}
	for _, c := range need.Conditions {
		if err := s.add(c, vars); err != nil {
			return Statement{}, fmt.Errorf("condition %s of %s: %w", c.Operator, c.Key, err)
		}
	}
	return s, nil
}

// add adds a condition that must hold as well.
func (s *Statement) add(c Condition, vars Vars) error {
	op, err := parseOperator(c.Operator)
	if err != nil {
		return err
	}
	if vars.Account == "" && !op.wildcards && slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(v, "${Account}") }) {
		return errors.New("the account is not known, and the operator takes no wildcard for it")
	}
	values, err := vars.fillAll(c.Values)
	if err != nil {
		return err
	}
	for key, there := range s.Condition[c.Operator] {
		// One list of values per operator and key: of these any may match,
		// while both of two conditions must hold.
		if strings.EqualFold(key, c.Key) && (key != c.Key || !slices.Equal(there, values)) {
			return errors.New("stands twice in one need, with different values")
		}
	}
	if s.Condition == nil {
		s.Condition = map[string]map[string]Values{}
	}
	if s.Condition[c.Operator] == nil {
		s.Condition[c.Operator] = map[string]Values{}
	}
	s.Condition[c.Operator][c.Key] = values
	return nil
}

// newSid names a statement by its first action and a digest of all it says.
func newSid(s Statement) string {
	digest := sha256.Sum256(encode(s))
	return notSid.ReplaceAllString(s.Action[0], "") + hex.EncodeToString(digest[:4])
}

var (
	notSid      = regexp.MustCompile(`[^A-Za-z0-9]`)
	placeholder = regexp.MustCompile(`\$\{[^}]*\}?`)
)

// fillAll fills in placeholders and sorts; duplicates vanish.
func (v Vars) fillAll(patterns []string) (Values, error) {
	var filled []string
	for _, pattern := range patterns {
		f, err := v.fill(pattern)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		filled = append(filled, f)
	}
	return sorted(filled), nil
}

func (v Vars) fill(pattern string) (string, error) {
	var failed error
	filled := placeholder.ReplaceAllStringFunc(pattern, func(name string) string {
		switch {
		case name == "${Partition}" && v.Partition == "":
			return "aws"
		case name == "${Partition}":
			return v.Partition
		case name == "${Account}" && v.Account == "":
			return "*"
		case name == "${Account}":
			return v.Account
		case name == "${Region}" && v.Region == "":
			failed = errors.New("the region is not known")
		case name == "${Region}":
			return v.Region
		default:
			failed = fmt.Errorf("unknown placeholder %s", name)
		}
		return ""
	})
	return filled, failed
}

func sorted(values []string) Values {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}
