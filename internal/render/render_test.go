package render_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/render"
)

// Two automations: one with everything, in a region of its own, and one by tag.
const twoRegions = `
version: 1
fleet: a-fleet-with-a-very-long-name
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  sdwan:
    kind: route-failover
    region: eu-west-1
    vpc: vpc-0bf5741eb0ef56a41
    source-dest-check: repair
    sweep: 90m
    members:
      - { instance: i-05a7780f2af7c126c, interface: eni-00fea71a1c9255bef }
      - { instance: i-045ebd27124159b6d, interface: eni-071b4d6cbf57de651 }
  nat-gateways-of-everybody:
    kind: route-failover
    vpc: vpc-0bf5741eb0ef56a42
    members: [{ tags: { role: nat } }]
`

func parse(t *testing.T) *fleetfile.Fleet {
	t.Helper()
	f, err := fleetfile.Parse("fleet.yaml", []byte(twoRegions), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The rules are the triggers: the same patterns, in the automation's region.
func TestRulesAreTheTriggers(t *testing.T) {
	f := parse(t)
	rules := render.Rules(f, nil)
	for _, a := range f.Automations {
		for _, trigger := range a.Triggers() {
			rule := rules[0]
			rules = rules[1:]
			if rule.Region != a.Region || !strings.Contains(rule.Description, trigger.Title) {
				t.Errorf("%s of %s: rule %+v", trigger.Name, a.Name, rule)
			}
			if !trigger.Schedule.IsZero() {
				if rule.Schedule != trigger.Schedule.Expression() || rule.TimeZone != trigger.Schedule.Zone() || rule.Pattern != nil {
					t.Errorf("%s of %s: rule %+v", trigger.Name, a.Name, rule)
				}
				continue
			}
			if got, want := encode(t, rule.Pattern), encode(t, trigger.Pattern); got != want || rule.Schedule != "" {
				t.Errorf("%s of %s: pattern %s, want %s", trigger.Name, a.Name, got, want)
			}
		}
	}
	if len(rules) > 0 {
		t.Errorf("rules without a trigger: %+v", rules)
	}
}

// What a schedule sends is the event that makes its automation sweep, and
// nobody else.
func TestScheduleReachesItsAutomation(t *testing.T) {
	f := parse(t)
	scheduled := 0
	for _, rule := range render.Rules(f, nil) {
		if rule.Input == nil {
			continue
		}
		scheduled++
		e, err := event.Parse([]byte(encode(t, rule.Input)))
		if err != nil {
			t.Fatalf("%s: %v", rule.Name, err)
		}
		for _, a := range f.Automations {
			_, why, wants := a.Wants(event.Flatten(e))
			if want := strings.HasPrefix(rule.Description, a.Name+":"); wants != want {
				t.Errorf("%s wants the input of %s: %t (%s)", a.Name, rule.Name, wants, why)
			}
		}
	}
	if scheduled != len(f.Automations) {
		t.Errorf("%d schedules for %d automations", scheduled, len(f.Automations))
	}
}

// EventBridge takes names of up to 64 letters, digits and . - _ only, each once.
func TestRuleNames(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range render.Rules(parse(t), nil) {
		if len(rule.Name) > 64 || strings.Trim(rule.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || seen[rule.Name] {
			t.Errorf("rule name %q", rule.Name)
		}
		seen[rule.Name] = true
	}
	for _, want := range []string{"drover-a-fleet-with-a-very-long-name-sdwan-member-state", "drover-a-fleet-with-a-very-long-name-sdwan-sweep"} {
		if !seen[want] {
			t.Errorf("no rule %q: short names stay as they are", want)
		}
	}
}

func TestPolicy(t *testing.T) {
	p, err := render.Policy(parse(t), "aws", "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	request := func(action, resource string, context map[string][]string) bool {
		allowed, _ := p.Allows(iam.Request{Action: action, Resource: resource, Context: context})
		return allowed
	}
	in := func(region, vpc string) map[string][]string {
		return map[string][]string{"ec2:Region": {region}, "ec2:Vpc": {"arn:aws:ec2:" + region + ":123456789012:vpc/" + vpc}, "ec2:Attribute": {"SourceDestCheck"}}
	}
	const sdwan, nat = "vpc-0bf5741eb0ef56a41", "vpc-0bf5741eb0ef56a42"
	for _, test := range []struct {
		name             string
		action, resource string
		context          map[string][]string
		want             bool
	}{
		{"a route in the automation's region and VPC", "ec2:ReplaceRoute", "arn:aws:ec2:eu-west-1:123456789012:route-table/rtb-1", in("eu-west-1", sdwan), true},
		{"a route in the fleet's region", "ec2:ReplaceRoute", "arn:aws:ec2:us-west-1:123456789012:route-table/rtb-1", in("us-west-1", sdwan), false},
		{"a route of the other automation", "ec2:ReplaceRoute", "arn:aws:ec2:us-west-1:123456789012:route-table/rtb-1", in("us-west-1", nat), true},
		{"a route in another account", "ec2:ReplaceRoute", "arn:aws:ec2:eu-west-1:999999999999:route-table/rtb-1", in("eu-west-1", sdwan), false},
		{"the check of a member", "ec2:ModifyNetworkInterfaceAttribute", "arn:aws:ec2:eu-west-1:123456789012:network-interface/eni-071b4d6cbf57de651", in("eu-west-1", sdwan), true},
		{"the check of another interface", "ec2:ModifyNetworkInterfaceAttribute", "arn:aws:ec2:eu-west-1:123456789012:network-interface/eni-1", in("eu-west-1", sdwan), false},
		{"looking, in both regions", "ec2:DescribeRouteTables", "*", in("eu-west-1", ""), true},
		{"looking, in both regions", "ec2:DescribeInstances", "*", in("us-west-1", ""), true},
		{"looking elsewhere", "ec2:DescribeInstances", "*", in("us-east-1", ""), false},
		{"telling", "sns:Publish", "arn:aws:sns:us-west-1:123456789012:ops", nil, true},
		{"telling others", "sns:Publish", "arn:aws:sns:us-west-1:123456789012:all", nil, false},
		{"making routes", "ec2:CreateRoute", "arn:aws:ec2:eu-west-1:123456789012:route-table/rtb-1", in("eu-west-1", sdwan), false},
		{"deleting routes", "ec2:DeleteRoute", "arn:aws:ec2:eu-west-1:123456789012:route-table/rtb-1", in("eu-west-1", sdwan), false},
	} {
		if got := request(test.action, test.resource, test.context); got != test.want {
			t.Errorf("%s: allowed %t, want %t", test.name, got, test.want)
		}
	}
	for _, s := range p.Statement {
		if slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(a, "*") }) {
			t.Errorf("a statement allows %v", s.Action)
		}
	}
}

// The same fleet gives the same bytes.
func TestDeterministic(t *testing.T) {
	rules := encode(t, render.Rules(parse(t), nil))
	policy, err := render.Policy(parse(t), "aws", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		again, err := render.Policy(parse(t), "aws", "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(encode(t, policy), encode(t, again)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(rules, encode(t, render.Rules(parse(t), nil))); diff != "" {
			t.Fatal(diff)
		}
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
