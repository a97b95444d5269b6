package flowtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/flow"
)

// taken is something that was taken back.
type taken struct {
	run, step string
	act       automation.Act
}

// watch holds what must be true whenever a process calls somebody: it acts for
// a run only as its owner, and in its time.
func (h *history) watch(p *process, at point) {
	if at.ledger() {
		return
	}
	for _, run := range h.runs {
		if run.Owner == p.name && time.Now().Before(run.Until) {
			return
		}
	}
	h.wrong("%s calls %s and owns no run", p.name, at.operation)
}

// committed looks at the world after every change.
func (h *history) committed(_ *awssim.Moment, now *state) {
	h.compare(now)
	for _, st := range h.shape.steps {
		for _, temporary := range []bool{false, true} {
			for _, id := range h.order {
				if n := len(now.of(tagsOf(id, st.name, temporary))); n > 1 {
					h.wrong("step %s has made %d things", st.name, n)
				}
			}
		}
	}
}

// compare keeps what the change took back.
func (h *history) compare(now *state) {
	for id, t := range now.things {
		run := h.runs[t.tags[tagRun]]
		if _, known := h.seen.things[id]; known || run == nil {
			continue
		}
		for _, st := range h.shape.steps {
			counts, approved := h.approved[t.tags[tagRun]]
			if st.asks && st.name == t.tags[tagStep] && !counts && (!approved || run.Approval == nil) {
				h.wrong("step %s makes %s, and nobody has approved it", st.name, id)
			}
		}
	}
	for id, t := range h.seen.things {
		if _, still := now.things[id]; !still {
			act := automation.Undo
			if t.tags[tagTemporary] == "true" {
				act = automation.Release
			}
			h.taken = append(h.taken, taken{t.tags[tagRun], t.tags[tagStep], act})
		}
	}
	for _, st := range h.shape.steps {
		if h.overruled == st.sets && h.seen.slots[st.sets] != now.slots[st.sets] {
			h.overruled = ""
		}
		if was := h.before.slots[st.sets]; st.sets == "" || h.seen.slots[st.sets] == was || now.slots[st.sets] != was {
			continue
		}
		for id, run := range h.runs {
			if run.Owner != "" && run.Act == automation.Undo && run.Step == st.name {
				h.taken = append(h.taken, taken{id, st.name, automation.Undo})
			}
		}
	}
	h.seen = now.clone()
}

// judgeOrder wants the last step to be undone first, and each before it is released.
func (h *history) judgeOrder(run *flow.Run) {
	place := func(t taken) int {
		n := 2 * slices.IndexFunc(h.shape.steps, func(s step) bool { return s.name == t.step })
		if t.act == automation.Undo {
			n++
		}
		return n
	}
	var order []taken
	for _, t := range h.taken {
		if t.run == run.ID && !slices.Contains(order, t) {
			order = append(order, t)
		}
	}
	if !slices.IsSortedFunc(order, func(a, b taken) int { return place(b) - place(a) }) {
		h.wrong("run %s took back in the order %v", run.ID, order)
	}
}

// judge holds a history that has come to rest against all that must be true of
// it then.
func (h *history) judge() {
	var now *state
	h.service.store.View(func(s *state) { now = s.clone() })
	h.judgeOthers(now)
	runs := map[string]*flow.Run{}
	for _, id := range h.order {
		runs[id] = h.read(id)
		h.judgeRun(runs[id], now)
	}
	h.judgeAudit(runs)
	if len(h.order) == 0 {
		h.wrong("no run was begun")
	}
	h.judgeNotices()
}

// judgeOthers wants what is not of these runs to be as it was.
func (h *history) judgeOthers(now *state) {
	for id, t := range h.before.things {
		if found, ok := now.things[id]; !ok || !maps.Equal(found.tags, t.tags) {
			h.wrong("%s, which is the user's, was changed or removed", id)
		}
	}
	for id, t := range now.things {
		if _, ok := h.before.things[id]; !ok && h.runs[t.tags[tagRun]] == nil {
			h.wrong("%s belongs to nobody: %v", id, t.tags)
		}
	}
	if now.slots["other"] != "old" {
		h.wrong("slot other, which is the user's, was set to %s", now.slots["other"])
	}
}

func (h *history) judgeRun(run *flow.Run, now *state) {
	if run.Live() {
		h.wrong("run %s has not ended: it is at %s", run.ID, run.Step)
		return
	}
	if n := h.endings[run.ID]; n != 1+run.Retries {
		h.wrong("run %s has ended %d times", run.ID, n)
	}
	if !run.Until.IsZero() || !run.Due.IsZero() || run.Ending != nil {
		h.wrong("run %s has ended %s and is not at rest", run.ID, run.Outcome)
	}
	switch run.Outcome {
	case flow.Succeeded:
		h.judgeSuccess(run, now)
	case flow.NothingToDo, flow.RolledBack:
		h.judgeNothing(run, now)
	case flow.Stuck:
		h.judgeStuck(run, now)
	}
	h.judgeOrder(run)
	h.judgeCommit(run)
	h.judgeCancel(run)
	h.judgeLimits(run)
}

// first says whether a run is the one that all others follow: slots are its doing.
func (h *history) first(run *flow.Run) bool { return run.ID == h.order[0] }

func (h *history) judgeSuccess(run *flow.Run, now *state) {
	for _, st := range h.shape.steps {
		if temporary := now.of(tagsOf(run.ID, st.name, true)); len(temporary) > 0 {
			h.wrong("run %s succeeded and left %v", run.ID, temporary)
		}
		made := now.of(tagsOf(run.ID, st.name, false))
		if m := markOf(run, st.name); st.makes && h.shape.fails[st.name+" do"] == nil && len(made) != 1 && !m.Done.IsZero() {
			h.wrong("run %s succeeded, and step %s has made %v", run.ID, st.name, made)
		}
		if st.sets == "" {
			continue
		}
		want := []string{st.value()}
		if st.to == "${a.id}" { // of this run, or of one after it
			want = now.of(map[string]string{tagStep: "a", tagTemporary: "false"})
		}
		if got := now.slots[st.sets]; !slices.Contains(want, got) && h.overruled != st.sets {
			h.wrong("run %s succeeded, and slot %s is %s, not %s", run.ID, st.sets, got, want)
		}
	}
	if len(run.Left) > 0 {
		h.wrong("run %s succeeded and names %v", run.ID, run.Left)
	}
}

// judgeNothing wants the world as it was.
func (h *history) judgeNothing(run *flow.Run, now *state) {
	for _, st := range h.shape.steps {
		for _, temporary := range []bool{false, true} {
			if made := now.of(tagsOf(run.ID, st.name, temporary)); len(made) > 0 {
				h.wrong("run %s ended %s and left %v of step %s", run.ID, run.Outcome, made, st.name)
			}
		}
		if h.overruled == st.sets && h.seen.slots[st.sets] != now.slots[st.sets] {
			h.overruled = ""
		}
		if st.sets == "" || !h.first(run) || len(h.order) > 1 {
			continue
		}
		was := h.before.slots[st.sets]
		if h.script.has(stale) && slices.Contains(h.former, now.slots[st.sets]) {
			was = now.slots[st.sets] // all that the run has seen
		}
		if now.slots[st.sets] != was {
			h.wrong("run %s ended %s, and slot %s is %s, not %s", run.ID, run.Outcome, st.sets, now.slots[st.sets], was)
		}
	}
}

// judgeStuck wants everything to be named that is neither as it was nor as it
// should be, and nothing to be named that is otherwise.
func (h *history) judgeStuck(run *flow.Run, now *state) {
	for _, st := range h.shape.steps {
		m := markOf(run, st.name)
		stands := !m.Done.IsZero() && m.Undone.IsZero() && m.UndoError == ""
		for _, id := range now.of(tagsOf(run.ID, st.name, true)) {
			if !named(run, id, st.name) {
				h.wrong("run %s is stuck and does not name %s, which step %s held: %v", run.ID, id, st.name, run.Left)
			}
		}
		made := now.of(tagsOf(run.ID, st.name, false))
		for _, id := range made {
			if !stands && !named(run, id, st.name) {
				h.wrong("run %s is stuck and does not name %s, which step %s made: %v", run.ID, id, st.name, run.Left)
			}
		}
		if st.makes && stands && h.shape.fails[st.name+" do"] == nil && len(made) != 1 {
			h.wrong("run %s: step %s is done and not undone, and of what it made there is %v", run.ID, st.name, made)
		}
	}
	if !h.first(run) || len(h.order) > 1 {
		return
	}
	for _, c := range run.Plan.Changes {
		slot := strings.TrimPrefix(c.Resource, "slots ")
		to := strings.NewReplacer("${a.id}", run.Values["a.id"]).Replace(c.To)
		is := now.slots[slot]
		listed := slices.ContainsFunc(run.Left, func(r automation.Remark) bool { return r.Resource == c.Resource || r.Resource == "step "+c.Step })
		made := slices.ContainsFunc(run.Made, func(d automation.Change) bool { return d.Resource == c.Resource })
		switch {
		case is == to && !made && !listed, is != to && !listed:
			h.wrong("run %s is stuck and does not name slot %s, which is %s: %v", run.ID, slot, is, run.Left)
		}
		for _, r := range run.Left {
			if h.overruled != slot && strings.HasPrefix(r.Why, "is still ") && r.Resource == c.Resource && !strings.HasPrefix(r.Why, "is still "+is+",") {
				h.wrong("run %s says that slot %s %s, and it is %s", run.ID, slot, r.Why, is)
			}
		}
	}
}

func named(run *flow.Run, id, step string) bool {
	return slices.ContainsFunc(run.Left, func(r automation.Remark) bool {
		return r.Resource == "step "+step || strings.Contains(r.Resource, id)
	})
}

func markOf(run *flow.Run, step string) flow.Mark {
	for _, m := range run.Marks {
		if m.Step == step {
			return m
		}
	}
	return flow.Mark{}
}

// judgeCommit wants nothing to be undone once a step is done that commits.
func (h *history) judgeCommit(run *flow.Run) {
	for _, st := range h.shape.steps {
		if !st.commit || markOf(run, st.name).Done.IsZero() {
			continue
		}
		for _, m := range run.Marks {
			if !m.Undone.IsZero() || m.UndoError != "" {
				h.wrong("run %s: step %s is done, which commits, and step %s was undone", run.ID, st.name, m.Step)
			}
		}
	}
}

// judgeAudit wants every change that AWS has made for a process that told what
// it did to be in the run.
func (h *history) judgeAudit(runs map[string]*flow.Run) {
	for _, c := range h.world.Calls() {
		if !c.Mutating || !c.Applied || h.process(c.Actor).doubtful || h.process(c.Actor).name == "" || c.Err != nil {
			continue
		}
		// An effect that came late is told of as the call that was not answered.
		found := h.script.has(failLate)
		for _, r := range runs {
			found = found || slices.ContainsFunc(r.Audit, func(e flow.Entry) bool {
				return e.RequestID == c.RequestID && e.Operation == c.Operation && e.Outcome == call.Done
			})
		}
		if !found {
			h.wrong("no run tells of %s by %s at %s", c.Operation, c.Actor, c.At.UTC().Format("15:04:05.000"))
		}
	}
}

// judgeCancel wants a run that was cancelled to begin nothing any more. One
// attempt may have been about to begin.
func (h *history) judgeCancel(run *flow.Run) {
	asked, ok := h.asked[run.ID]
	if !ok || run.Retries > 0 {
		return
	}
	n := 0
	for _, i := range h.intents[run.ID] {
		if i.act == automation.Do && i.at.After(asked) {
			n++
		}
	}
	if n > 1 {
		h.wrong("run %s was cancelled and began %d attempts after that", run.ID, n)
	}
}

// judgeLimits wants nobody to try for longer than the limit: the last attempt
// begins at the limit, or finds it over after a pause.
func (h *history) judgeLimits(run *flow.Run) {
	if run.Retries > 0 || h.script.has(freeze, overtake, handle, outage) || h.shape.interferes != nil {
		return
	}
	first, late := map[string]time.Time{}, map[string]int{}
	for _, i := range h.intents[run.ID] {
		key := fmt.Sprintf("%s %s", i.act, i.step)
		if _, ok := first[key]; !ok || i.step == automation.StepPlan {
			first[key] = i.at
		}
		most := h.limit(i.step)
		if i.act != automation.Do {
			most += attempt + flow.Slack + time.Minute // until AWS shows what was done
		}
		if i.at.Sub(first[key]) > most {
			late[key]++
		}
	}
	for key, n := range late {
		if n > 2 {
			h.wrong("run %s: %d attempts to %s after its limit", run.ID, n, key)
		}
	}
}

// limit is that of a step, or of planning.
func (h *history) limit(name string) time.Duration {
	for _, st := range h.shape.steps {
		if st.name == name {
			return st.limit()
		}
	}
	return limit
}

// judgeNotices wants one notice for each ending that is told, and for each time that
// a run began to wait for a person, unless that was over before it could be sent.
func (h *history) judgeNotices() {
	want, over := h.requests, 0
	for _, n := range h.told {
		want += n
	}
	for _, id := range h.order {
		for _, n := range h.read(id).Outbox {
			if n.Asks && n.GaveUp {
				over++
			}
		}
	}
	if n := len(h.sent); n < want-over || n > want+h.excused {
		h.wrong("%d notices for %d endings and requests, %d over, %d excused: %q", n, want, over, h.excused, h.sent)
	}
}
