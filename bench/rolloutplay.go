package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// rolloutPlay is a world in which groups are about to get new images, and in which time
// passes from one thing that is due to the next: what it counts is the same every time.
type rolloutPlay struct {
	ctx   context.Context // kept, because a play is one call
	clock *clock.Virtual
	world *scenario.Simulated
	stage *scenario.Stage
	crowd scenario.Crowd
	times simec2.Times
	due   []*job
	calls int // that were made so far
	idle  int // of them, those of runs that found nothing to do
}

// job is something that has its turn again and again.
type job struct {
	id   string
	at   time.Time
	turn func() (next time.Time, err error) // the zero time: it is over
}

// rolloutSide is told of completed backups, and has jobs because of them.
type rolloutSide struct {
	name     string
	replaces bool // the instances that run
	begin    func(p *rolloutPlay) (told func(event.Event) error, err error)
}

// add has something done as soon as may be, unless it is being done.
func (p *rolloutPlay) add(id string, turn func() (time.Time, error)) {
	if !slices.ContainsFunc(p.due, func(j *job) bool { return j.id == id }) {
		p.due = append(p.due, &job{id: id, at: p.clock.Now(), turn: turn})
	}
}

// script is a job that is written as a sequence with waits in it.
func (p *rolloutPlay) script(id string, sequence func(wait func(time.Duration) error) error) {
	var failed error
	next, _ := iter.Pull(func(yield func(time.Duration) bool) {
		failed = sequence(func(d time.Duration) error {
			if !yield(d) {
				return context.Canceled
			}
			return nil
		})
	})
	p.add(id, func() (time.Time, error) {
		if d, more := next(); more {
			return p.clock.Now().Add(d), nil
		}
		return time.Time{}, failed
	})
}

// backupEvery is how long after one backup the next completes: those of a plan begin
// together, and each takes its own time.
const backupEvery = 20 * time.Second

// rolledOut is what that has cost.
type rolledOut struct {
	took          time.Duration
	calls         map[string]int // by operation
	reads, writes int
	idle          int // calls of runs that found nothing to do
}

func (r rolledOut) all() int { return r.reads + r.writes }

// rollOut has one side roll out to so many groups at once.
func rollOut(ctx context.Context, side rolloutSide, groups int, times simec2.Times) (*rolledOut, error) {
	p := &rolloutPlay{ctx: ctx, clock: clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)), times: times}
	p.world = scenario.NewTimed(p.clock, awssim.Options{PageSize: 1000}, times)
	p.stage = scenario.NewStage(ctx, p.world)
	p.crowd = p.stage.Crowd(groups)
	told, err := side.begin(p)
	p.stage.BackUp(p.crowd, backupEvery)
	if err := cmp.Or(p.stage.Err(), err); err != nil {
		return nil, err
	}
	p.world.Take()
	r := &rolledOut{calls: map[string]int{}}
	p.world.OnCall(func(c awssim.Call) {
		p.calls++
		r.calls[c.Operation]++
		if c.Mutating {
			r.writes++
		} else {
			r.reads++
		}
	})
	var first time.Time
	for left := groups; left > 0 || len(p.due) > 0; {
		completed, err := p.pass()
		if err != nil {
			return nil, err
		}
		for _, e := range completed {
			if first.IsZero() {
				first = p.clock.Now()
			}
			left--
			if err := told(e); err != nil {
				return nil, err
			}
		}
	}
	r.took, r.idle = p.clock.Now().Sub(first), p.idle
	p.stage.Pass(time.Minute) // what is under way by itself is done
	p.stage.ExpectCrowd(p.crowd, side.replaces)
	return r, p.stage.Err()
}

// pass lets time pass until the next thing is due, has that done, and returns the
// events of backups that have completed.
func (p *rolloutPlay) pass() (completed []event.Event, err error) {
	var next *job
	for _, j := range p.due {
		if next == nil || j.at.Before(next.at) {
			next = j
		}
	}
	due, more := p.world.NextDue()
	switch {
	case next != nil && (!more || !due.Before(next.at)):
		p.clock.Advance(next.at.Sub(p.clock.Now()))
		if next.at, err = next.turn(); err != nil {
			return nil, fmt.Errorf("%s: %w", next.id, err)
		}
		p.due = slices.DeleteFunc(p.due, func(j *job) bool { return j.at.IsZero() })
	case more:
		p.clock.Advance(due.Sub(p.clock.Now()))
		p.world.Settle()
	default:
		return nil, errors.New("nothing more happens")
	}
	for _, e := range p.world.Take() {
		change, ok, err := event.AsBackupJobStateChange(e)
		if err != nil {
			return nil, err
		}
		if ok && change.State == event.BackupCompleted {
			completed = append(completed, e)
		}
	}
	return completed, nil
}

// group is the place in the crowd of the group that a backup is for, and the image that
// the backup is.
func (p *rolloutPlay) group(e event.Event) (i int, image string, err error) {
	change, _, err := event.AsBackupJobStateChange(e)
	if err != nil {
		return 0, "", err
	}
	i = slices.IndexFunc(p.crowd.Servers, func(id string) bool { return strings.HasSuffix(change.Resource, "/"+id) })
	_, image, _ = strings.Cut(change.RecoveryPoint, "/")
	if i < 0 || image == "" {
		return 0, "", fmt.Errorf("backup of %s: %s", change.Resource, change.RecoveryPoint)
	}
	return i, image, nil
}
