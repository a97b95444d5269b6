package flow

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// A notice is tried for a day, with growing pauses, and then given up: who
// has not repaired a topic by then reads the history.
const (
	noticeLimit    = 24 * time.Hour
	noticeAttempt  = 10 * time.Second
	maxNoticePause = 10 * time.Minute
)

// Tells says whether the run has notices to send now: one that has ended, or that
// waits for a person. What could not be sent for a live run is due again, but its
// turns do not wait for that.
func (r *Run) Tells(now time.Time) bool {
	if !r.Live() {
		return !r.Due.IsZero() && !now.Before(r.Due)
	}
	return r.Asking != nil && slices.ContainsFunc(r.Outbox, func(n Notice) bool { return n.due(now) })
}

// Untold says whether a live run has notices that only wait to be sent.
func (r *Run) Untold() bool {
	return r.Live() && r.Asking != nil && slices.ContainsFunc(r.Outbox, Notice.open)
}

// Deliver sends what is in the outbox of a run, if it Tells, and returns the run
// as it is stored afterwards. Nobody takes a turn of it meanwhile, for as long as
// one attempt to send takes. A notice can be sent twice: when the process dies
// between sending it and recording that.
func (x *Executor) Deliver(ctx context.Context, id string) (*Run, error) {
	run, err := x.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	now := x.now()
	if now.Before(run.Until) || !run.Tells(now) {
		return run, nil
	}
	before := run.Due
	unsent := time.Duration(0)
	for _, n := range run.Outbox {
		if n.due(now) {
			unsent++
		}
	}
	run.Owner, run.Until, run.Telling = x.Owner, now.Add(unsent*noticeAttempt+Slack), run.Live()
	if err := x.save(ctx, run, before); err != nil {
		if ledger.IsConflict(err) {
			return x.Load(ctx, id)
		}
		return nil, err
	}

	left := run.Until.Sub(x.now()) - Slack // as for an attempt at a step
	if left <= 0 {
		return run, nil
	}
	rec := &recorder{step: stepNotify}
	sending, stop := context.WithTimeout(call.WithRecorder(ctx, rec), left)
	defer stop()
	for i := range run.Outbox {
		if n := &run.Outbox[i]; n.due(now) {
			x.send(sending, run, n)
		}
	}
	if !run.Live() {
		run.Due = run.undelivered()
	}
	run.Owner, run.Until, run.Telling = "", time.Time{}, false
	entries := rec.take()
	run.Audit = append(run.Audit, entries...)
	store, cancel := context.WithTimeout(context.WithoutCancel(ctx), Slack)
	defer cancel()
	err = x.save(store, run, before)
	if ledger.IsConflict(err) {
		return x.delivered(store, run, entries)
	}
	if err != nil {
		return nil, err
	}
	return run, nil
}

// undelivered is when the next notice is due; zero: never.
func (r *Run) undelivered() (at time.Time) {
	for _, n := range r.Outbox {
		if n.open() && (at.IsZero() || n.Due.Before(at)) {
			at = n.Due
		}
	}
	return at
}

// delivered records what became of notices whose run was tried again while they
// were sent, or was asked something by a person: they are not sent again. A live
// run that somebody is at, because sending took too long, is not disturbed.
func (x *Executor) delivered(ctx context.Context, sent *Run, entries []Entry) (*Run, error) {
	for range maxRaces {
		run, err := x.Load(ctx, sent.ID)
		if err != nil {
			return nil, err
		}
		if sent.Live() && run.Live() && !run.Telling && x.now().Before(run.Until) {
			return run, nil
		}
		if run.Telling && run.Owner == x.Owner {
			run.Owner, run.Until, run.Telling = "", time.Time{}, false
		}
		for i := range min(len(run.Outbox), len(sent.Outbox)) {
			if run.Outbox[i].open() {
				run.Outbox[i] = sent.Outbox[i]
			}
		}
		run.Audit = append(run.Audit, entries...)
		err = x.save(ctx, run, run.Due)
		if err == nil || !ledger.IsConflict(err) {
			return run, err
		}
	}
	return nil, failure.Retryf("deliver notices of run %s: lost %d races", sent.ID, maxRaces)
}

func (x *Executor) send(ctx context.Context, run *Run, n *Notice) {
	ctx, cancel := context.WithTimeout(ctx, noticeAttempt)
	defer cancel()
	n.Attempts++
	err := x.Sender.Send(ctx, run.Topic, n.Subject, n.Text)
	now := x.now()
	if err == nil {
		n.Sent, n.Error = now, ""
		return
	}
	n.Error = err.Error()
	if failure.ClassOf(err) == failure.Stop || !run.Live() && now.Sub(run.Ended) >= noticeLimit {
		n.GaveUp = true
		x.Log.ErrorContext(ctx, "notice given up", "run", run.ID, "topic", run.Topic, "error", err)
		return
	}
	n.Due = now.Add(min(time.Second<<min(n.Attempts-1, 20), maxNoticePause))
}

// Due lists the runs that want a turn or a delivery by now, earliest first,
// at most limit.
func (x *Executor) Due(ctx context.Context, limit int) ([]string, error) {
	now := x.now()
	records, err := x.Ledger.List(ctx, "due/", "", limit)
	if err != nil {
		return nil, fmt.Errorf("list due runs: %w", err)
	}
	var ids []string
	for _, rec := range records {
		at, id, err := parseDue(rec.Key)
		if err != nil {
			return nil, failure.As(failure.Stop, err)
		}
		if at.After(now) {
			break
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func parseDue(key string) (time.Time, string, error) {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) == 3 {
		if n, err := strconv.ParseInt(parts[1], 10, 64); err == nil {
			return time.Unix(0, n).UTC(), parts[2], nil
		}
	}
	return time.Time{}, "", fmt.Errorf("ledger record %q: wanted due/TIME/RUN", key)
}
