package iam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// operator is a condition operator, understood as
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
// describes it.
type operator struct {
	comparison
	set      string // forAllValues, forAnyValue, or empty for keys with one value
	ifExists bool
}

const (
	forAllValues = "ForAllValues"
	forAnyValue  = "ForAnyValue"
)

// comparison is an operator without prefix and suffix.
type comparison struct {
	match     func(pattern, value string) bool // nil: Null, which looks at presence alone
	negated   bool                             // holds when no pattern matches
	wildcards bool                             // patterns may hold * and ?
	form      func(pattern string) error       // what patterns must look like; nil: anything
}

var comparisons = map[string]comparison{
	"StringEquals":              {match: equal},
	"StringNotEquals":           {match: equal, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: glob, wildcards: true},
	"StringNotLike":             {match: glob, wildcards: true, negated: true},
	// AWS treats Equals and Like of ARNs alike.
	"ArnEquals":    {match: arnLike, wildcards: true, form: arnForm},
	"ArnLike":      {match: arnLike, wildcards: true, form: arnForm},
	"ArnNotEquals": {match: arnLike, wildcards: true, form: arnForm, negated: true},
	"ArnNotLike":   {match: arnLike, wildcards: true, form: arnForm, negated: true},
	"Bool":         {match: strings.EqualFold, form: boolForm},
	"Null":         {form: boolForm},
}

// parseOperator refuses what it does not know, and what AWS does not document:
// Null takes neither prefix nor suffix, and a prefix together with IfExists has
// no described meaning when the key is missing.
func parseOperator(name string) (operator, error) {
	unknown := fmt.Errorf("unknown condition operator %q", name)
	var op operator
	rest := name
	if set, after, ok := strings.Cut(name, ":"); ok {
		if set != forAllValues && set != forAnyValue {
			return operator{}, unknown
		}
		op.set, rest = set, after
	}
	rest, op.ifExists = strings.CutSuffix(rest, "IfExists")
	var known bool
	op.comparison, known = comparisons[rest]
	qualified := op.set != "" || op.ifExists
	if !known || op.match == nil && qualified || op.set != "" && op.ifExists {
		return operator{}, unknown
	}
	return op, nil
}

// check says what is wrong with the values of a condition.
func (op operator) check(patterns []string) error {
	if len(patterns) == 0 {
		return errors.New("no value")
	}
	if op.form == nil {
		return nil
	}
	for _, pattern := range patterns {
		if err := op.form(pattern); err != nil {
			return err
		}
	}
	return nil
}

// holds applies the operator to what a request has for a key; no values means
// that the key is missing.
//
// Several values and no set prefix: AWS leaves the outcome open, so the
// condition does not hold.
func (op operator) holds(patterns, values []string) bool {
	switch {
	case op.match == nil:
		missing := strconv.FormatBool(len(values) == 0)
		return slices.ContainsFunc(patterns, func(p string) bool { return strings.EqualFold(p, missing) })
	case op.set == forAllValues: // true of a missing key
		return !slices.ContainsFunc(values, func(v string) bool { return !op.satisfied(patterns, v) })
	case op.set == forAnyValue: // false of a missing key
		return slices.ContainsFunc(values, func(v string) bool { return op.satisfied(patterns, v) })
	case len(values) == 0:
		return op.negated || op.ifExists
	}
	return len(values) == 1 && op.satisfied(patterns, values[0])
}

func (op operator) satisfied(patterns []string, value string) bool {
	return op.negated != slices.ContainsFunc(patterns, func(p string) bool { return op.match(p, value) })
}

func equal(pattern, value string) bool { return pattern == value }

// glob matches * with any characters and ? with any one.
func glob(pattern, value string) bool {
	p, v := []rune(pattern), []rune(value)
	star, from := -1, 0 // the last star, and where what follows it is being tried
	i, j := 0, 0
	for j < len(v) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == v[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// arnParts is how many parts an ARN has; the last may hold colons itself.
const arnParts = 6

// arnLike matches each part of an ARN by itself: no wildcard reaches across.
func arnLike(pattern, value string) bool {
	p, v := strings.SplitN(pattern, ":", arnParts), strings.SplitN(value, ":", arnParts)
	if len(p) < arnParts || len(v) < arnParts {
		return false
	}
	for i := range p {
		if !glob(p[i], v[i]) {
			return false
		}
	}
	return true
}

func arnForm(pattern string) error {
	if strings.Count(pattern, ":") < arnParts-1 {
		return fmt.Errorf("value %q, want an ARN with all its parts", pattern)
	}
	return nil
}

func boolForm(pattern string) error {
	if !strings.EqualFold(pattern, "true") && !strings.EqualFold(pattern, "false") {
		return fmt.Errorf("value %q, want true or false", pattern)
	}
	return nil
}
