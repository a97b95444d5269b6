package awssim

import (
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/event"
)

// Moment is an instant at which the world may be read or changed: a call is
// applied, something scheduled falls due, or a test turns a knob. It is valid
// only for as long as the function it was given to runs.
type Moment struct {
	Now       time.Time
	Operation string // such as "ec2:ReplaceRoute"; empty if it is no call
	Actor     string // who calls; empty if it is no call
	RequestID string // of the call; empty if it is none

	world *World
	store committer
}

// Account is the account's id.
func (m *Moment) Account() string { return m.world.options.Account }

// Region is the world's only region.
func (m *Moment) Region() string { return m.world.options.Region }

// Count counts up from 1 under a name of the caller's choice.
func (m *Moment) Count(name string) uint64 {
	m.world.counters[name]++
	return m.world.counters[name]
}

// ID makes a resource id such as "i-00000000000000001". The ids of one prefix
// ascend.
func (m *Moment) ID(prefix string) string {
	return fmt.Sprintf("%s-%017x", prefix, m.Count(prefix))
}

// UUID makes an identifier of a kind that has UUIDs; unique in its kind.
func (m *Moment) UUID(kind string) string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", m.Count(kind))
}

// ARN names a resource of this account and region.
func (m *Moment) ARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, m.Region(), m.Account(), resource)
}

// After schedules a change of the same service's state.
func (m *Moment) After(d time.Duration, change func(*Moment)) {
	m.world.agenda.add(item{at: m.Now.Add(d), store: m.store, change: change})
	if m.world.wake != nil {
		m.world.wake()
	}
}

// Tell has f run once the world is unlocked, after everything told before.
func (m *Moment) Tell(f func()) { m.world.outbox = append(m.world.outbox, f) }

// Emit sends an event to every subscriber.
func (m *Moment) Emit(e event.Event) {
	for _, f := range m.world.hooks.subscribers {
		m.Tell(func() { f(e) })
	}
}
