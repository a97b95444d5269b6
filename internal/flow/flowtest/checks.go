package flowtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

var (
	firstSeed = flag.Uint64("flowtest.seed", 1, "the first seed of flowtest's histories")
	seeds     = flag.Int("flowtest.seeds", defaultSeeds, "how many histories of each seeded kind flowtest plays")
	one       = flag.Int("flowtest.stride", defaultStride, "of how many single faults flowtest plays one")
)

// check is one part of the suite. It plays histories and says what was wrong
// with one of them; nil: nothing with any.
type check struct {
	name string
	run  func(t *testing.T, process Process, s shape) *history
	only func(s shape) bool // nil: every flow
}

var checks = []check{
	{name: "nothing goes wrong", run: checkEnd},
	{name: "any single fault", run: checkSingles},
	{name: "pairs of faults", run: checkPairs},
	{name: "two processes interleaved", run: checkInterleaved},
	{name: "an outage", run: checkOutage, only: func(s shape) bool { return s.mayRecover() }},
	{name: "a program that lacks the kind", run: checkOutdated},
	{name: "a key is handled once", run: checkOnce},
}

// checkEnd plays a flow with nothing going wrong.
func checkEnd(t *testing.T, process Process, s shape) *history {
	return play(t, process, s, nil, (*history).judge, func(h *history) {
		if len(h.order) != 1 {
			h.wrong("%d runs for one event", len(h.order))
			return
		}
		run := h.read(h.order[0])
		if run.Outcome != s.want {
			h.wrong("the run ended %s (%s), want %s", run.Outcome, run.Reason, s.want)
		}
		var left []string
		for _, r := range run.Left {
			left = append(left, r.Resource)
		}
		slices.Sort(left)
		if want := slices.Sorted(slices.Values(s.left)); !slices.Equal(left, want) {
			h.wrong("the run names %q as left over, want %q: %v", left, want, run.Left)
		}
	}).verdict()
}

// checkSingles plays a flow with every fault at every point. A flow that has
// failed is tried again, with what was wrong mended.
func checkSingles(t *testing.T, process Process, s shape) *history {
	undisturbed := play(t, process, s, nil, func(h *history) { h.ended = len(h.points) }, (*history).retry)
	points, first := undisturbed.points, undisturbed.ended
	n, known := 0, map[string]bool{}
	for _, i := range distinct(points) {
		p := points[i-1]
		if s.differs != nil && !slices.Contains(s.differs, p.step) {
			continue
		}
		for _, f := range s.faults(faults) {
			if !f.can(p) || i > first && !f.lasts() {
				continue
			}
			if n++; n%stride() != 0 {
				continue
			}
			h := play(t, process, s, script{{i, f}}, (*history).judge, func(h *history) {
				// From the same end it goes on in the same way.
				if end := h.end(); i > first || !known[end] {
					known[end] = true
					h.retry()
					h.judge()
				}
			})
			if h.verdict() != nil {
				return h
			}
		}
	}
	return nil
}

// end says how the runs ended, as far as it matters to one that is tried again.
func (h *history) end() string {
	var b strings.Builder
	for _, id := range h.order {
		run := h.read(id)
		fmt.Fprintf(&b, "%s %v %v;", run.Outcome, run.Left, run.Made)
		for _, m := range run.Marks {
			fmt.Fprintf(&b, "%s %t %t %t %t %q %q;", m.Step, m.Lost, m.Done.IsZero(), m.Undone.IsZero(), m.Released.IsZero(), m.UndoError, m.ReleaseError)
		}
	}
	return b.String()
}

// stride is of how many single faults one is played.
func stride() int {
	if testing.Short() {
		return 7 * *one
	}
	return *one
}

// checkPairs plays seeded pairs of faults: the second befalls what the first
// has made of the flow.
func checkPairs(t *testing.T, process Process, s shape) *history {
	points := play(t, process, s, nil, (*history).retry).points
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		random := rand.New(rand.NewPCG(seed, 2))
		first := 1 + random.IntN(len(points))
		all := s.faults(all)
		pair := script{{first, pick(random, all, points[first-1])}, {first + 1 + random.IntN(20), all[random.IntN(len(all))]}}
		h := play(t, process, s, pair, (*history).judge, (*history).retry, (*history).judge)
		h.seed = seed
		if h.verdict() != nil {
			return h
		}
	}
	return nil
}

// pick chooses a fault that makes a difference at a point.
func pick(random *rand.Rand, all []fault, p point) fault {
	for {
		if f := all[random.IntN(len(all))]; f.can(p) {
			return f
		}
	}
}

// checkOutage has the process die at every write to the ledger, and then
// nobody there for an hour; and then the first call to AWS fails once. That is
// no reason to give up: nobody has tried for long.
func checkOutage(t *testing.T, process Process, s shape) *history {
	for i, p := range play(t, process, s, nil).points {
		if !p.ledger() || !p.writes {
			continue
		}
		h := play(t, process, s, script{{i + 1, crashAfter}, {i + 2, outage}}, (*history).judge, func(h *history) {
			if run := h.read(h.order[0]); run.Outcome != s.want {
				h.wrong("after an outage the run ended %s (%s), want %s", run.Outcome, run.Reason, s.want)
			}
		}).verdict()
		if h != nil {
			return h
		}
	}
	return nil
}

// checkOutdated has the process die at every write to the ledger, and then only
// processes of another program, which can end the run and no more; and then the
// right one tries again.
func checkOutdated(t *testing.T, process Process, s shape) *history {
	for i, p := range play(t, process, s, nil).points {
		if !p.ledger() || !p.writes {
			continue
		}
		h := play(t, process, s, script{{i + 1, crashAfter}, {i + 2, outdated}}, (*history).judge, (*history).retry, (*history).judge).verdict()
		if h != nil {
			return h
		}
	}
	return nil
}

// checkOnce has an event about a key that is handled once delivered again and
// again: while it is handled, by others, and afterwards.
func checkOnce(t *testing.T, process Process, s shape) *history {
	s.mode = automation.Once
	for i, p := range play(t, process, s, nil).points {
		if !p.writes || s.differs != nil {
			continue
		}
		h := play(t, process, s, script{{i + 1, handle}}, func(h *history) { h.handle(h.spawn()) }, (*history).settle, (*history).judge, func(h *history) {
			if len(h.order) != 1 {
				h.wrong("%d runs about a key that is handled once", len(h.order))
			}
		}).verdict()
		if h != nil {
			return h
		}
	}
	return nil
}

// verdict is the history if anything was wrong with it.
func (h *history) verdict() *history {
	if len(h.problems) == 0 {
		return nil
	}
	return h
}

// report says what was wrong, how to play it again, and how it came about.
func (h *history) report(t testing.TB) {
	t.Helper()
	if h == nil {
		return
	}
	again := h.script.String()
	if h.seed > 0 {
		again += " (-flowtest.seeds 1 -flowtest.seed " + uitoa(h.seed) + ")"
	}
	t.Errorf("%s: %s:\n%s\n%s", h.shape.name, again, strings.Join(h.problems, "\n"), strings.Join(h.log[max(0, len(h.log)-80):], "\n"))
}

// again has a failed run tried again, by somebody who is not disturbed.
func (h *history) again() {
	if id, ok := h.failed(); ok {
		time.Sleep(time.Second)
		h.mended = true
		if _, err := h.executor.Retry(h.Context(), id); err != nil {
			h.wrong("retry: %v", err)
		}
	}
}

// failed is the run that ended last, if it has failed and can be tried again.
func (h *history) failed() (id string, ok bool) {
	if len(h.order) == 0 {
		return "", false
	}
	id = h.order[len(h.order)-1]
	return id, h.runs[id].Outcome.Failed()
}

// retry has a process try a failed run again, with what was wrong mended, and
// sees it to its end.
func (h *history) retry() {
	id, ok := h.failed()
	if !ok {
		return
	}
	h.mended, h.outdated = true, false
	p, retries := h.spawn(), h.runs[id].Retries
	h.note("%s is tried again", id)
	if _, err := p.executor.Retry(p.ctx, id); err != nil {
		h.note("%s: retry: %v", p.name, err)
		if h.runs[id].Retries == retries {
			h.again()
		}
	}
	h.settle()
	run := h.runs[id]
	if run.Retries > retries && !h.outdated && len(h.asked) == 0 && !h.script.has(deny) && run.Outcome.Failed() && len(h.shape.stuck) == 0 {
		h.wrong("tried again, run %s ended %s: %s", id, run.Outcome, run.Reason)
	}
}
