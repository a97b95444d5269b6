package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/render"
)

// automationName is what the only automation of a stage's fleet is called.
const automationName = "gateways"

// Fleet writes a fleet file with one automation of this body. The body is
// indented by four blanks.
func (s *Stage) Fleet(kind, body string) string {
	return fmt.Sprintf("version: 1\nfleet: stage\nregion: %s\nnotify: { topic: \"%s\" }\nautomations:\n  %s:\n    kind: %s\n%s",
		s.AWS().Region, s.Topic, automationName, kind, body)
}

// Failover is a fleet file for the stage's gateways, in their order, each with
// its first interface. More is added to the automation.
func (s *Stage) Failover(more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    vpc: %s\n    members:\n", s.VPC)
	for _, g := range s.Gateways {
		fmt.Fprintf(&b, "      - { instance: %s, interface: %s }\n", g.Instance, g.Interfaces[0])
	}
	for _, m := range more {
		fmt.Fprintf(&b, "    %s\n", m)
	}
	return s.Fleet("route-failover", b.String())
}

// Handle plans for an event and then handles it, under the rendered policy,
// and returns the run. The story fails if the plan changes anything, or if the
// run writes anything else than the plan says, but to take back what it did.
func (s *Stage) Handle(fleet string, e event.Event) *flow.Run {
	run := &flow.Run{} // if the stage has failed; the story goes on to its end
	s.try("handle "+flow.Cause(e), func() error {
		a, policy, err := s.under(fleet)
		if err != nil {
			return err
		}
		s.Restrict(policy)
		defer s.Restrict(nil)

		before := len(s.Mutations())
		previews, err := a.Plan(s.ctx, e)
		if err != nil {
			return err
		}
		if made := s.Mutations()[before:]; len(made) > 0 {
			return fmt.Errorf("planning made the calls %v", made)
		}
		runs, err := a.Handle(s.ctx, e)
		if err != nil {
			return err
		}
		if len(runs) != 1 {
			return fmt.Errorf("the event made %d runs, want one", len(runs))
		}
		run = runs[0]
		made := s.Mutations()[before:]
		for i := range previews {
			previews[i].Plan = previews[i].Plan.Filled(run.Values)
		}
		if run.Outcome.Failed() {
			return errors.Join(within(previews, run), audited(runs, made))
		}
		return errors.Join(Agree(previews, made), audited(runs, made))
	})
	return run
}

// within holds what a run has written that failed against its plan: not all of it was
// reached, and some of it was taken back.
func within(previews []app.Preview, r *flow.Run) error {
	var planned []string
	for _, p := range previews {
		for _, c := range p.Plan.Changes {
			planned = append(planned, Mutation(c.Operation, c.Resource, c.To))
		}
	}
	for _, w := range r.Writes() {
		if made := Mutation(w.Operation, w.Resource, w.To); !slices.Contains(planned, made) {
			return fmt.Errorf("planned %q, but the run made %s", planned, made)
		}
	}
	return nil
}

// under is the program for a fleet file, and the policy that is rendered for it.
func (s *Stage) under(fleet string) (*app.App, *iam.Policy, error) {
	parsed, err := fleetfile.Parse("stage.yaml", []byte(fleet), app.Kinds())
	if err != nil {
		return nil, nil, err
	}
	policy, err := render.Policy(parsed, "aws", "")
	if err != nil {
		return nil, nil, err
	}
	if s.Policy != nil {
		policy = s.Policy(policy)
	}
	return s.App(parsed), &policy, nil
}

// Sweep is Handle without an event.
func (s *Stage) Sweep(fleet string) *flow.Run {
	return s.Handle(fleet, event.Sweep(automationName, s.Clock().Now().UTC()))
}

// Ignore makes the story fail if a fleet wants an event.
func (s *Stage) Ignore(fleet string, e event.Event) {
	s.try("ignore "+flow.Cause(e), func() error {
		parsed, err := fleetfile.Parse("stage.yaml", []byte(fleet), app.Kinds())
		if err != nil {
			return err
		}
		before := len(s.Mutations())
		runs, err := s.App(parsed).Handle(s.ctx, e)
		var unwanted *app.Unwanted
		if !errors.As(err, &unwanted) || len(runs) > 0 || len(s.Mutations()) > before {
			return fmt.Errorf("it was wanted: %d runs, error %w", len(runs), err)
		}
		return nil
	})
}

// App is the program for a fleet, on the stage's ledger.
func (s *Stage) App(fleet *fleetfile.Fleet) *app.App {
	return app.New(app.Deps{
		Fleet: fleet, Ledger: s.ledger, AWS: s.AWS(), Clock: s.Clock(), Log: s.Log,
		Version: "scenario", Seed: 1, Owner: "scenario",
	})
}

// Agree holds what was planned against what the world has carried out since.
// Notices are no part of a plan.
func Agree(previews []app.Preview, made []string) error {
	var planned, written []string
	for _, p := range previews {
		for _, c := range p.Plan.Changes {
			planned = append(planned, Mutation(c.Operation, c.Resource, c.To))
		}
	}
	for _, m := range made {
		if !strings.HasPrefix(m, "sns:Publish ") {
			written = append(written, m)
		}
	}
	if p, w := set(planned), set(written); !slices.Equal(p, w) {
		return fmt.Errorf("planned %q, but the world saw %q", p, w)
	}
	return nil
}

// audited holds what the world has carried out against the runs' audits: a call whose
// answer was lost may be among it.
func audited(runs []*flow.Run, made []string) error {
	var written, perhaps []string
	for _, r := range runs {
		for _, e := range r.Audit {
			m := Mutation(e.Operation, e.Resource, e.To)
			switch e.Outcome {
			case call.Done:
				written, perhaps = append(written, m), append(perhaps, m)
			case call.Unknown:
				perhaps = append(perhaps, m)
			default:
			}
		}
	}
	for _, m := range written {
		if !slices.Contains(made, m) {
			return fmt.Errorf("audited %q, but the world saw %q", set(written), set(made))
		}
	}
	for _, m := range made {
		if !slices.Contains(perhaps, m) {
			return fmt.Errorf("the world saw %q, but audited is %q", set(made), set(perhaps))
		}
	}
	return nil
}

func set(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// Expect makes the story fail unless the run ended like that.
func (s *Stage) Expect(r *flow.Run, want flow.Outcome) {
	if s.err == nil && r.Outcome != want {
		s.Failf("run ended %s (%s; left %q), want %s", r.Outcome, r.Reason, r.Left, want)
	}
}

// ExpectCalls makes the story fail unless the run made this many acknowledged
// calls of an operation.
func (s *Stage) ExpectCalls(r *flow.Run, operation string, want int) {
	got := 0
	for _, w := range r.Writes() {
		if w.Operation == operation {
			got++
		}
	}
	if s.err == nil && got != want {
		s.Failf("run made %d calls of %s, want %d", got, operation, want)
	}
}

// ExpectNotice makes the story fail unless the run sent one notice, with these
// words in it.
func (s *Stage) ExpectNotice(r *flow.Run, words ...string) {
	if s.err != nil {
		return
	}
	if len(r.Outbox) != 1 || r.Outbox[0].Sent.IsZero() {
		s.Failf("the run's notices are %+v, want one that was sent", r.Outbox)
		return
	}
	for _, w := range words {
		if !strings.Contains(r.Outbox[0].Text, w) {
			s.Failf("the notice lacks %q:\n%s", w, r.Outbox[0].Text)
		}
	}
}
