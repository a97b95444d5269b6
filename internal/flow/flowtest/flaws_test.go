//go:build !race

package flowtest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/ledger"
)

// flaw is a way to get an engine wrong, and the checks that must notice.
type flaw struct {
	name     string // continues "an engine that …"
	caughtBy []string
	with     string // the name of a flow that shows it; if empty, any may
	// Each puts the flaw somewhere; those that are nil leave things sound.
	executor func(x *flow.Executor)
	engine   func(Engine) Engine
	kind     func(*automation.StepInfo)
	step     stepFlaw
}

// process makes the broken engine.
func (f flaw) process(x *flow.Executor) Engine {
	if f.executor != nil {
		f.executor(x)
	}
	if f.kind != nil {
		d := x.Kinds[0]
		d.Steps = append([]automation.StepInfo{}, d.Steps...)
		for i := range d.Steps {
			f.kind(&d.Steps[i])
		}
		x.Kinds = []automation.Definition{d}
	}
	e := Engine(&embedded.Engine{Executor: x})
	if f.engine != nil {
		e = f.engine(e)
	}
	return e
}

// shape puts a flaw into the steps of a shape.
func (f flaw) shape(s shape) shape {
	steps := append([]step{}, s.steps...)
	for i := range steps {
		steps[i].flaw = f.step
	}
	s.steps = steps
	return s
}

var flaws = []flaw{
	{
		name: "never resumes", caughtBy: []string{"any single fault", "pairs of faults", "two processes interleaved", "an outage"},
		engine: func(e Engine) Engine { return changed{Engine: e, resume: func(context.Context) error { return nil }} },
	},
	{
		name: "begins a run for each delivery", caughtBy: []string{"a key is handled once"},
		engine: func(e Engine) Engine {
			return changed{Engine: e, subject: func(s automation.Subject) automation.Subject { s.Mode = automation.Latest; return s }}
		},
	},
	{
		name: "begins a run about itself", caughtBy: []string{"two processes interleaved"},
		engine: func(e Engine) Engine {
			return changed{Engine: e, subject: func(s automation.Subject) automation.Subject {
				s.Key += e.(*embedded.Engine).Owner
				return s
			}}
		},
	},
	{
		name: "handles an event twice", caughtBy: []string{"nothing goes wrong"},
		engine: func(e Engine) Engine { return changed{Engine: e, twice: true} },
	},
	{
		name: "leaves runs where they begin", caughtBy: []string{"nothing goes wrong"},
		engine: func(e Engine) Engine {
			x := e.(*embedded.Engine).Executor
			return changed{Engine: starting{x}, resume: func(context.Context) error { return nil }}
		},
	},
	{
		name: "does not look who owns a run", caughtBy: []string{"any single fault", "two processes interleaved"}, with: "several steps",
		executor: reading(func(run map[string]any) { delete(run, "until") }),
	},
	{
		name: "stores runs whatever has become of them", caughtBy: []string{"two processes interleaved"},
		executor: func(x *flow.Executor) { x.Ledger = forcing{x.Ledger} },
	},
	{
		name: "does not look whether a run is cancelled", caughtBy: []string{"any single fault"},
		executor: func(x *flow.Executor) { x.Ledger = hiding{x.Ledger, "cancels/"} },
	},
	{
		name: "does not look whether a run is approved", caughtBy: []string{"nothing goes wrong"}, with: "a step asks",
		executor: func(x *flow.Executor) { x.Ledger = hiding{x.Ledger, "approvals/"} },
	},
	{
		name: "takes every run for approved", caughtBy: []string{"nothing goes wrong"}, with: "a step asks",
		executor: reading(func(run map[string]any) { run["approval"] = map[string]any{"by": "nobody"} }),
	},
	{
		name: "forgets that it has asked", caughtBy: []string{"nothing goes wrong"}, with: "a step asks",
		executor: reading(func(run map[string]any) { delete(run, "asking") }),
	},
	{
		name: "tells nobody that it asks", caughtBy: []string{"nothing goes wrong"}, with: "a step asks",
		executor: func(x *flow.Executor) { x.Sender = silent{x.Sender} },
	},
	{
		name: "forgets that an attempt was lost", caughtBy: []string{"any single fault"}, with: "the first step skips what it has done",
		executor: reading(func(run map[string]any) {
			run["owner"] = ""
			for _, m := range list(run["marks"]) {
				m["lost"] = false
			}
		}),
	},
	{
		name: "forgets what it called", caughtBy: []string{"nothing goes wrong"},
		executor: reading(func(run map[string]any) { delete(run, "audit") }),
	},
	{
		name: "counts time in which nobody was there", caughtBy: []string{"an outage"},
		executor: reading(func(run map[string]any) { delete(run, "idle") }),
	},
	{
		name: "forgets until when what was undone may still be seen", caughtBy: []string{"any single fault"},
		executor: reading(func(run map[string]any) { delete(run, "quiet") }),
	},
	{
		name: "forgets the changes of earlier plans", caughtBy: []string{"any single fault"}, with: "a step replans after its effect, and a later one fails",
		executor: reading(func(run map[string]any) { delete(run, "former") }),
	},
	{
		name: "forgets what another program could not do", caughtBy: []string{"a program that lacks the kind"},
		executor: reading(func(run map[string]any) {
			for _, m := range list(run["marks"]) {
				delete(m, "undoError")
				delete(m, "releaseError")
				if run["outcome"] != nil {
					m["undone"], m["released"] = run["ended"], run["ended"]
				}
			}
		}),
	},
	{
		name: "releases nothing", caughtBy: []string{"nothing goes wrong"},
		kind: func(s *automation.StepInfo) { s.Releases = false },
	},
	{
		name: "undoes nothing", caughtBy: []string{"nothing goes wrong"},
		kind: func(s *automation.StepInfo) { s.Undoes = false },
	},
	{
		name: "undoes what is committed", caughtBy: []string{"nothing goes wrong"},
		kind: func(s *automation.StepInfo) { s.Commit = false },
	},
	{
		name: "never gives up", caughtBy: []string{"nothing goes wrong"},
		kind: func(s *automation.StepInfo) { s.Limit = 1000 * time.Hour },
	},
	{
		name: "sends each notice twice", caughtBy: []string{"nothing goes wrong"},
		executor: func(x *flow.Executor) { x.Sender = repeating{x.Sender, 2} },
	},
	{
		name: "sends no notice", caughtBy: []string{"nothing goes wrong"},
		executor: func(x *flow.Executor) { x.Sender = repeating{x.Sender, 0} },
	},
	{
		name: "gives all processes one name", caughtBy: []string{"nothing goes wrong"},
		executor: func(x *flow.Executor) { x.Owner = "drover" },
	},
	{name: "has a step: " + string(trusting), caughtBy: []string{"any single fault"}, step: trusting},
	{name: "has a step: " + string(hasty), caughtBy: []string{"any single fault"}, with: "the last step stops", step: hasty},
	{name: "has a step: " + string(heedless), caughtBy: []string{"any single fault"}, step: heedless},
	{name: "has a step: " + string(greedy), caughtBy: []string{"nothing goes wrong"}, step: greedy},
}

// changed is an engine with parts of it replaced.
type changed struct {
	Engine
	resume  func(context.Context) error
	subject func(automation.Subject) automation.Subject
	twice   bool
}

func (c changed) Resume(ctx context.Context) error {
	if c.resume != nil {
		return c.resume(ctx)
	}
	return c.Engine.Resume(ctx)
}

func (c changed) Handle(ctx context.Context, a *automation.Automation, topic string, s automation.Subject, e event.Event) (*flow.Run, error) {
	if c.subject != nil {
		s = c.subject(s)
	}
	if c.twice {
		if _, err := c.Engine.Handle(ctx, a, topic, s, e); err != nil {
			return nil, err
		}
	}
	return c.Engine.Handle(ctx, a, topic, s, e)
}

// starting begins runs and does no more.
type starting struct{ *flow.Executor }

func (s starting) Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error) {
	_, err := s.Start(ctx, a, topic, subject, e)
	return nil, err
}

func (s starting) Resume(context.Context) error { return nil }

// repeating sends each notice a number of times.
type repeating struct {
	flow.Sender
	times int
}

func (r repeating) Send(ctx context.Context, topic, subject, text string) error {
	for range r.times {
		if err := r.Sender.Send(ctx, topic, subject, text); err != nil {
			return err
		}
	}
	return nil
}

// silent sends nothing of a run that has not ended.
type silent struct{ flow.Sender }

func (s silent) Send(ctx context.Context, topic, subject, text string) error {
	if strings.HasSuffix(subject, ": to be approved") {
		return nil
	}
	return s.Sender.Send(ctx, topic, subject, text)
}

// reading has runs read otherwise than they were written.
func reading(change func(map[string]any)) func(*flow.Executor) {
	return func(x *flow.Executor) { x.Ledger = misread{x.Ledger, change} }
}

type misread struct {
	ledger.Ledger
	change func(map[string]any)
}

func (m misread) Get(ctx context.Context, key string) (ledger.Record, error) {
	r, err := m.Ledger.Get(ctx, key)
	if err != nil || !strings.HasPrefix(key, "runs/") {
		return r, err
	}
	value := map[string]any{}
	if err := json.Unmarshal(r.Value, &value); err != nil {
		return r, err
	}
	m.change(value)
	r.Value, err = json.Marshal(value)
	return r, err
}

func list(v any) (all []map[string]any) {
	items, _ := v.([]any)
	for _, i := range items {
		all = append(all, i.(map[string]any))
	}
	return all
}

// hiding shows no record under a prefix.
type hiding struct {
	ledger.Ledger
	prefix string
}

func (h hiding) Get(ctx context.Context, key string) (ledger.Record, error) {
	if strings.HasPrefix(key, h.prefix) {
		return ledger.Record{}, failure.As(failure.Skip, ledger.ErrNotFound)
	}
	return h.Ledger.Get(ctx, key)
}

// forcing writes whatever is there.
type forcing struct{ ledger.Ledger }

func (f forcing) Write(ctx context.Context, writes ...ledger.Write) error {
	err := f.Ledger.Write(ctx, writes...)
	if !ledger.IsConflict(err) {
		return err
	}
	for i, w := range writes {
		r, err := f.Get(ctx, w.Key)
		switch {
		case err != nil && w.Op != ledger.OpCreate:
			return nil // it is gone: so be it
		case err == nil && w.Op == ledger.OpCreate:
			writes[i] = ledger.Update(w.Key, r.Version, w.Value, w.Expires)
		case err == nil:
			writes[i].Version = r.Version
		}
	}
	return f.Ledger.Write(ctx, writes...)
}
