package awssim

import (
	"slices"
	"time"
)

// MaxStale is how far back a stale read can go.
const MaxStale = time.Minute

// Store is the state of one service in a world. S is a pointer; its clone must
// not be affected by later changes to the original.
type Store[S any] struct {
	world   *World
	service string
	present S
	clone   func(S) S
	history []version[S] // ascending; empty unless stale reads are on
	commits []func(*Moment, S)
}

type version[S any] struct {
	at    time.Time
	state S
}

// committer is a store of any type.
type committer interface {
	commit(m *Moment)
	remember(now time.Time)
}

// NewStore makes the state of a service, named as in IAM actions ("ec2").
func NewStore[S any](w *World, service string, initial S, clone func(S) S) *Store[S] {
	s := &Store[S]{world: w, service: service, present: initial, clone: clone}
	w.stores = append(w.stores, s)
	return s
}

// Do runs f on the present state, as one change.
func (s *Store[S]) Do(f func(*Moment, S)) {
	m := &Moment{Now: s.world.lock(), world: s.world, store: s}
	defer s.world.unlock()
	f(m, s.present)
	s.commit(m)
}

// View runs f on the present state, which it must not change.
func (s *Store[S]) View(f func(S)) {
	s.world.lock()
	defer s.world.unlock()
	f(s.present)
}

// At is the present state, for another service that is being called: its moment
// holds the world, so the state can be read without taking it. It must not be
// changed.
func (s *Store[S]) At(*Moment) S { return s.present }

// Within runs f as one change of this store's state in a moment that holds the
// world already: another service is being called, or changes by itself. What f
// schedules belongs to this store.
func (s *Store[S]) Within(m *Moment, f func(*Moment, S)) {
	inner := *m
	inner.store = s
	f(&inner, s.present)
	s.commit(&inner)
}

// OnCommit has f called after every change, with the world still locked.
func (s *Store[S]) OnCommit(f func(*Moment, S)) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.commits = append(s.commits, f)
}

// commit ends a change: history and whoever watches learn of it.
func (s *Store[S]) commit(m *Moment) {
	if s.world.hooks.stale != nil {
		s.remember(m.Now)
	}
	for _, f := range s.commits {
		f(m, s.present)
	}
}

// remember keeps a copy of the present. Of the copies that are too old for any
// read it keeps the newest, which is what the oldest possible read sees.
func (s *Store[S]) remember(now time.Time) {
	old := s.index(now.Add(-MaxStale))
	s.history = append(slices.Delete(s.history, 0, max(old, 0)), version[S]{now, s.clone(s.present)})
}

// index is the last version made at or before t; -1 if there is none.
func (s *Store[S]) index(t time.Time) int {
	n, _ := slices.BinarySearchFunc(s.history, t, func(v version[S], t time.Time) int {
		if v.at.After(t) {
			return 1
		}
		return -1
	})
	return n - 1
}

// seen is the state as a read of the given age sees it.
func (s *Store[S]) seen(now time.Time, age time.Duration) S {
	if age <= 0 || len(s.history) == 0 {
		return s.present
	}
	return s.history[max(s.index(now.Add(-min(age, MaxStale))), 0)].state
}
