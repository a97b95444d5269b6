package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/flow"
)

// quiet is for how long nothing need be said.
const quiet = 2 * time.Second

// progress tells on standard error what is waited for, and that the program
// is alive, whenever that takes more than two seconds. It goes by the clock on
// the wall, whatever the program's clock: it is people who wait.
type progress struct {
	w    io.Writer
	done chan struct{}
	over sync.WaitGroup

	mu   sync.Mutex
	what string
}

func newProgress(w io.Writer, what string) *progress {
	p := &progress{w: w, done: make(chan struct{}), what: what}
	start := time.Now()
	p.over.Go(func() {
		tick := time.NewTicker(quiet)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				fmt.Fprintf(p.w, "drover: %s (%s)\n", p.now(), time.Since(start).Round(time.Second))
			}
		}
	})
	return p
}

func (p *progress) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.what
}

// say sets what is being done now.
func (p *progress) say(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
}

// watch is told of runs that wait.
func (p *progress) watch(r *flow.Run) {
	if r.Waiting != "" {
		p.say(r.Automation + ": waiting for " + r.Waiting)
	}
}

// stop returns when nothing more will be said.
func (p *progress) stop() {
	close(p.done)
	p.over.Wait()
}
