// Package flowtest is the suite that every engine of durable flows passes.
//
// A history is one run of a small flow on a world that is watched, in which
// something goes wrong at one or two points: a process dies before or after a
// call, an effect lands late, a read is stale, somebody cancels, a process is
// overtaken. Every call of a process is a point, those to the ledger included.
// The suite goes through every fault at every point of every flow, through
// seeded pairs of them, and through seeded interleavings of two processes, and
// judges by the world and the ledger afterwards, not by calls.
//
// That the suite can fail is tested too, with engines that are broken on
// purpose.
package flowtest

import (
	"context"
	"testing"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// Engine is one process of an engine. It is used by one goroutine at a time,
// except where two processes are interleaved. When its process dies, its
// context ends and each of its calls fails: it then returns soon, with any
// error.
type Engine interface {
	// Handle begins what an event causes and drives it to its end, the run that
	// follows a joined one included. The suite reads what became of it from the
	// ledger.
	Handle(ctx context.Context, a *automation.Automation, topic string, s automation.Subject, e event.Event) (*flow.Run, error)
	// Resume goes on with what is due now and what nobody works on: runs whose
	// process died, runs that were retried, notices. It is called again and again,
	// as a schedule would, and may leave what became due only a minute ago.
	Resume(ctx context.Context) error
}

// Process makes the engine of one process. The executor is the process's own:
// its ledger, clients and sender are those through which the process can be
// killed, and its Owner is unique.
type Process func(x *flow.Executor) Engine

// Run holds an engine against the suite. Nothing in it depends on the engine
// but the number of points, so every engine meets the same faults.
func Run(t *testing.T, process Process) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range shapes {
				if c.only == nil || c.only(s) {
					t.Run(s.name, func(t *testing.T) {
						t.Parallel()
						c.run(t, process, s).report(t)
					})
				}
			}
		})
	}
}
