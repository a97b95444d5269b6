package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// How long ended runs are kept. Runs that had nothing to do are many and tell
// little.
const (
	keepRuns    = 90 * 24 * time.Hour
	keepNothing = 7 * 24 * time.Hour
)

func runKey(id string) string { return "runs/" + id }

// dueKey sorts by time. Nanoseconds since 1970 have 19 digits until the year 2286.
func dueKey(at time.Time, id string) string {
	return fmt.Sprintf("due/%019d/%s", at.UnixNano(), id)
}

// Load reads a run, or returns an error that wraps ledger.ErrNotFound.
func (x *Executor) Load(ctx context.Context, id string) (*Run, error) {
	rec, err := x.Ledger.Get(ctx, runKey(id))
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	var r Run
	if err := decode(rec.Value, &r); err != nil {
		return nil, failure.Stopf("read run %s: %w", id, err)
	}
	r.version = rec.Version
	return &r, nil
}

// runWrites stores a run and moves its entry among the due ones. before is
// when the run was due as it stands in the ledger.
func runWrites(r *Run, before time.Time) ([]ledger.Write, error) {
	value, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("store run %s: %w", r.ID, err)
	}
	var expires time.Time
	if !r.Live() && r.Due.IsZero() {
		expires = r.Ended.Add(keepRuns)
		if r.Outcome == NothingToDo {
			expires = r.Ended.Add(keepNothing)
		}
	}
	var writes []ledger.Write
	if r.version == 0 {
		writes = append(writes, ledger.Create(runKey(r.ID), value, expires))
	} else {
		writes = append(writes, ledger.Update(runKey(r.ID), r.version, value, expires))
	}
	if before.Equal(r.Due) {
		return writes, nil
	}
	if !before.IsZero() {
		writes = append(writes, ledger.Delete(dueKey(before, r.ID), 1))
	}
	if !r.Due.IsZero() {
		writes = append(writes, ledger.Create(dueKey(r.Due, r.ID), json.RawMessage(`{}`), time.Time{}))
	}
	return writes, nil
}

// rebuild makes the automation that a run was begun with, from what the run
// stores: a fleet file edited meanwhile does not change a run under way.
func (x *Executor) rebuild(r *Run) (*automation.Automation, error) {
	for _, d := range x.Kinds {
		if d.Name != r.Kind {
			continue
		}
		if d.Revision != r.Revision {
			return nil, failure.Stopf("run %s was begun under revision %d of %s, this program has %d", r.ID, r.Revision, r.Kind, d.Revision)
		}
		a, problems, err := d.Configure(r.Fleet, r.Automation, r.Region, r.Config)
		if err != nil {
			return nil, failure.As(failure.Stop, err)
		}
		if len(problems) > 0 {
			return nil, failure.Stopf("run %s was begun with a configuration that this program refuses: %s: got %s, wanted %s",
				r.ID, problems[0].Path, problems[0].Got, problems[0].Wanted)
		}
		return a, nil
	}
	return nil, failure.Stopf("run %s is of kind %s, which this program does not have", r.ID, r.Kind)
}
