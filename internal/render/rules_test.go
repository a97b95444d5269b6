package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/render"
)

// follower is an automation that listens for the same as all of its kind, which
// can wait.
func follower(name, region string, more ...string) string {
	return fmt.Sprintf(`
  %s:
    kind: template-follows-image
    region: %s
    template: { name: %s }
    images: { name: "golden-*" }
%s`, name, region, name, strings.Join(more, "\n"))
}

func followers(t *testing.T, automations ...string) *fleetfile.Fleet {
	t.Helper()
	text := "version: 1\nfleet: golden\nregion: us-west-1\nnotify: { topic: \"arn:aws:sns:us-west-1:123456789012:ops\" }\nautomations:" + strings.Join(automations, "")
	f, err := fleetfile.Parse("fleet.yaml", []byte(text), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func machine(automation string) string {
	return "arn:aws:states:us-west-1:123456789012:stateMachine:drover-golden-" + automation
}

// An event comes once, however many automations it is for: nobody has two rules
// for it, and nobody has none.
func TestRulesAreShared(t *testing.T) {
	f := followers(t, follower("web", "us-west-1"), follower("api", "us-west-1"), follower("far", "eu-west-1"),
		follower("own", "us-west-1", `    when: { detail: { ImageId: [{ prefix: "ami-0" }] } }`))
	rules := render.Rules(f, nil)
	seen := map[string]bool{}
	for _, r := range rules {
		key := r.Region + encode(t, r.Pattern)
		if r.Pattern != nil && seen[key] {
			t.Errorf("%s: another rule has its pattern", r.Name)
		}
		seen[key] = true
	}
	swept := 0
	for _, a := range f.Automations {
		for _, trigger := range a.Triggers() {
			i := slices.IndexFunc(rules, func(r render.Rule) bool {
				if r.Region != a.Region || !strings.Contains(r.Description, a.Name) || !strings.HasSuffix(r.Description, ": "+trigger.Title) {
					return false
				}
				if !trigger.Schedule.IsZero() {
					automation, _, err := event.AsSweep(*r.Input)
					return err == nil && automation == a.Name
				}
				return encode(t, r.Pattern) == encode(t, trigger.Pattern)
			})
			if i < 0 {
				t.Errorf("%s has no rule for: %s", a.Name, trigger.Title)
			} else if rules[i].Schedule != "" {
				swept++
			}
		}
	}
	if swept != len(f.Automations) {
		t.Errorf("%d schedules for %d automations", swept, len(f.Automations))
	}
	first := rules[0]
	if first.Name != "drover-golden-api-image-created" || !strings.HasPrefix(first.Description, "api, web: ") {
		t.Errorf("the shared rule is %s: %s", first.Name, first.Description)
	}
}

// AWS takes descriptions of up to 512 characters.
func TestDescriptionOfManyIsShort(t *testing.T) {
	var many []string
	for i := range 60 {
		many = append(many, follower(fmt.Sprintf("automation-%02d", i), "us-west-1"))
	}
	d := render.Rules(followers(t, many...), nil)[0].Description
	if len(d) > 512 || len(d) < 400 || !strings.HasPrefix(d, "automation-00, automation-01, ") || !strings.Contains(d, " more: ") {
		t.Errorf("%d characters: %s", len(d), d)
	}
}

// With state machines a rule starts that of the first automation it is for, but
// for those that never wait, elsewhere, and for sweeps.
func TestRulesStartStateMachines(t *testing.T) {
	f := followers(t, follower("web", "us-west-1"), follower("api", "us-west-1"), follower("far", "eu-west-1"), `
  nat:
    kind: route-failover
    vpc: vpc-0bf5741eb0ef56a41
    members: [{ tags: { role: nat } }]
`)
	got := map[string]bool{}
	without := render.Rules(f, nil)
	for i, r := range render.Rules(f, machine) {
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.Name, "drover-golden-"), "-")
		if r.Pattern == nil {
			kind = "sweep"
		}
		got[fmt.Sprintf("%s starts %q", kind, r.Target)] = true
		want := &render.Transformer{Paths: map[string]string{"event": "$"}, Template: `{"event": <event>}`}
		if r.Target == "" {
			want = nil
		}
		if diff := cmp.Diff(want, r.Transformer); diff != "" {
			t.Errorf("%s: transformer:\n%s", r.Name, diff)
		}
		r.Target, r.Transformer = "", nil
		if got, want := encode(t, r), encode(t, without[i]); got != want {
			t.Errorf("beside its target the rule is %s, without state machines %s", got, want)
		}
	}
	want := map[string]bool{
		`api starts "` + machine("api") + `"`: true,
		`far starts ""`:                       true,
		`nat starts ""`:                       true,
		`sweep starts ""`:                     true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
