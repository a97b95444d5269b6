package embedded

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// Loop takes the turns of all runs that are due, for as long as it is let: it is
// the engine of a process that stays. Any number of them may share a ledger, in
// one process or several: each run is worked on by one at a time, and the run of
// a loop that died is taken over once its time is up.
//
// Its fields are set before use and not changed.
type Loop struct {
	Engine *Engine
	// Workers bounds how many runs are worked on at once; at least one.
	Workers int
	// Poll is how often to look into the ledger for runs that others have begun or
	// left. What this process begins itself need not wait for it, see Nudge.
	Poll time.Duration
	// Looked is told how every look into the ledger went, and Failed of every turn
	// that could not be made or recorded. They must not block.
	Looked func(error)
	Failed func(run string, err error)
	// Backoff spaces what is tried again after trouble.
	Backoff *cloud.Backoff

	mu     sync.Mutex
	nudged []string
	wake   func()
	state  Tended
}

// Tended counts the runs that a loop knows of.
type Tended struct {
	Working    int // a turn is under way
	Ready      int // a turn is due, and all workers have one
	Waiting    int // the next turn is due later, or somebody else has the run
	Delivering int // of those that wait: with notices that could not be sent yet
}

// Nudge says that a run wants a turn now. It does not block, and may be called at
// any time.
func (l *Loop) Nudge(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nudged = append(l.nudged, id)
	if l.wake != nil {
		l.wake()
	}
}

// Tended is what the loop has to do at present.
func (l *Loop) Tended() Tended {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// The pauses after trouble with the ledger.
const (
	leastPause = 250 * time.Millisecond
	mostPause  = 30 * time.Second
	// aside is for how long a run of another fleet or engine is not looked at.
	aside = time.Minute
	// mostDue bounds a look: what is beyond is seen when these are done.
	mostDue = 2000
)

// Run works until ctx ends, and then returns when the turns under way have. Those
// run in work, which the caller ends to cut them short; they are recorded all the
// same.
func (l *Loop) Run(ctx, work context.Context) {
	s := &shift{Loop: l, work: work, known: map[string]*item{}, done: make(chan result), looked: make(chan look)}
	defer s.rest()
	clk := l.Engine.Clock
	for {
		s.start(clk.Now())
		now := clk.Now()
		next := s.nextLook
		if len(s.waiting) > 0 && s.waiting[0].at.Before(next) {
			next = s.waiting[0].at
		}
		if s.looking {
			next = now.Add(time.Hour) // it says by itself when it is done
			if len(s.waiting) > 0 && s.waiting[0].at.Before(next) {
				next = s.waiting[0].at
			}
		}
		nap, wake := context.WithCancel(ctx)
		if !l.sleeps(wake) {
			wake()
		}
		slept := make(chan struct{})
		go func() {
			_ = clk.Sleep(nap, next.Sub(now)) // cut short by what happens meanwhile
			close(slept)
		}()
		select {
		case r := <-s.done:
			s.settle(r)
		case f := <-s.looked:
			s.found(f)
		case <-slept:
		}
		wake()
		if ctx.Err() != nil {
			return
		}
		s.take()
	}
}

// sleeps sets what ends the nap, unless somebody has nudged meanwhile.
func (l *Loop) sleeps(wake func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = wake
	return len(l.nudged) == 0
}

// shift is what one Run knows. Only its goroutine touches it.
type shift struct {
	*Loop
	work     context.Context
	known    map[string]*item // by run
	ready    []*item
	waiting  waiting
	working  int
	looking  bool
	nextLook time.Time
	done     chan result
	looked   chan look
	failures int // looks that failed in a row
}

// item is a run that the loop knows of.
type item struct {
	id       string
	at       time.Time // when it is due; waiting only
	index    int       // in waiting; -1 elsewhere
	due      time.Time // as the run had it last; zero: not known
	busy     bool
	again    bool // nudged while busy
	mine     bool // it is known to be ours
	foreign  bool // it is known not to be, for now
	notices  bool
	failures int
}

type result struct {
	item *item
	run  *flow.Run
	err  error
}

type look struct {
	ids []string
	err error
}

// start begins what is due: a look into the ledger, and turns.
func (s *shift) start(now time.Time) {
	if !s.looking && !now.Before(s.nextLook) {
		s.looking = true
		go func() {
			ids, err := s.Engine.Due(s.work, mostDue)
			s.looked <- look{ids, err}
		}()
	}
	for len(s.waiting) > 0 && !s.waiting[0].at.After(now) {
		i, _ := heap.Pop(&s.waiting).(*item)
		if i.foreign {
			s.forget(i) // until a look finds it due once more
			continue
		}
		s.ready = append(s.ready, i)
	}
	for len(s.ready) > 0 && s.working < max(1, s.Workers) {
		i := s.ready[0]
		s.ready = s.ready[1:]
		i.busy = true
		s.working++
		go func() {
			run, err := s.turn(i)
			s.done <- result{i, run, err}
		}()
	}
	s.tell()
}

func (s *shift) tell() {
	t := Tended{Working: s.working, Ready: len(s.ready), Waiting: len(s.waiting)}
	for _, i := range s.waiting {
		if i.notices {
			t.Delivering++
		}
	}
	s.mu.Lock()
	s.state = t
	s.mu.Unlock()
}

// turn takes a turn, or sends notices. A run that another engine runs is nil.
// A panic ends the attempt alone, as if the process had died: the run is gone on
// with when its time is up, and given up when that happens again and again.
func (s *shift) turn(i *item) (run *flow.Run, err error) {
	defer func() {
		if value := recover(); value != nil {
			run, err = nil, fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	if !i.mine && s.Engine.Other != nil {
		run, err := s.Engine.Load(s.work, i.id)
		if err != nil || s.Engine.Other(run) {
			return nil, err
		}
	}
	run, err = s.Engine.Turn(s.work, i.id)
	if err == nil && run.Tells(s.Engine.Clock.Now()) {
		run, err = s.Engine.Deliver(s.work, i.id)
	}
	return run, err
}

// settle decides when a run that has had its turn wants the next one.
func (s *shift) settle(r result) {
	i, now := r.item, s.Engine.Clock.Now()
	s.working--
	i.busy = false
	again := i.again
	i.again = false
	switch {
	case errors.Is(r.err, ledger.ErrNotFound):
		s.forget(i)
		return
	case r.err != nil:
		s.failed(r)
		i.failures++
		i.due = time.Time{}
		s.await(i, now.Add(s.Backoff.Delay(i.failures, leastPause, mostPause)))
		return
	}
	i.failures = 0
	if r.run == nil {
		i.foreign = true
		s.await(i, now.Add(aside))
		return
	}
	i.mine = true
	i.notices = !r.run.Live() || r.run.Untold()
	i.due = r.run.Due
	if r.run.Next != "" {
		s.nudge(r.run.Next)
	}
	due := r.run.Due
	if r.run.Until.After(due) {
		due = r.run.Until
	}
	switch {
	case r.run.Live() && s.Engine.Watch != nil && due.After(now):
		if !due.Equal(i.at) { // or else it is told already
			s.Engine.Watch(r.run)
		}
		s.await(i, due)
	case r.run.Live(), !r.run.Due.IsZero():
		s.await(i, due)
	case again:
		s.await(i, now)
	default:
		s.forget(i)
	}
}

// failed tells of a turn that failed, unless that is because it was cut short.
func (s *shift) failed(r result) {
	if s.work.Err() == nil {
		s.Failed(r.item.id, r.err)
	}
}

// found takes note of what a look has seen.
func (s *shift) found(f look) {
	s.looking = false
	now := s.Engine.Clock.Now()
	s.Looked(f.err)
	if f.err != nil {
		s.failures++
		s.nextLook = now.Add(s.Backoff.Delay(s.failures, leastPause, mostPause))
		return
	}
	s.failures = 0
	s.nextLook = now.Add(s.Poll)
	for _, id := range f.ids {
		switch i := s.known[id]; {
		case i == nil:
			s.add(id)
		case i.due.After(now):
			s.nudge(id) // somebody has changed when it is due, such as by a cancel
		} // others wait for their time, or have a turn
	}
}

// take takes note of the runs that were nudged.
func (s *shift) take() {
	s.mu.Lock()
	nudged := s.nudged
	s.nudged = nil
	s.mu.Unlock()
	for _, id := range nudged {
		s.nudge(id)
	}
}

func (s *shift) nudge(id string) {
	switch i := s.known[id]; {
	case i == nil:
		s.add(id).mine = true
	case i.busy:
		i.again = true
	case i.index >= 0:
		heap.Remove(&s.waiting, i.index)
		s.ready = append(s.ready, i)
	}
}

func (s *shift) add(id string) *item {
	i := &item{id: id, index: -1}
	s.known[id] = i
	s.ready = append(s.ready, i)
	return i
}

func (s *shift) await(i *item, at time.Time) {
	i.at = at
	heap.Push(&s.waiting, i)
}

func (s *shift) forget(i *item) { delete(s.known, i.id) }

// rest waits until what is under way has ended.
func (s *shift) rest() {
	for s.working > 0 || s.looking {
		select {
		case r := <-s.done:
			s.working--
			if r.err != nil {
				s.failed(r)
			}
		case <-s.looked:
			s.looking = false
		}
	}
	s.ready = nil
	s.tell()
}

// waiting is a heap of runs by when they are due.
type waiting []*item

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(a, b int) bool { return w[a].at.Before(w[b].at) }
func (w waiting) Swap(a, b int) {
	w[a], w[b] = w[b], w[a]
	w[a].index, w[b].index = a, b
}

func (w *waiting) Push(x any) {
	i, _ := x.(*item)
	i.index = len(*w)
	*w = append(*w, i)
}

func (w *waiting) Pop() any {
	old := *w
	i := old[len(old)-1]
	i.index = -1
	*w = old[:len(old)-1]
	return i
}
