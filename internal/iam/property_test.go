package iam_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/iam"
)

// The properties are about a small world, in which all requests can be tried.
var (
	worldActions   = []string{"ec2:DescribeInstances", "ec2:ReplaceRoute", "sns:Publish"}
	worldResources = []string{"*", "arn:aws:ec2:us-west-1:1:route-table/rtb-1", "arn:aws:sns:us-west-1:1:ops"}
	worldKeys      = []string{"aws:ResourceTag/team", "ec2:Region"}
	worldValues    = []string{"a", "b"}
	worldVars      = iam.Vars{Region: "us-west-1", Account: "1"}
)

// worldRequests is every request there is: a key has either value or none.
func worldRequests() []iam.Request {
	var contexts []map[string][]string
	for _, x := range append([]string{""}, worldValues...) {
		for _, y := range append([]string{""}, worldValues...) {
			context := map[string][]string{}
			for i, value := range []string{x, y} {
				if value != "" {
					context[worldKeys[i]] = []string{value}
				}
			}
			contexts = append(contexts, context)
		}
	}
	var all []iam.Request
	for _, action := range worldActions {
		for _, resource := range worldResources {
			for _, context := range contexts {
				all = append(all, iam.Request{Action: action, Resource: resource, Context: context})
			}
		}
	}
	return all
}

// anyNeed names ARNs with placeholders, and nothing with wildcards but "*".
func anyNeed(t *rapid.T) iam.Need {
	some := func(label string, from []string, least int) []string {
		return rapid.SliceOfN(rapid.SampledFrom(from), least, 3).Draw(t, label)
	}
	n := iam.Need{Actions: some("actions", worldActions, 1)}
	for _, resource := range some("resources", worldResources, 0) {
		n.Resources = append(n.Resources, strings.NewReplacer("aws", "${Partition}", "us-west-1", "${Region}", ":1:", ":${Account}:").Replace(resource))
	}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(worldKeys), 0, 2, rapid.ID).Draw(t, "keys") {
		n.Conditions = append(n.Conditions, iam.Condition{Operator: "StringEquals", Key: key, Values: some("values", worldValues, 1)})
	}
	return n
}

var anyNeeds = rapid.SliceOfN(rapid.Custom(anyNeed), 0, 5)

// asks says whether a need is about a request, from the need alone.
func asks(n iam.Need, r iam.Request) bool {
	resource := strings.NewReplacer("aws", "${Partition}", "us-west-1", "${Region}", ":1:", ":${Account}:").Replace(r.Resource)
	if !slices.Contains(n.Actions, r.Action) {
		return false
	}
	if len(n.Resources) > 0 && !slices.Contains(n.Resources, "*") && !slices.Contains(n.Resources, resource) {
		return false
	}
	return !slices.ContainsFunc(n.Conditions, func(c iam.Condition) bool {
		return len(r.Context[c.Key]) == 0 || !slices.Contains(c.Values, r.Context[c.Key][0])
	})
}

func newPolicy(t *rapid.T, needs []iam.Need) iam.Policy {
	p, err := iam.NewPolicy(needs, worldVars)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicyAllowsExactlyTheNeeds(t *testing.T) {
	requests := worldRequests()
	rapid.Check(t, func(t *rapid.T) {
		needs := anyNeeds.Draw(t, "needs")
		p := newPolicy(t, needs)
		for _, r := range requests {
			want := slices.ContainsFunc(needs, func(n iam.Need) bool { return asks(n, r) })
			if got, reason := p.Allows(r); got != want {
				t.Fatalf("%+v: got %v (%s), want %v", r, got, reason, want)
			}
		}
	})
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		needs := anyNeeds.Draw(t, "needs")
		want := newPolicy(t, needs)
		others := slices.Clone(needs)
		if len(needs) > 0 {
			others = append(others, rapid.SampledFrom(needs).Draw(t, "repeated"))
		}
		others = rapid.Permutation(others).Draw(t, "shuffled")
		for i := range others {
			others[i].Actions = rapid.Permutation(others[i].Actions).Draw(t, "actions")
			others[i].Resources = rapid.Permutation(others[i].Resources).Draw(t, "resources")
			others[i].Conditions = rapid.Permutation(others[i].Conditions).Draw(t, "conditions")
		}
		if diff := cmp.Diff(want, newPolicy(t, others)); diff != "" {
			t.Fatalf("-in order +shuffled:\n%s", diff)
		}
	})
}

func TestPolicySurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPolicy(t, anyNeeds.Draw(t, "needs"))
		document, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		// Equal policies evaluate the same: Allows sees nothing else.
		again, err := iam.ParsePolicy(document)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("-before +after:\n%s", diff)
		}
	})
}
