// Package gate explores how concurrent calls can interleave, deterministically.
//
// Every call to simulated AWS, and every call of a ledger wrapped by
// [Gate.Ledger], waits at the gate until it is let through. [Gate.Run] lets them
// through one at a time: whenever nothing else can move (synctest.Wait), a
// choice picks which call proceeds, or that time passes. The same choices give
// the same history, as long as nobody draws other randomness: the SDK's own
// back-off does, its client tokens too (facts/toolchain.md, "Deterministic
// interleavings").
//
// A gate lives inside a testing/synctest bubble, with the actors and the world.
// No mutex may be held across a call. Two calls by one actor that are equal in
// all respects and wait together are interchangeable, and treated so.
package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/awssim"
)

// ErrKilled is the cause of everything that happens to a killed actor.
var ErrKilled = errors.New("actor was killed")

// Step is how much time passes when that is chosen.
const Step = time.Second

// Gate is where calls wait. It implements [awssim.Gate].
type Gate struct {
	arrived chan struct{} // holds one element if somebody came since Run last looked

	mu      sync.Mutex // never held while anybody waits
	waiting []*visitor
	actors  map[string]*actor
	trace   []string
}

// visitor is a call at the gate.
type visitor struct {
	actor, operation, input string
	pass                    chan error // buffered
}

// actor is one whose context the gate can end.
type actor struct {
	dead bool
	ends []context.CancelCauseFunc
}

// New makes a gate; inside the bubble.
func New() *Gate {
	return &Gate{arrived: make(chan struct{}, 1), actors: map[string]*actor{}}
}

// Actor names whoever uses the context, and ties the context to the actor's
// life.
func (g *Gate) Actor(ctx context.Context, name string) context.Context {
	ctx, end := context.WithCancelCause(awssim.WithActor(ctx, name))
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.actor(name)
	a.ends = append(a.ends, end)
	if a.dead {
		end(ErrKilled)
	}
	return ctx
}

// Kill ends an actor as if its process died: its contexts are cancelled, its
// waiting calls fail without effect, and so does every call it still makes. A
// call that is being applied has its effect, but the actor gets no answer. With
// a context from [Gate.Actor] it sees what any cancelled call returns, else
// [ErrKilled].
func (g *Gate) Kill(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.actor(name)
	if a.dead {
		return
	}
	a.dead = true
	g.note("%s killed", name)
	for _, end := range a.ends {
		end(ErrKilled)
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(v *visitor) bool {
		if v.actor != name {
			return false
		}
		v.pass <- ErrKilled
		return true
	})
}

// Trace is what the gate did, a line each: the same for the same choices.
func (g *Gate) Trace() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.trace)
}

type freeKey struct{}

// Free returns a context whose calls do not stop at the gate: for the test's own
// calls, before and after those of the actors.
func Free(ctx context.Context) context.Context { return context.WithValue(ctx, freeKey{}, true) }

// Enter implements [awssim.Gate]. If it returns an error while ctx goes on, the
// error wraps [ErrKilled].
func (g *Gate) Enter(ctx context.Context, c awssim.Call) error {
	if ctx.Value(freeKey{}) != nil {
		return nil
	}
	input, err := json.Marshal(c.Input)
	if err != nil {
		return fmt.Errorf("gate %s: %w", c.Operation, err)
	}
	v := &visitor{actor: c.Actor, operation: c.Operation, input: string(input), pass: make(chan error, 1)}
	if err := g.queue(v); err != nil {
		return err
	}
	select {
	case err := <-v.pass:
		return err
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting = slices.DeleteFunc(g.waiting, func(w *visitor) bool { return w == v })
		return ctx.Err()
	}
}

func (g *Gate) queue(v *visitor) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.actor(v.actor).dead {
		return fmt.Errorf("%s by %s: %w", v.operation, v.actor, ErrKilled)
	}
	g.waiting = append(g.waiting, v)
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	return nil
}

// Run lets calls through, until ctx ends. At each point choose(n+1) is asked
// for a number below n+1, where n calls wait: it picks the call, in the order
// of actor, operation and input, or with n that time passes. choose may call
// Kill. While nobody waits, time passes by itself.
func (g *Gate) Run(ctx context.Context, choose func(n int) int) {
	for ctx.Err() == nil {
		synctest.Wait()
		waiting := g.sorted()
		if len(waiting) == 0 {
			select {
			case <-g.arrived:
			case <-ctx.Done():
			}
			continue
		}
		if k := choose(len(waiting) + 1); k < len(waiting) {
			g.let(waiting[k])
		} else {
			g.pass(ctx)
		}
	}
}

func (g *Gate) sorted() []*visitor {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(g.waiting), func(a, b *visitor) int {
		return cmp.Or(strings.Compare(a.actor, b.actor), strings.Compare(a.operation, b.operation), strings.Compare(a.input, b.input))
	})
}

// let lets a call through, unless its actor was killed by the choice.
func (g *Gate) let(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, v)
	if i < 0 {
		return
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	g.note("%s %s %s", v.actor, v.operation, v.input)
	v.pass <- nil
}

// pass lets a step of time pass.
func (g *Gate) pass(ctx context.Context) {
	g.mu.Lock()
	g.note("time passes")
	g.mu.Unlock()
	timer := time.NewTimer(Step)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (g *Gate) note(format string, args ...any) {
	g.trace = append(g.trace, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (g *Gate) actor(name string) *actor {
	a, ok := g.actors[name]
	if !ok {
		a = &actor{}
		g.actors[name] = a
	}
	return a
}
