package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow"
)

const (
	// quiet is for how long nothing need be said.
	quiet = 2 * time.Second
	// steady is how often the same is said again in the end: a log that is read
	// afterwards is not to be filled by an hour of waiting.
	steady = time.Minute
	// maxPainted bounds the lines on a terminal.
	maxPainted = 8
)

// progress tells on standard error what each live run does and waits for, and
// that the program is alive, whenever that takes more than two seconds: on a
// terminal in lines that are kept up to date, elsewhere in plain ones. It goes
// by the clock on the wall, whatever the program's clock: it is people who
// wait. How long a run has waited is the program's time.
type progress struct {
	w        io.Writer
	clock    clock.Clock
	kinds    []automation.Definition
	terminal bool
	start    time.Time
	done     chan struct{}
	over     sync.WaitGroup

	mu      sync.Mutex
	what    string
	runs    []*flow.Run // live ones, in the order in which they were first seen
	painted int         // lines that are on the terminal now
	said    string      // last, without times
	again   time.Time   // when that is said again
	gap     time.Duration
}

func newProgress(e *Env, what string, verbose bool) *progress {
	p := &progress{
		w: e.Stderr, clock: e.Clock, kinds: app.Kinds(), what: what,
		terminal: e.Terminal && !verbose, // logs would be painted over
		start:    time.Now(), done: make(chan struct{}),
	}
	p.over.Go(func() {
		pace := quiet
		if p.terminal {
			pace = time.Second
		}
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case now := <-tick.C:
				if now.Sub(p.start) >= quiet {
					p.tell(now)
				}
			}
		}
	})
	return p
}

// say sets what is being done now, and forgets the runs of before.
func (p *progress) say(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.runs = what, nil
}

// watch is told of live runs.
func (p *progress) watch(r *flow.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.runs, func(o *flow.Run) bool { return o.Automation == r.Automation && o.Fleet == r.Fleet })
	switch {
	case i >= 0 && r.Live():
		p.runs[i] = r
	case i >= 0:
		p.runs = slices.Delete(p.runs, i, i+1)
	case r.Live():
		p.runs = append(p.runs, r)
	}
}

// aside lets something else be written.
func (p *progress) aside(write func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paint(nil)
	write()
}

// stop returns when nothing more will be said.
func (p *progress) stop() {
	close(p.done)
	p.over.Wait()
	p.aside(func() {})
}

// tell says how things are, at a moment on the wall.
func (p *progress) tell(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, gist := p.lines(now)
	if p.terminal {
		p.paint(lines)
		return
	}
	if gist != p.said {
		p.said, p.gap = gist, quiet
	} else if now.Before(p.again) {
		return
	}
	for _, line := range lines {
		fmt.Fprintln(p.w, line)
	}
	p.again = now.Add(p.gap)
	p.gap = min(2*p.gap, steady)
}

// lines is what there is to say, and the gist of it: the same as long as only
// time passes.
func (p *progress) lines(now time.Time) (lines []string, gist string) {
	if len(p.runs) == 0 {
		return []string{fmt.Sprintf("drover: %s (%s)", p.what, now.Sub(p.start).Round(time.Second))}, p.what
	}
	for _, r := range p.runs {
		at := p.clock.Now()
		position := view.OfPosition(r, p.kinds, at)
		lines = append(lines, fmt.Sprintf("drover: %s: %s", r.Automation, position.Line(at)))
		gist += r.Automation + position.Line(position.Since)
	}
	return lines, gist
}

// What terminals understand (ECMA-48, and DEC's private mode 7).
const (
	eraseLine = "\r\x1b[K"
	lineUp    = "\x1b[A"
	wrapOff   = "\x1b[?7l" // so that each line takes one row, however wide it is
	wrapOn    = "\x1b[?7h"
)

// paint puts lines in the place of those painted before.
func (p *progress) paint(lines []string) {
	if p.painted == 0 && len(lines) == 0 {
		return
	}
	if more := len(lines) - maxPainted; more > 0 {
		lines = append(slices.Clone(lines[:maxPainted-1]), fmt.Sprintf("drover: and %d more", more+1))
	}
	text := eraseLine + strings.Repeat(lineUp+eraseLine, max(0, p.painted-1))
	if len(lines) > 0 {
		text += wrapOff + strings.Join(lines, "\n") + wrapOn
	}
	p.painted = len(lines)
	fmt.Fprint(p.w, text)
}
