//go:build conformance

package conformance

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// holds is what must be true once workers are done.
func (f *floor) holds() {
	f.Helper()
	kept, err := f.ledger.open(f.Context(), f.dir)
	if err != nil {
		f.Fatal(err)
	}
	defer kept.Close() //nolint:errcheck // only read from
	runs, err := app.New(app.Deps{Ledger: kept, Clock: clock.Real{}, Version: "conformance"}).History(f.Context(), time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	of := map[string][]*flow.Run{}
	for _, r := range runs {
		of[r.Automation] = append(of[r.Automation], r)
	}
	f.everyEventHandled(of)
	f.nobodyTwiceAtOnce(of)
	f.noScheduleTwice(of)
	f.nothingLeft()
	f.worldIsRight()
	f.deadLettersTell()
	f.figures(runs)
}

// everyEventHandled: each event that somebody wanted caused a run, which has ended
// well; and since the last message about an estate was sent, AWS was asked about it.
func (f *floor) everyEventHandled(of map[string][]*flow.Run) {
	f.Helper()
	handled := map[string]time.Time{} // by event
	for _, runs := range of {
		for _, r := range runs {
			if r.Live() || r.Outcome.Failed() {
				f.Errorf("run %s of %s: %q, %s", r.ID, r.Automation, r.Outcome, r.Reason)
			}
			for _, e := range r.Events {
				if at, ok := handled[e.ID]; !ok || r.Ended.Before(at) {
					handled[e.ID] = r.Ended
				}
			}
		}
	}
	lost := 0
	var took []time.Duration
	for _, l := range f.letters {
		if l.estate == nil {
			continue
		}
		at, ok := handled[l.id]
		if !ok {
			if lost++; lost < 10 {
				f.Errorf("event %s of %s, sent %v after the beginning, is in no run", l.id, l.estate.name, l.sent.Sub(f.began))
			}
			continue
		}
		took = append(took, at.Sub(l.sent))
	}
	slices.Sort(took)
	f.Logf("%d different events wanted, %d lost; from first sent to the end of a run: half within %v, 99 of 100 within %v, all within %v",
		len(took)+lost, lost, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	for _, e := range f.estates {
		reads := f.reads["ec2:DescribeInstances "+e.table]
		if !slices.ContainsFunc(reads, func(s span) bool { return s.begun.After(e.last) }) {
			f.Errorf("%s was not looked at after the last event about it", e.name)
		}
	}
}

// nobodyTwiceAtOnce: runs about one subject follow one another, by the ledger, and no
// two workers ask about it at once, or one twice, by the wire.
func (f *floor) nobodyTwiceAtOnce(of map[string][]*flow.Run) {
	f.Helper()
	for name, runs := range of {
		slices.SortFunc(runs, func(a, b *flow.Run) int { return a.Created.Compare(b.Created) })
		for i, r := range runs[1:] {
			if before := runs[i]; r.Created.Before(before.Ended) {
				f.Errorf("%s: run %s begins at %v, before run %s ends at %v", name, r.ID, r.Created, before.ID, before.Ended)
			}
		}
	}
	for what, spans := range f.reads {
		slices.SortFunc(spans, func(a, b span) int { return a.begun.Compare(b.begun) })
		for i, s := range spans[1:] {
			if before := spans[i]; s.begun.Before(before.over) {
				f.Errorf("%s is asked at %v, while the same is under way since %v", what, s.begun.Sub(f.began), before.begun.Sub(f.began))
			}
		}
	}
}

// noScheduleTwice: no two workers say that they fired the same time of a schedule,
// and no automation has been swept more often than it has times.
func (f *floor) noScheduleTwice(of map[string][]*flow.Run) {
	f.Helper()
	type firing struct {
		automation string
		due        time.Time
	}
	fired := map[firing]string{}
	for _, p := range f.workers {
		all, err := p.lines()
		if err != nil {
			f.Fatal(err)
		}
		for _, l := range all {
			if l.Msg != "schedule fired" {
				continue
			}
			this := firing{l.Automation, l.Due}
			if by := fired[this]; by != "" {
				f.Errorf("%s of %v is fired by %s and by %s", l.Automation, l.Due, by, p.name)
			}
			fired[this] = p.name
		}
	}
	by := map[string]int{}
	for _, name := range fired {
		by[name]++
	}
	times := 0
	for name, runs := range of {
		sweeps := map[string]time.Time{}
		for _, r := range runs {
			for _, e := range r.Events {
				if e.Source == event.SourceDrover {
					sweeps[e.ID] = e.Time
				}
			}
		}
		if most := 1 + int(f.over.Sub(f.began)/time.Minute); len(sweeps) > most || len(sweeps) == 0 {
			f.Errorf("%s was swept %d times, at %v; want 1 to %d", name, len(sweeps), sweeps, most)
		}
		times += len(sweeps)
	}
	f.Logf("%d times of schedules have fired, by %v; the ledger has runs for %d", len(fired), by, times)
}

// nothingLeft: the queue is empty, no run is live, and who was stopped gave nothing
// back.
func (f *floor) nothingLeft() {
	f.Helper()
	if n, err := f.left(f.Context()); err != nil || n != 0 {
		f.Errorf("%d messages are left, %v", n, err)
	}
	var status struct{ Runs []json.RawMessage }
	if err := json.Unmarshal(f.drover("status", "--json", "--ledger", f.site.ledger), &status); err != nil || len(status.Runs) > 0 {
		f.Errorf("live runs: %s, %v", status.Runs, err)
	}
	for _, p := range f.workers {
		all, err := p.lines()
		if err != nil {
			f.Fatal(err)
		}
		for _, l := range all {
			if l.Msg == "messages given back" {
				f.Errorf("worker %s gave back %d messages", p.name, l.Messages)
			}
			switch {
			case l.Level == "INFO" || l.Msg == "message sent to the dead-letter queue":
			case f.ledger.slow:
				f.Logf("worker %s: %s %s %s", p.name, l.Msg, l.Part, l.Error)
			default:
				f.Errorf("worker %s: %s %s %s", p.name, l.Msg, l.Part, l.Error)
			}
		}
	}
}

// worldIsRight: the routes of dead gateways have moved, by one call each, and no
// others have.
func (f *floor) worldIsRight() {
	f.Helper()
	out, err := f.world.ec2.DescribeRouteTables(f.Context(), &ec2.DescribeRouteTablesInput{})
	if err != nil {
		f.Fatal(err)
	}
	targets, moved := map[string]string{}, 0
	for _, t := range out.RouteTables {
		for _, r := range t.Routes {
			if aws.ToString(r.DestinationCidrBlock) == estateRoute {
				targets[*t.RouteTableId] = aws.ToString(r.NetworkInterfaceId)
			}
		}
	}
	for _, e := range f.estates {
		want, calls := e.targets[0], 0
		if e.moved {
			want, calls = e.targets[1], 1
			moved++
		}
		if targets[e.table] != want || f.moves[e.table] != calls {
			f.Errorf("%s: the route goes to %s after %d calls, want %s after %d", e.name, targets[e.table], f.moves[e.table], want, calls)
		}
	}
	f.Logf("%d of %d gateways were stopped", moved, len(f.estates))
}

// deadLettersTell: what nobody can read, and nothing else, is in the dead-letter
// queue, with the reason.
func (f *floor) deadLettersTell() {
	f.Helper()
	why := f.deadLetters()
	for _, words := range unreadable {
		if why[words] == "" {
			f.Errorf("the dead-letter queue has no %q with a reason", words)
		}
		delete(why, words)
	}
	if len(why) > 0 {
		f.Errorf("the dead-letter queue has %v too", why)
	}
}

// figures tells how much work it was.
func (f *floor) figures(runs []*flow.Run) {
	f.Helper()
	outcomes := map[flow.Outcome]int{}
	for _, r := range runs {
		outcomes[r.Outcome]++
	}
	f.Logf("%d messages, %d runs: %v", len(f.mail), len(runs), outcomes)
	for _, o := range slices.Sorted(maps.Keys(f.asked)) {
		f.Logf("%6d %-28s took %4v, %d refused", f.asked[o], o, (f.took[o] / time.Duration(f.asked[o])).Round(time.Millisecond), f.refused[o])
	}
}
