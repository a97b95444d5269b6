//go:build !race

package embedded_test

import (
	"context"
	"flag"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/flow/flowtest"
)

// TestLoop holds the loop against the suite, with a part of the faults: what the
// executor does about them is tried with the other engine. The race detector finds
// little in such histories; TestLoopsShareALedger is for it.
func TestLoop(t *testing.T) {
	scale(t, "flowtest.stride", func(n int) int { return n * 30 })
	scale(t, "flowtest.seeds", func(n int) int { return max(1, n/10) })
	flowtest.Run(t, func(x *flow.Executor) flowtest.Engine { return &looping{x} })
}

// scale changes a flag of the suite for the time of a test, unless the command line
// has set it.
func scale(t *testing.T, name string, by func(int) int) {
	f := flag.Lookup(name)
	n, err := strconv.Atoi(f.DefValue)
	if err != nil {
		t.Fatal(err)
	}
	if f.Value.String() != f.DefValue {
		return
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	if err := f.Value.Set(strconv.Itoa(by(n))); err != nil {
		t.Fatal(err)
	}
}

// looping is a process that has a loop for as long as there is something to do. The
// suite takes down calls in their order, so the process does one thing at a time: it
// looks into the ledger once, at the beginning.
type looping struct{ *flow.Executor }

func (p *looping) Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error) {
	started, err := p.Start(ctx, a, topic, subject, e)
	if err != nil {
		return nil, err
	}
	if err := p.Resume(ctx); err != nil {
		return nil, err
	}
	return p.Load(ctx, started.Run)
}

// Resume runs a loop until it has nothing to do any more, or its process dies.
func (p *looping) Resume(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var looked atomic.Bool
	l := &embedded.Loop{
		Engine: &embedded.Engine{Executor: p.Executor}, Workers: 1, Poll: 10000 * time.Hour, Backoff: cloud.NewBackoff(1),
		Looked: func(err error) { looked.Store(err == nil) },
		Failed: func(string, error) {},
	}
	ended := make(chan struct{})
	go func() {
		l.Run(ctx, ctx)
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return ctx.Err()
		case <-time.After(time.Second + 7*time.Nanosecond): // at a moment when nothing else happens
		}
		if looked.Load() && l.Tended() == (embedded.Tended{}) {
			stop()
		}
	}
}
