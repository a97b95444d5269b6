package flowtest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/droverhq/drover/internal/awssim/gate"
)

// checkInterleaved plays seeded interleavings: two processes get the same event
// at the same time, every call of theirs waits at a gate that decides who is
// next, or that time passes, and now and then one dies and another takes its
// place.
func checkInterleaved(t *testing.T, process Process, s shape) *history {
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		h := interleave(t, process, s, seed)
		h.seed = seed
		if h.verdict() != nil {
			return h
		}
	}
	return nil
}

func interleave(t *testing.T, process Process, s shape, seed uint64) *history {
	var h *history
	synctest.Test(t, func(t *testing.T) {
		h = begin(t, process, s, nil)
		h.gate = gate.New()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var work sync.WaitGroup
		for range 2 {
			p := h.spawn()
			work.Go(func() { h.handle(p) })
		}
		go func() {
			work.Wait()
			stop()
		}()
		random, crashes := rand.New(rand.NewPCG(seed, 3)), 0
		h.gate.Run(ctx, func(n int) int {
			switch random.IntN(80) {
			case 0:
				if alive := h.alive(); len(alive) > 0 && crashes < 4 {
					crashes++
					alive[0].kill()
					p := h.spawn()
					work.Go(func() { h.resume(p) })
				}
			case 1:
				if random.IntN(8) == 0 {
					h.cancel()
				}
			}
			k := random.IntN(n)
			if k == n-1 && random.IntN(3) > 0 { // time passes less often than calls do
				k = random.IntN(n)
			}
			return k
		})
		h.gate = nil
		h.settle()
		h.judge()
		h.retry()
		h.judge()
	})
	return h
}

// alive are the processes that live, the oldest first.
func (h *history) alive() []*process {
	return slices.DeleteFunc(slices.Clone(h.processes), func(p *process) bool { return p.dead })
}
