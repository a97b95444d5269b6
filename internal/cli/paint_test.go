package cli

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow"
)

// screen is what a terminal shows of what is written to it: as much as progress
// makes use of.
type screen struct {
	t *testing.T

	mu   sync.Mutex
	text string
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(p)
	return len(p), nil
}

func (s *screen) rows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []string{""}
	at := 0
	for rest := s.text; rest != ""; {
		command := ""
		for _, c := range []string{eraseLine, lineUp, wrapOff, wrapOn, "\n"} {
			if strings.HasPrefix(rest, c) {
				command = c
			}
		}
		switch command {
		case "":
			rows[at] += rest[:1]
			rest = rest[1:]
			continue
		case eraseLine:
			rows[at] = ""
		case lineUp:
			at--
		case "\n":
			if at++; at == len(rows) {
				rows = append(rows, "")
			}
		}
		if at < 0 {
			s.t.Fatalf("the cursor leaves the screen: %q", s.text)
		}
		rest = rest[len(command):]
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// live is a run of an automation that waits.
func live(automationName, what string) *flow.Run {
	return &flow.Run{
		Identity: automation.Identity{ID: automationName, Fleet: "edge", Automation: automationName}, Kind: "route-failover", Revision: 1,
		Step: "move", Act: automation.Do, Since: time.Now(), Waiting: what,
	}
}

const moving = "move the routes and verify that they have moved: waiting for "

// On a terminal each live run has a line, which is kept up to date and goes
// when there is something else to write.
func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{t: t}
		p := newProgress(&Env{Stderr: w, Clock: clock.Real{}, Terminal: true}, "reading", false)
		show := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(strings.Join(want, "\n"), w.rows()); diff != "" {
				t.Error(diff)
			}
		}
		// Ticks come first; what is looked at is in between.
		time.Sleep(1500 * time.Millisecond)
		show()
		time.Sleep(time.Second)
		show("drover: reading (2s)")
		time.Sleep(time.Second)
		show("drover: reading (3s)")

		p.watch(live("a", "AWS"))
		time.Sleep(time.Second)
		show("drover: a: " + moving + "AWS, for 0s, until 00:02:03Z at the latest")
		p.watch(live("b", "time"))
		time.Sleep(time.Second)
		show("drover: a: "+moving+"AWS, for 1s, until 00:02:03Z at the latest", "drover: b: "+moving+"time, for 0s, until 00:02:04Z at the latest")
		p.aside(func() { fmt.Fprintln(w, "result") })
		show("result")
		ended := live("a", "")
		ended.Outcome = flow.Succeeded
		p.watch(ended)
		time.Sleep(time.Second)
		show("result", "drover: b: "+moving+"time, for 1s, until 00:02:04Z at the latest")

		for i := range maxPainted {
			p.watch(live(fmt.Sprint(i), "AWS"))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if rows := strings.Split(w.rows(), "\n"); len(rows) != 1+maxPainted || rows[maxPainted] != "drover: and 2 more" {
			t.Errorf("got %q", rows)
		}
		p.say("ending")
		time.Sleep(time.Second)
		show("result", "drover: ending (8s)")
		p.stop()
		show("result")
	})
}

// Elsewhere there are plain lines: soon when something is new, ever more seldom
// as long as nothing is.
func TestProgressInALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w bytes.Buffer
		p := newProgress(&Env{Stderr: &w, Clock: clock.Real{}}, "reading", false)
		time.Sleep(5 * time.Second)
		p.watch(live("a", "AWS"))
		time.Sleep(4 * time.Minute)
		p.stop()
		want := "drover: reading (2s)\ndrover: reading (4s)\n"
		for _, waited := range []string{"1s", "3s", "7s", "15s", "31s", "1m3s", "2m3s", "3m3s"} {
			want += "drover: a: " + moving + "AWS, for " + waited + ", until 00:02:05Z at the latest\n"
		}
		if diff := cmp.Diff(want, w.String()); diff != "" {
			t.Error(diff)
		}
	})
}
