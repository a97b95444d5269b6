package flowtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/gate"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// history is one history: a world, a ledger, the processes that come and go,
// and what was seen of all that.
type history struct {
	*testing.T
	shape  shape
	script script
	engine Process

	service *service
	world   *awssim.World
	clients *cloud.Clients
	ledger  ledger.Ledger // without points; seen by spy
	kind    automation.Definition
	auto    *automation.Automation
	// executor is that of people who look and ask; nothing befalls it.
	executor *flow.Executor
	gate     *gate.Gate // if processes are interleaved

	seed      uint64 // of the script, if it has one
	processes []*process
	born      int
	mended    bool
	outdated  bool // new processes lack the kind
	reads     int  // of the slots

	points  []point
	ended   int    // how many points there were when the first run had ended
	before  *state // the world as it was, and as users changed it
	seen    *state // the world after the last change
	runs    map[string]*glance
	order   []string // of the runs' beginnings
	endings map[string]int
	told    map[string]int // endings that write a notice
	intents map[string][]intent
	asked   map[string]time.Time // when a run was cancelled
	// asking is since when a run waits for a person; approved says of a run that was
	// approved whether that still counts.
	asking   map[string]time.Time
	approved map[string]bool
	requests int // how often a run began to wait so
	sent     []string
	excused  int      // notices that may be sent once more
	former   []string // values of slots that users changed
	// overruled is the slot that a user was the last to set.
	overruled string
	taken     []taken // what was taken back, in order, since the run last went forward
	problems  []string
	mu        sync.Mutex // of log
	log       []string
}

// glance is what is looked at in each version of a run; reading all of it would
// take as long as everything else together.
type glance struct {
	Step    string         `json:"step"`
	Act     automation.Act `json:"act"`
	Attempt int            `json:"attempt"`
	Owner   string         `json:"owner"`
	Until   time.Time      `json:"until"`
	Due     time.Time      `json:"due"`
	Retries int            `json:"retries"`
	Ending  *flow.Ending   `json:"ending"`
	Asking  *flow.Asking   `json:"asking"`
	Telling bool           `json:"telling"`
	// Approval is kept by a run that is tried again and goes on with its plan.
	Approval *automation.Approval `json:"approval"`
	Outcome  flow.Outcome         `json:"outcome"`
	Reason   string               `json:"reason"`

	value json.RawMessage
}

func (g *glance) live() bool { return g.Outcome == "" }

// read reads the whole of a run.
func (h *history) read(id string) *flow.Run {
	run := &flow.Run{}
	if err := json.Unmarshal(h.runs[id].value, run); err != nil {
		h.wrong("run %s: %v", id, err)
	}
	return run
}

// intent is the beginning of an attempt, as the ledger was told.
type intent struct {
	step string
	act  automation.Act
	at   time.Time
}

// play plays a history in a bubble of its own and returns what is wrong with it.
func play(t *testing.T, engine Process, s shape, what script, then ...func(*history)) *history {
	var h *history
	synctest.Test(t, func(t *testing.T) {
		h = begin(t, engine, s, what)
		h.handle(h.spawn())
		h.settle()
		for _, f := range then {
			f(h)
		}
	})
	return h
}

func begin(t *testing.T, engine Process, s shape, what script) *history {
	h := &history{
		T: t, shape: s, script: what, engine: engine, service: &service{},
		runs: map[string]*glance{}, endings: map[string]int{}, told: map[string]int{}, intents: map[string][]intent{}, asked: map[string]time.Time{},
		asking: map[string]time.Time{}, approved: map[string]bool{},
	}
	h.world = awssim.New(clock.Real{}, awssim.Options{Gate: h}, h.service)
	h.clients = cloud.New(h.world.Config(), "", cloud.Options{Seed: 1})
	h.ledger = &spy{memory.NewNamed(clock.Real{}, "flowtest"), h}
	h.kind = s.kind(h.trouble)
	auto, err := configure(h.kind)
	if err != nil {
		t.Fatal(err)
	}
	h.auto = auto
	h.executor = &flow.Executor{
		Ledger: h.ledger, Kinds: []automation.Definition{h.kind}, Clock: clock.Real{}, Owner: "people",
	}
	h.furnish()
	h.world.Intercept(h.intercept)
	h.world.StaleReads(func(c awssim.Call) time.Duration {
		if h.process(c.Actor).fault == stale {
			return awssim.MaxStale - time.Second
		}
		return 0
	})
	h.world.OnCall(h.answered)
	h.world.OnCall(h.interfere)
	return h
}

// furnish puts into the world what is not this run's: things that look like
// its own, but for one tag.
func (h *history) furnish() {
	h.service.store.Do(func(m *awssim.Moment, s *state) {
		for i, st := range h.shape.steps {
			if st.sets != "" {
				s.slots[st.sets] = "old"
			}
			tags := tagsOf("another run", st.name, i%2 == 0)
			s.things[m.ID("eni")] = thing{tags: tags}
		}
		s.slots["other"] = "old"
		s.things[m.ID("eni")] = thing{tags: map[string]string{}}
		h.before, h.seen = s.clone(), s.clone()
	})
	h.service.store.OnCommit(h.committed)
}

// interfere is the user who changes slots at the wrong time.
func (h *history) interfere(c awssim.Call) {
	if h.shape.interferes == nil || h.mended || c.Operation != "ec2:DescribeRouteTables" || !c.Applied {
		return
	}
	h.reads++
	if slot, value := h.shape.interferes(h.reads); slot != "" {
		h.note("a user sets slot %s to %s", slot, value)
		h.service.store.Do(func(_ *awssim.Moment, s *state) { s.slots[slot] = value })
		h.former = append(h.former, h.before.slots[slot])
		h.before.slots[slot], h.overruled = value, slot
	}
}

// trouble is what is wrong with a function of a step.
func (h *history) trouble(ctx context.Context, where string) error {
	if f := h.shape.fails[where]; f != nil && !h.mended {
		err := f(time.Now())
		if err == errDead { //nolint:errorlint // this very one
			ctx.Value(processKey{}).(*process).kill()
		}
		return err
	}
	return nil
}

func (h *history) name(prefix string) string {
	h.born++
	return fmt.Sprintf("%s%d", prefix, h.born)
}

func (h *history) process(name string) *process {
	for _, p := range h.processes {
		if p.name == name {
			return p
		}
	}
	return &process{}
}

func (h *history) note(format string, args ...any) {
	h.mu.Lock() // two processes may wake at the same time
	defer h.mu.Unlock()
	h.log = append(h.log, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// wrong notes that an invariant does not hold.
func (h *history) wrong(format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	h.note("WRONG: %s", problem)
	h.problems = append(h.problems, problem)
}

var cause = event.Event{ID: "1", Source: "test", DetailType: "Test", Detail: json.RawMessage(`{}`)}

func (h *history) subject() automation.Subject {
	return automation.Subject{Key: "world", Mode: cmp.Or(h.shape.mode, automation.Latest)}
}

// handle has a process handle the event. What comes of it is seen in the ledger.
func (h *history) handle(p *process) {
	if _, err := p.engine.Handle(p.ctx, h.auto, "arn:topic", h.subject(), cause); err != nil {
		h.note("%s: handle: %v", p.name, err)
	}
}

// deliver has a process take note of the event.
func (h *history) deliver(p *process) {
	if _, err := p.executor.Start(p.ctx, h.auto, "arn:topic", h.subject(), cause); err != nil {
		h.note("%s: start: %v", p.name, err)
	}
}

// cancel has somebody cancel all runs that are live.
func (h *history) cancel() {
	live, err := h.executor.Live(h.Context())
	if err != nil {
		h.wrong("list live runs: %v", err)
	}
	for _, run := range live {
		run, err := h.executor.Cancel(h.Context(), run.ID, "somebody", "")
		if err != nil {
			h.wrong("cancel: %v", err)
		} else if _, twice := h.asked[run.ID]; (run.Ending == nil || run.Ending.Again) && !twice {
			h.asked[run.ID] = time.Now()
		}
	}
}

// approve has somebody approve all runs that are live and go forward.
func (h *history) approve() {
	live, err := h.executor.Live(h.Context())
	if err != nil {
		h.wrong("list live runs: %v", err)
	}
	for _, run := range live {
		_, cancelled := h.asked[run.ID] // or was, before it was tried again
		stops := run.Ending != nil && !run.Ending.Again
		if _, err := h.executor.Approve(h.Context(), run.ID, "somebody", ""); err == nil && stops || err != nil && !stops && !cancelled {
			h.wrong("approve run %s, which stops: %t: %v", run.ID, stops, err)
		}
	}
}

// attend has people approve what they were asked some time ago.
func (h *history) attend() {
	for id, since := range h.asking {
		if time.Since(since) >= consideration && !h.approved[id] && (!h.shape.ignored || h.mended) {
			if _, err := h.executor.Approve(h.Context(), id, "somebody", ""); err != nil && h.asked[id].IsZero() {
				h.wrong("approve: %v", err)
			}
		}
	}
}

// settle has processes resume until nothing is due, with the event delivered
// again if it was lost with the process that had it.
func (h *history) settle() {
	for range 5 {
		if len(h.order) > 0 {
			break
		}
		h.handle(h.spawn())
	}
	h.drain(nil)
	// What is on its way to AWS arrives.
	for {
		due, ok := h.world.NextDue()
		if !ok {
			return
		}
		time.Sleep(time.Until(due))
		h.world.Settle()
	}
}

// impatience is how often a process resumes before a run is said to hang.
const impatience = 200

// drain resumes with process p, or with another one if that is dead, until
// nothing is due.
func (h *history) drain(p *process) {
	for range impatience {
		due, ok := h.due()
		if !ok || len(h.points) >= endless {
			return
		}
		time.Sleep(max(0, time.Until(due)))
		if p == nil || p.dead {
			p = h.spawn()
		}
		version := h.version()
		h.resume(p)
		if h.version() == version {
			time.Sleep(30 * time.Second) // an engine may be in less of a hurry
		}
	}
	h.wrong("a run is still due after %d times that a process has resumed", impatience)
}

// resume has a process go on with what is due.
func (h *history) resume(p *process) {
	if err := p.engine.Resume(p.ctx); err != nil {
		h.note("%s: resume: %v", p.name, err)
	}
}

// version changes with every write about a run.
func (h *history) version() (n int) {
	for _, intents := range h.intents {
		n += len(intents)
	}
	for _, endings := range h.endings {
		n += endings
	}
	return n + len(h.sent)
}

// due is when the next run can go on.
func (h *history) due() (at time.Time, ok bool) {
	records, err := h.ledger.List(h.Context(), "due/", "", 100)
	if err != nil {
		h.wrong("list what is due: %v", err)
	}
	for _, r := range records {
		_, id, _ := strings.Cut(strings.TrimPrefix(r.Key, "due/"), "/")
		run := h.runs[id]
		if run == nil {
			h.wrong("record %s is about no run", r.Key)
			continue
		}
		next := run.Due
		if run.Until.After(next) {
			next = run.Until
		}
		if !ok || next.Before(at) {
			at, ok = next, true
		}
	}
	return at, ok
}

// latest is in how long the last moment is at which a call of a process's
// attempt can have its effect.
func (h *history) latest(p *process) time.Duration {
	for _, run := range h.runs {
		if run.Owner == p.name {
			return max(0, time.Until(run.Until)-time.Millisecond)
		}
	}
	return 0
}

// spy sees what is written about runs.
type spy struct {
	ledger.Ledger
	history *history
}

func (s *spy) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := s.Ledger.Write(ctx, writes...); err != nil {
		return err
	}
	for _, w := range writes {
		if id, ok := strings.CutPrefix(w.Key, "approvals/"); ok && w.Op != ledger.OpExpect {
			s.history.approved[id] = w.Op == ledger.OpCreate
			s.history.note("  %s: approved: %t", id, s.history.approved[id])
		}
		if id, ok := strings.CutPrefix(w.Key, "runs/"); ok && w.Op != ledger.OpExpect {
			s.history.saw(id, w)
		}
	}
	return nil
}

// saw looks at a new version of a run.
func (h *history) saw(id string, w ledger.Write) {
	run := &glance{value: w.Value}
	if err := json.Unmarshal(w.Value, run); err != nil {
		h.wrong("run %s: %v", id, err)
		return
	}
	old := h.runs[id]
	h.runs[id] = run
	if old == nil {
		h.order = append(h.order, id)
		old = &glance{}
	}
	switch {
	case run.Asking == nil:
		delete(h.asking, id)
	case old.Asking == nil:
		h.asking[id] = time.Now()
		h.requests++
		h.note("  %s: asks for approval of %s", id, run.Asking.What)
	}
	if run.Owner != "" && run.live() && !run.Telling && (run.Owner != old.Owner || !run.Until.Equal(old.Until)) {
		h.intents[id] = append(h.intents[id], intent{run.Step, run.Act, time.Now()})
		h.note("  %s: %s begins attempt %d to %s %s", id, run.Owner, run.Attempt, run.Act, run.Step)
	}
	if run.live() && (!old.live() || old.Ending != nil && run.Ending == nil) {
		h.taken = nil // tried again
	}
	if old.live() && !run.live() {
		h.endings[id]++
		h.note("  %s: ends %s: %s", id, run.Outcome, run.Reason)
		if run.Outcome != flow.NothingToDo {
			h.told[id]++
		}
	}
}
