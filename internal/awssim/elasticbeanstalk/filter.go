package elasticbeanstalk

// Filters (docs of PlatformFilter and of ListPlatformBranchesInput; the errors
// unverified). States are compared without regard to case, as the docs spell
// them one way and AWS's own records another (unverified). Not modelled: filters by
// addon and by language.

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

// latest is the value of a filter by PlatformVersion that stands for the newest
// version (facts/apis.md 6).
const latest = "latest"

func (s *state) versionFilter(m *awssim.Moment, f types.PlatformFilter) (func(version) bool, error) {
	kind := aws.ToString(f.Type)
	if len(f.Values) != 1 {
		return nil, invalid("Exactly one value is supported for filter %s, not %d", kind, len(f.Values))
	}
	value, operator := f.Values[0], aws.ToString(f.Operator)
	if kind == "PlatformVersion" {
		return s.numberFilter(m, operator, value)
	}
	read := map[string]func(version) []string{
		"PlatformName":           func(v version) []string { return []string{v.Branch} },
		"PlatformBranchName":     func(v version) []string { return []string{v.Branch} },
		"PlatformStatus":         func(v version) []string { return []string{string(v.status)} },
		"PlatformLifecycleState": func(v version) []string { return []string{aws.ToString(s.lifecycle(v))} },
		"PlatformOwner":          func(version) []string { return []string{owner} },
		"OperatingSystemName":    func(v version) []string { return []string{v.System} },
		"SupportedTier": func(v version) []string {
			b, _ := s.branch(v.Branch)
			return b.Tiers
		},
	}[kind]
	if read == nil {
		return nil, m.NotModelled("filter %q", kind)
	}
	passes, ok := textOperators[operator]
	if !ok {
		return nil, m.NotModelled("operator %q of filter %q", operator, kind)
	}
	normal := fold(strings.HasSuffix(kind, "State"))
	return func(v version) bool { return anyPasses(operator, passes, read(v), normal, value) }, nil
}

// numberFilter compares versions by number. What "latest" means beside other
// filters is not known: here, the highest number of a branch whatever its status,
// so that a version that is still being made hides the one before it (unverified).
func (s *state) numberFilter(m *awssim.Moment, operator, value string) (func(version) bool, error) {
	if value == latest {
		if operator != "=" {
			return nil, m.NotModelled("operator %q with the version %q", operator, latest)
		}
		return func(v version) bool {
			newest, _ := s.newest(v.Branch, func(version) bool { return true })
			return newest.arn == v.arn
		}, nil
	}
	if passes, ok := textOperators[operator]; ok {
		return func(v version) bool { return passes(v.Number, value) }, nil
	}
	passes, ok := orderOperators[operator]
	if !ok {
		return nil, m.NotModelled("operator %q of filter %q", operator, "PlatformVersion")
	}
	return func(v version) bool { return passes(compare(v.Number, value)) }, nil
}

func branchFilter(m *awssim.Moment, f types.SearchFilter) (func(branch) bool, error) {
	kind, operator := aws.ToString(f.Attribute), aws.ToString(f.Operator)
	read := map[string]func(branch) []string{
		"BranchName":     func(b branch) []string { return []string{b.Name} },
		"LifecycleState": func(b branch) []string { return []string{b.State} },
		"PlatformName":   func(b branch) []string { return []string{b.Platform} },
		"TierType":       func(b branch) []string { return b.Tiers },
	}[kind]
	if read == nil {
		return nil, m.NotModelled("filter %q", kind)
	}
	normal := fold(strings.HasSuffix(kind, "State"))
	if operator == "in" || operator == "not_in" {
		return func(b branch) bool {
			in := slices.ContainsFunc(f.Values, func(value string) bool {
				return anyPasses("=", textOperators["="], read(b), normal, value)
			})
			return in == (operator == "in")
		}, nil
	}
	passes, ok := textOperators[operator]
	if !ok {
		return nil, m.NotModelled("operator %q of filter %q", operator, kind)
	}
	if len(f.Values) != 1 {
		return nil, invalid("Operator %s takes one value, not %d", operator, len(f.Values))
	}
	return func(b branch) bool { return anyPasses(operator, passes, read(b), normal, f.Values[0]) }, nil
}

var textOperators = map[string]func(have, want string) bool{
	"=":           func(have, want string) bool { return have == want },
	"!=":          func(have, want string) bool { return have != want },
	"contains":    strings.Contains,
	"begins_with": strings.HasPrefix,
	"ends_with":   strings.HasSuffix,
}

var orderOperators = map[string]func(order int) bool{
	"<":  func(order int) bool { return order < 0 },
	"<=": func(order int) bool { return order <= 0 },
	">":  func(order int) bool { return order > 0 },
	">=": func(order int) bool { return order >= 0 },
}

// fold is how values are compared.
func fold(ignoreCase bool) func(string) string {
	if ignoreCase {
		return strings.ToLower
	}
	return func(text string) string { return text }
}

// anyPasses says whether one of several values passes; with != all must.
func anyPasses(operator string, passes func(have, want string) bool, have []string, normal func(string) string, want string) bool {
	misses := func(value string) bool { return !passes(normal(value), normal(want)) }
	if operator == "!=" {
		return !slices.ContainsFunc(have, misses)
	}
	return slices.ContainsFunc(have, func(value string) bool { return !misses(value) })
}
