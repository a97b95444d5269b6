package script

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/schedule"
)

// Options of a play.
type Options struct {
	// Tell is told each moment as it happens; nil tells nobody.
	Tell func(Moment)
	// Summary says in a few words what an event says.
	Summary func(event.Event) string
	// Verbose tells of what led to nothing, too: events that nobody wants, sweeps
	// that find nothing to do.
	Verbose bool
}

// Report is how a play went.
type Report struct {
	// Met and Expected count what the file expects.
	Met, Expected int
	Differences   []Difference
	// Events counts the events that came, and Unwanted those that no automation wanted.
	Events, Unwanted int
	Runs             int
}

// Difference is something that is not as expected.
type Difference struct {
	At     time.Time `json:"at"`    // virtual
	Path   string    `json:"path"`  // in the file, such as "expect.notices"
	Place  string    `json:"place"` // file:line:column
	Got    string    `json:"got"`
	Wanted string    `json:"wanted"`
}

// String is the difference in one line, as problems of files are written.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s: got %s, wanted %s", d.Place, d.Path, d.Got, d.Wanted)
}

// Play plays the scenario in a world of its own. The error is that the scenario
// cannot be played: somebody stops what is not there, or Drover fails by itself.
func (s *Script) Play(ctx context.Context, o Options) (Report, error) {
	st, err := newStage(ctx, s.file, s.start, s.fleet, s.names.clone())
	if err != nil {
		return Report{}, err
	}
	p := &player{
		Script: s, stage: st, options: o, open: map[string]time.Time{}, sweeping: map[string]time.Time{},
		schedules: map[string]schedule.Schedule{}, about: map[string]*telling{}, outcomes: map[string][]flow.Outcome{}, shownLast: map[string]map[string]string{}, seen: witness{},
	}
	if p.options.Tell == nil {
		p.options.Tell = func(Moment) {}
	}
	return p.play(ctx)
}

// player plays a scenario once.
type player struct {
	*Script
	stage   *stage
	app     *app.App
	options Options
	report  Report

	coming []arrival
	events Events // what becomes of them
	faults faults
	// open are the runs that have not ended, or have notices to send, by when their
	// next turn is due.
	open      map[string]time.Time
	schedules map[string]schedule.Schedule // of automations
	sweeping  map[string]time.Time         // when they fire next
	about     map[string]*telling          // by run
	outcomes  map[string][]flow.Outcome    // by automation, in the order of their ends
	last      map[string]flow.Outcome      // that tells something: no sweep that found nothing
	shownLast map[string]map[string]string
	seen      witness // what the timeline has told of the world
}

// arrival is an event on its way.
type arrival struct {
	at    time.Time
	event event.Event
	again bool
}

// telling is what the timeline has said of a run, or not yet.
type telling struct {
	automation string
	announced  string // a sweep that is only told of if it leads to something
	waiting    string
	asking     bool           // it waits for a person to approve it
	failed     map[string]int // calls that have failed since something was said of it
	ended      bool
}

func (p *player) play(ctx context.Context) (Report, error) {
	ctx = awssim.WithActor(ctx, drover)
	cfg := p.stage.AWS()
	cfg.Retryer = func() aws.Retryer { return cloud.Retryer(atOnce{}) }
	p.app = app.New(app.Deps{
		Fleet: p.fleet, Ledger: memory.NewNamed(p.stage.clock, "simulation"), AWS: cfg, Clock: p.stage.clock,
		Log: slog.New(slog.DiscardHandler), Version: "simulation", Seed: 1, Owner: "simulation",
	})
	p.last = map[string]flow.Outcome{}
	p.faults.failed = map[string]int{}
	p.stage.OnCall(p.faults.met)
	p.stage.Intercept(func(c awssim.Call) awssim.Fault { return p.faults.befall(c, p.stage.clock.Now()) })
	p.begin()
	for i := range p.file.Steps {
		if err := p.pass(ctx, p.start.Add(time.Duration(p.file.Steps[i].At))); err != nil {
			return p.report, err
		}
		if err := p.step(ctx, i); err != nil {
			return p.report, err
		}
	}
	if err := p.pass(ctx, p.start.Add(p.until)); err != nil {
		return p.report, err
	}
	p.expect(p.file.Expect, "expect")
	p.faults.set(0, nil, time.Time{})
	for _, f := range p.faults.spared {
		p.differ([]string{"steps", fmt.Sprint(f.step), "faults", fmt.Sprint(f.index)}, "no call that it befell", "a call of "+f.Call)
	}
	p.report.Runs = len(p.about)
	return p.report, nil
}

// atOnce is back-off that takes no virtual time, see the package's doc.
type atOnce struct{}

func (atOnce) BackoffDelay(int, error) (time.Duration, error) { return 0, nil }

// begin tells of the beginning, and sets the schedules.
func (p *player) begin() {
	var more []string
	for _, a := range p.fleet.Automations {
		if a.Region != p.fleet.Region {
			more = append(more, fmt.Sprintf("%s works in %s, of which nothing is simulated", a.Name, a.Region))
			continue
		}
		for _, t := range a.Triggers() {
			if !t.Schedule.IsZero() && p.file.Sweeps == OnSchedule {
				p.schedules[a.Name], p.sweeping[a.Name] = t.Schedule, t.Schedule.Next(p.start)
			}
		}
	}
	p.seen.news(p.stage) // what is there at the beginning is no news
	p.say("scenario", p.file.Scenario, more...)
}

// pass lets happen what is due until then, in order.
func (p *player) pass(ctx context.Context, end time.Time) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		busy, err := p.now(ctx)
		if err != nil {
			return err
		}
		if busy {
			continue
		}
		next, ok := p.next()
		if !ok || next.After(end) {
			p.stage.clock.Advance(end.Sub(p.stage.clock.Now()))
			return p.settle(ctx)
		}
		p.stage.clock.Advance(next.Sub(p.stage.clock.Now()))
	}
}

// settle lets happen what is due now and what that leads to at once.
func (p *player) settle(ctx context.Context) error {
	for {
		busy, err := p.now(ctx)
		if !busy || err != nil {
			return err
		}
	}
}

// now does what is due now, a round of it, and says whether there was anything.
func (p *player) now(ctx context.Context) (busy bool, err error) {
	p.stage.Settle()
	p.stage.settleBoots()
	p.witness(false)
	now := p.stage.clock.Now()
	for _, e := range p.inOrder(p.stage.Take()) {
		p.emitted(e, now)
		busy = true
	}
	for len(p.coming) > 0 && !p.coming[0].at.After(now) {
		a := p.coming[0]
		p.coming = p.coming[1:]
		if err := p.arrive(ctx, a); err != nil {
			return true, err
		}
		busy = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.sweeping)) {
		if at := p.sweeping[name]; !at.IsZero() && !at.After(now) {
			p.sweeping[name] = p.schedules[name].Next(at)
			if err := p.sweep(ctx, name, fmt.Sprintf("sweeps for %s, as scheduled, %s", name, p.schedules[name]), false); err != nil {
				return true, err
			}
			busy = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.open)) {
		if !p.open[id].After(now) {
			if err := p.turn(ctx, id); err != nil {
				return true, err
			}
			busy = true
		}
	}
	return busy, nil
}

// inOrder puts events about calls that follow one another in the order of what they
// say: calls that a turn makes in parallel are told of in any order.
func (p *player) inOrder(events []event.Event) []event.Event {
	for i := 0; i < len(events); {
		end := i + 1
		if events[i].DetailType == event.TypeAPICall {
			for end < len(events) && events[end].DetailType == event.TypeAPICall && events[end].Time.Equal(events[i].Time) {
				end++
			}
		}
		slices.SortStableFunc(events[i:end], func(a, b event.Event) int {
			return strings.Compare(p.options.Summary(a), p.options.Summary(b))
		})
		i = end
	}
	return events
}

// next is when something is due next.
func (p *player) next() (next time.Time, ok bool) {
	consider := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	if due, any := p.stage.NextDue(); any {
		consider(due)
	}
	if len(p.coming) > 0 {
		consider(p.coming[0].at)
	}
	for _, at := range p.sweeping {
		consider(at)
	}
	for _, at := range p.open {
		consider(at)
	}
	return next, ok
}

// emitted is what becomes of an event that AWS emits.
func (p *player) emitted(e event.Event, now time.Time) {
	if p.events.Lost {
		if _, err := p.app.Route(e); err == nil || p.options.Verbose {
			p.say("aws", "event, which is lost: "+p.stage.shown(p.options.Summary(e)))
		}
		return
	}
	at := now.Add(time.Duration(p.events.Late))
	p.await(arrival{at: at, event: e})
	if p.events.Twice != nil {
		p.await(arrival{at: at.Add(time.Duration(*p.events.Twice)), event: e, again: true})
	}
}

// await puts an event on its way, behind those that come at the same time.
func (p *player) await(a arrival) {
	at := len(p.coming)
	for at > 0 && p.coming[at-1].at.After(a.at) {
		at--
	}
	p.coming = slices.Insert(p.coming, at, a)
}

// arrive begins the runs that an event causes.
func (p *player) arrive(ctx context.Context, a arrival) error {
	p.report.Events++
	what := "event: "
	if a.again {
		what = "event, once more: "
	}
	what += p.stage.shown(p.options.Summary(a.event))
	if emitted := a.event.Time; a.at.Sub(emitted) > time.Minute && !a.again && !emitted.IsZero() && p.events.Late > 0 {
		what += fmt.Sprintf(", since %s", emitted.Format(time.TimeOnly))
	}
	matches, err := p.app.Route(a.event)
	var unwanted *app.Unwanted
	if errors.As(err, &unwanted) {
		p.report.Unwanted++
		if p.options.Verbose {
			p.say("aws", what+", which nobody wants")
		}
		return nil
	}
	if err != nil {
		return err
	}
	p.say("aws", what)
	for _, m := range matches {
		if _, err := p.begun(ctx, m, a.event); err != nil {
			return err
		}
	}
	return nil
}

// begun begins a run, or finds the one at work.
func (p *player) begun(ctx context.Context, m app.Match, e event.Event) (*telling, error) {
	id, err := p.app.Start(ctx, m, e)
	if err != nil {
		return nil, err
	}
	return p.opened(id, m.Automation.Name), nil
}

func (p *player) opened(id, automation string) *telling {
	t := p.about[id]
	if t == nil {
		t = &telling{automation: automation, failed: map[string]int{}}
		p.about[id] = t
	}
	if t.ended {
		p.say("drover", automation+": has done that before")
		return t
	}
	if _, live := p.open[id]; !live {
		p.open[id] = p.stage.clock.Now()
	}
	return t
}

// sweep has an automation look for itself.
func (p *player) sweep(ctx context.Context, name, what string, aloud bool) error {
	events, err := p.app.Sweeps(name)
	if err != nil {
		return err
	}
	matches, err := p.app.Route(events[0])
	if err != nil {
		return err
	}
	if aloud || p.options.Verbose {
		p.say("drover", what)
		what = ""
	}
	t, err := p.begun(ctx, matches[0], events[0])
	if err == nil && what != "" && t.announced == "" && t.waiting == "" {
		t.announced = what
	}
	return err
}

// turn takes a turn at a run and tells what has come of it.
func (p *player) turn(ctx context.Context, id string) error {
	run, err := p.app.Step(ctx, id)
	if err != nil {
		return err
	}
	t := p.about[id]
	p.faults.move(t.failed) // nobody else has made calls meanwhile
	p.witness(true)
	if run.Live() {
		p.open[id] = run.Due
		if run.Until.After(run.Due) {
			p.open[id] = run.Until
		}
		asked := t.asking
		t.asking = run.Asking != nil
		if waiting := p.stage.shown(run.Waiting); waiting != "" && run.Step != automation.StepPlan && waiting != t.waiting {
			p.announce(t)
			t.waiting = waiting
			all := strings.Split(waiting, "\n")
			more := all[1:]
			if t.asking && !asked {
				more = append(more, sent(run, true)...)
			}
			p.say("drover", fmt.Sprintf("%s: waits for %s", run.Automation, all[0]), append(more, t.calls()...)...)
		}
		return nil
	}
	if run.Due.IsZero() {
		delete(p.open, id)
	} else {
		p.open[id] = run.Due // a notice could not be sent yet
	}
	if t.ended {
		return nil
	}
	t.ended = true
	p.outcomes[run.Automation] = append(p.outcomes[run.Automation], run.Outcome)
	swept := !slices.ContainsFunc(run.Events, func(e event.Event) bool { return e.Source != event.SourceDrover })
	if !swept || run.Outcome != flow.NothingToDo || p.last[run.Automation] == "" {
		p.last[run.Automation] = run.Outcome
	}
	if t.announced == "" || run.Outcome != flow.NothingToDo {
		p.announce(t)
		more := lines(told(run, cmp.Or(nouns[run.Kind], "resources"), p.stage.shown))
		p.say("drover", fmt.Sprintf("%s: %s", run.Automation, run.Outcome), append(more, t.calls()...)...)
	}
	if run.Next != "" {
		p.opened(run.Next, run.Automation)
	}
	return nil
}

// calls are the calls of a run that have failed since it was last asked, a line for each
// operation and reason.
func (t *telling) calls() (lines []string) {
	for _, what := range slices.Sorted(maps.Keys(t.failed)) {
		lines = append(lines, flow.Count(t.failed[what], "call")+" of "+what)
	}
	clear(t.failed)
	return lines
}

// lines takes texts of several lines apart.
func lines(texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, strings.Split(text, "\n")...)
	}
	return all
}

// announce tells of the sweep that a run comes from. What has changed since was done by
// the run, which is told of next.
func (p *player) announce(t *telling) {
	if t.announced != "" {
		p.options.Tell(Moment{At: p.stage.clock.Now(), Who: "drover", What: t.announced})
		t.announced = ""
	}
}

// nouns are what the changes of a kind are about, where several are told of at once.
var nouns = map[string]string{
	"route-failover": "routes", "group-follows-template": "groups", "image-rollout": "versions",
}

// say tells of a moment, with what has changed in the world since the last.
func (p *player) say(who, what string, more ...string) {
	m := Moment{At: p.stage.clock.Now(), Who: who, What: what, More: more}
	for _, part := range []struct {
		name string
		into *map[string]string
		now  map[string]string
	}{
		{"routes", &m.Routes, p.stage.routes()},
		{"versions", &m.Versions, p.stage.versions()},
		{"groups", &m.Groups, p.stage.groupsShown()},
		{"parameters", &m.Parameters, p.stage.values()},
		{"pipelines", &m.Pipelines, p.stage.pipelinesShown()},
	} {
		*part.into = changed(p.shownLast[part.name], part.now)
		p.shownLast[part.name] = part.now
	}
	p.options.Tell(m)
}

// changed is what is not as it was, and none for what is gone.
func changed(was, is map[string]string) map[string]string {
	differ := map[string]string{}
	for key, value := range is {
		if was[key] != value {
			differ[key] = value
		}
	}
	for key := range was {
		if _, there := is[key]; !there {
			differ[key] = none
		}
	}
	return differ
}

// step does what a step of the file says.
func (p *player) step(ctx context.Context, i int) error {
	s := p.file.Steps[i]
	if s.Say != "" && s.Do == nil {
		p.say("scenario", s.Say)
	}
	if s.Events != nil {
		p.events = *s.Events
	}
	if s.Faults != nil {
		list := slices.Clone(*s.Faults)
		for n := range list {
			list[n].About = p.stage.fill(list[n].About)
		}
		p.faults.set(i, list, p.stage.clock.Now())
	}
	if s.Stale != nil {
		p.faults.setStale(time.Duration(*s.Stale))
		p.stage.StaleReads(p.faults.readBehind)
	}
	if s.Do != nil {
		who, what, err := p.do(ctx, *s.Do)
		if err != nil {
			path, place := p.text.Place([]string{"steps", fmt.Sprint(i), "do"})
			return fmt.Errorf("%s: %s: %s: %w", place, path, what, plain(err))
		}
		p.say(who, cmp.Or(s.Say, what))
	}
	if s.Event != nil {
		p.emitted(p.completed(p.Script.events[i]), p.stage.clock.Now())
	}
	for _, name := range s.Sweep {
		if err := p.sweep(ctx, name, "sweeps for "+name, true); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.expect(s.Expect, "steps", fmt.Sprint(i), "expect")
	return nil
}

// plain is an answer of simulated AWS without what surrounds it on its way.
func plain(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return fmt.Errorf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())
	}
	return err
}

// completed fills in what an event of the file leaves out.
func (p *player) completed(e event.Event) event.Event {
	if e.Time.IsZero() {
		e.Time = p.stage.clock.Now().UTC().Truncate(time.Second)
	}
	e.Version = cmp.Or(e.Version, "0")
	e.Resources = slices.Clone(e.Resources)
	for i, r := range e.Resources {
		e.Resources[i] = p.stage.fill(r)
	}
	e.Detail = json.RawMessage(p.stage.fill(string(e.Detail))) // what there was not when the file was read
	e.Region = cmp.Or(e.Region, p.stage.Region())
	e.Account = cmp.Or(e.Account, p.stage.Account())
	if len(e.Detail) == 0 {
		e.Detail = json.RawMessage("{}")
	}
	return e
}
