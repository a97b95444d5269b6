package flowtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

var (
	errDead = errors.New("the process is dead")
	errLost = errors.New("the connection is lost")
)

// process is one process: what it calls goes through here, and not at all once
// it is dead.
type process struct {
	name     string
	executor *flow.Executor
	engine   Engine
	ctx      context.Context
	end      context.CancelFunc

	history *history
	dead    bool
	// doubtful says that a fault befell it, so that it may not have told what it did.
	doubtful bool
	fault    fault // of the call to AWS that is under way
	upset    bool  // the next call to AWS fails
	last     point
	at       time.Time // of last
}

// endless is how many calls are taken for a loop.
const endless = 3000

type processKey struct{}

// spawn starts a process.
func (h *history) spawn() *process {
	p := &process{name: h.name("p"), history: h}
	ctx, end := context.WithCancel(context.WithValue(h.Context(), processKey{}, p))
	p.ctx, p.end = awssim.WithActor(ctx, p.name), end
	h.Cleanup(end)
	h.processes = append(h.processes, p)
	p.executor = &flow.Executor{
		Ledger: &channel{p, h.ledger}, Kinds: []automation.Definition{h.kind}, Sender: topic{p},
		Clients: func(region string) *cloud.Clients { return h.clients },
		Clock:   clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: p.name,
	}
	if h.outdated {
		p.executor.Kinds = nil
	}
	p.engine = h.engine(p.executor)
	return p
}

func (p *process) kill() {
	p.history.note("%s dies", p.name)
	if p.last.operation == send {
		p.history.excused++
	}
	p.dead, p.doubtful = true, true
	p.end()
}

// arrive is where every call of a process begins. An error is the end of it.
func (p *process) arrive(ctx context.Context, at point) (fault, error) {
	h := p.history
	if h.gate != nil {
		if err := h.gate.Enter(ctx, awssim.Call{Actor: p.name, Operation: at.operation}); err != nil {
			p.doubtful = true
			p.doubt(at, "")
			return "", err
		}
	}
	if p.dead {
		return "", errDead
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	h.locate(&at)
	at.rereads = at.ledger() && !at.writes && p.last.ledger() && !p.last.writes
	h.points = append(h.points, at)
	n := len(h.points)
	if n >= endless {
		if n == endless {
			h.wrong("%d calls, and no end", n)
		}
		p.kill()
		return "", errDead
	}
	f := h.script.of(n)
	if f != "" && !f.can(at) {
		f = ""
	}
	h.note("%d %s %s %s", n, p.name, at.operation, f)
	h.watch(p, at)
	p.doubt(at, f)
	h.attend()
	switch f {
	case crashBefore:
		p.kill()
		return f, errDead
	case cancel:
		h.cancel()
	case approve:
		h.approve()
	case freeze:
		time.Sleep(attempt + 2*flow.Slack)
	case overtake:
		q := h.spawn()
		h.resume(q) // at once, which must come to nothing, and when it is due
		h.drain(q)
	case deliver:
		h.deliver(h.spawn())
	case handle:
		h.handle(h.spawn())
	case again:
		h.again()
	case outage:
		time.Sleep(time.Hour)
		p.upset = true
	case outdated:
		h.outdated, p.executor.Kinds = true, nil
	default: // befalls the call itself
	}
	p.last, p.at = at, time.Now()
	if p.upset && at.aws() {
		f, p.upset = failFirmly, false
	}
	if at.ledger() && (f == failBefore || ctx.Err() != nil) {
		p.doubtful = true
	}
	if p.dead {
		return f, errDead
	}
	return f, ctx.Err()
}

// send is the operation of sending a notice.
const send = "sns:Publish"

// doubt notes what befalls a process between sending a notice and recording
// that: the notice may then be sent once more.
func (p *process) doubt(at point, f fault) {
	switch {
	case f == failAfter && at.operation == send,
		f == failBefore && p.last.operation == send,
		at.ledger() && p.last.operation == send && (f == freeze || f == overtake || f == handle || time.Since(p.at) >= flow.Slack):
		p.history.excused++
	}
}

// locate says where the runs stand.
func (h *history) locate(at *point) {
	var b strings.Builder
	for _, id := range h.order {
		run := h.runs[id]
		turns := 0
		for _, i := range h.intents[id] {
			if i.step == run.Step && i.act == run.Act {
				turns++
			}
		}
		fmt.Fprintf(&b, "%s %s %d %d %t %s;", run.Act, run.Step, min(turns, 2), run.Retries, run.Owner != "", run.Outcome)
		at.live = at.live || run.live()
		at.asks = at.asks || run.live() && h.shape.asks()
		at.step, at.failed = run.Step, run.Outcome.Failed()
	}
	at.place = b.String()
}

// through makes a call that has its effect at once, with what the script says.
func (p *process) through(ctx context.Context, at point, effect func() error) error {
	f, err := p.arrive(ctx, at)
	if err != nil {
		return err
	}
	if f == failBefore {
		return errLost
	}
	err = effect()
	switch f {
	case crashAfter:
		p.kill()
		return errDead
	case failAfter:
		p.doubtful = true
		return errLost
	default:
	}
	return err
}

// Enter implements [awssim.Gate].
func (h *history) Enter(ctx context.Context, c awssim.Call) error {
	p, ok := ctx.Value(processKey{}).(*process)
	if !ok {
		return errors.New("a call to AWS by nobody")
	}
	var err error
	p.fault, err = p.arrive(ctx, point{operation: c.Operation, writes: c.Mutating})
	return err
}

// intercept has a call to AWS fail as the script says.
func (h *history) intercept(c awssim.Call) awssim.Fault {
	p := h.process(c.Actor)
	switch p.fault {
	case failBefore:
		return awssim.FailBefore(awssim.ConnectionReset())
	case failAfter:
		return awssim.FailAfter(awssim.ConnectionReset())
	case failLate, crashLate:
		return awssim.FailLate(h.latest(p), awssim.ConnectionReset())
	case failFirmly:
		return awssim.FailBefore(awssim.Fail(http.StatusBadRequest, "IncorrectState", "something is not ready"))
	case throttle:
		return awssim.FailBefore(awssim.Throttled(c.Operation))
	case deny:
		return awssim.FailBefore(awssim.Denied(c.Operation, "*"))
	default:
	}
	return awssim.Fault{}
}

// answered is called when a call has reached AWS, before its answer is given.
func (h *history) answered(c awssim.Call) {
	p := h.process(c.Actor)
	if p.fault == crashAfter || p.fault == crashLate {
		p.fault = ""
		p.kill()
	}
	p.fault = ""
}

// topic is where a process sends its notices.
type topic struct{ *process }

func (t topic) Send(ctx context.Context, _, subject, _ string) error {
	return t.through(ctx, point{operation: "sns:Publish", writes: true}, func() error {
		t.history.sent = append(t.history.sent, subject)
		return nil
	})
}

// channel is a process's way to the ledger.
type channel struct {
	*process
	ledger ledger.Ledger
}

func (c *channel) Identity(ctx context.Context) (id string, err error) {
	err = c.through(ctx, point{operation: "ledger:Identity"}, func() (err error) { id, err = c.ledger.Identity(ctx); return })
	return
}

func (c *channel) Get(ctx context.Context, key string) (r ledger.Record, err error) {
	err = c.through(ctx, point{operation: "ledger:Get"}, func() (err error) { r, err = c.ledger.Get(ctx, key); return })
	return
}

func (c *channel) List(ctx context.Context, prefix, after string, limit int) (r []ledger.Record, err error) {
	err = c.through(ctx, point{operation: "ledger:List"}, func() (err error) { r, err = c.ledger.List(ctx, prefix, after, limit); return })
	return
}

func (c *channel) Write(ctx context.Context, writes ...ledger.Write) error {
	return c.through(ctx, point{operation: "ledger:Write", writes: true}, func() error { return c.ledger.Write(ctx, writes...) })
}

func (c *channel) Close() error { return nil }
