package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Request is what AWS asks a policy about. A call that concerns several
// resources is as many requests, all of which must be allowed.
type Request struct {
	Action string
	// Resource is an ARN, or "*" for an action without resource-level permissions.
	Resource string
	// Context holds the values of condition keys. A key without values is
	// missing; one with several is understood only by operators with a set
	// prefix, and conditions with others do not hold.
	Context map[string][]string
}

// Allows says whether the policy, alone, allows a request, and why. As AWS
// does it: what is not allowed is denied, and an explicit Deny wins.
//
// A policy that is not valid, or holds policy variables such as
// ${aws:PrincipalTag/team}, which are not evaluated here, allows nothing.
//
// Wildcards in resources match across colons. AWS documents that only of a
// wildcard at the end of a part; patterns that depend on the difference
// deserve to be rewritten.
func (p Policy) Allows(r Request) (allowed bool, reason string) {
	if err := p.validate(); err != nil {
		return false, fmt.Sprintf("the policy is not valid: %v", err)
	}
	var misses []string
	for i, s := range p.Statement {
		title := p.title(i)
		if s.hasVariables() {
			return false, title + " holds policy variables, which are not evaluated"
		}
		if !s.names(r.Action) {
			continue
		}
		switch miss, deny := s.miss(r), s.Effect == "Deny"; {
		case deny && miss == "":
			return false, "denied by " + title
		case deny: // and that it does not apply explains nothing
		case miss != "":
			misses = append(misses, title+" "+miss)
		case !allowed:
			allowed, reason = true, "allowed by "+title
		}
	}
	if allowed {
		return true, reason
	}
	reason = fmt.Sprintf("no statement allows %s on %s", r.Action, r.Resource)
	if len(misses) > 0 {
		reason += ": " + strings.Join(misses, "; ")
	}
	return false, reason
}

// names says whether the statement is about an action.
func (s Statement) names(action string) bool {
	return slices.ContainsFunc(s.Action, func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(action)) })
}

// miss is why the statement does not apply to a request for an action that it
// names; empty if it does.
func (s Statement) miss(r Request) string {
	if !slices.ContainsFunc(s.Resource, func(p string) bool { return glob(p, r.Resource) }) {
		return "is about other resources"
	}
	for _, name := range slices.Sorted(maps.Keys(s.Condition)) {
		op, err := parseOperator(name)
		for _, key := range slices.Sorted(maps.Keys(s.Condition[name])) {
			patterns, values := s.Condition[name][key], r.values(key)
			if err != nil || !op.holds(patterns, values) {
				return fmt.Sprintf("wants of %s: %s %q, got %q", key, name, patterns, values)
			}
		}
	}
	return ""
}

// values is what the request has for a key, whose case does not count.
func (r Request) values(key string) []string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(r.Context)) {
		if strings.EqualFold(k, key) {
			all = append(all, r.Context[k]...)
		}
	}
	return all
}

func (s Statement) hasVariables() bool {
	variable := func(v string) bool { return strings.Contains(v, "${") }
	if slices.ContainsFunc(s.Resource, variable) {
		return true
	}
	for _, keys := range s.Condition {
		for _, values := range keys {
			if slices.ContainsFunc(values, variable) {
				return true
			}
		}
	}
	return false
}
