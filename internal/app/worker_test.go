package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// timetable is a fleet, f, with two schedules.
func timetable(cron, zone, rate string) string {
	if zone != "" {
		zone = ", time-zone: " + zone
	}
	return fmt.Sprintf(`version: 1
fleet: f
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  cron: { kind: parameter-follows-platform, parameter: /golden, source: { parameter: /base }, schedule: %s%s }
  rate: { kind: route-failover, vpc: vpc-0bf5741eb0ef56a41, members: [{ instance: i-05a7780f2af7c126c }, { instance: i-045ebd27124159b6d }], sweep: %s }
`, cron, zone, rate)
}

func newApp(t *testing.T, fleet string, l ledger.Ledger, owner string) *app.App {
	t.Helper()
	parsed, err := fleetfile.Parse("fleet.yaml", []byte(fleet), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return app.New(app.Deps{
		Fleet: parsed, Ledger: l, AWS: awssim.New(clock.Real{}, awssim.Options{}).Config(), Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: owner,
	})
}

// moment is in a bubble, whose time begins with the year 2000, which is a Saturday.
func moment(text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", "2000-"+text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestFire(t *testing.T) {
	type look struct {
		at    string // when it is asked
		fleet string
		want  []string // what has fired, and when that was due
		next  string
	}
	daily := timetable("cron(30 2 * * ? *)", "Europe/Berlin", "8h")
	for name, looks := range map[string][]look{
		"a rate fires at once, a cron expression at its time": {
			{"01-01 00:00", daily, []string{"rate 01-01 00:00"}, "01-01 01:30"},
			{"01-01 00:00", daily, nil, "01-01 01:30"},
			{"01-01 01:29", daily, nil, "01-01 01:30"},
			{"01-01 01:30", daily, []string{"cron 01-01 01:30"}, "01-01 08:00"},
			{"01-01 08:00", daily, []string{"rate 01-01 08:00"}, "01-01 16:00"},
		},
		"what is missed is made good once, and the pace kept": {
			{"01-01 00:00", daily, []string{"rate 01-01 00:00"}, "01-01 01:30"},
			{"01-03 09:00", daily, []string{"cron 01-01 01:30", "rate 01-01 08:00"}, "01-03 16:00"},
			{"01-03 09:00", daily, nil, "01-03 16:00"},
			{"01-04 01:30", daily, []string{"cron 01-04 01:30", "rate 01-03 16:00"}, "01-04 08:00"},
		},
		"02:30 is left out when clocks are put forward, and is there once when they are put back": {
			{"03-25 12:00", daily, []string{"rate 03-25 12:00"}, "03-25 20:00"},
			{"03-26 12:00", daily, []string{"rate 03-25 20:00"}, "03-26 20:00"},
			{"03-27 00:30", daily, []string{"cron 03-27 00:30", "rate 03-26 20:00"}, "03-27 04:00"},
			{"10-29 00:00", daily, []string{"cron 03-28 00:30", "rate 03-27 04:00"}, "10-29 00:30"},
			{"10-29 00:30", daily, []string{"cron 10-29 00:30"}, "10-29 04:00"},
			{"10-29 02:00", daily, nil, "10-29 04:00"},
			{"10-30 01:30", daily, []string{"cron 10-30 01:30", "rate 10-29 04:00"}, "10-30 04:00"},
		},
		"another expression or zone is begun anew": {
			{"01-01 00:00", daily, []string{"rate 01-01 00:00"}, "01-01 01:30"},
			{"01-01 05:00", timetable("cron(30 4 * * ? *)", "", "8h"), nil, "01-01 08:00"},
			{"01-01 06:00", timetable("cron(30 4 * * ? *)", "Europe/Berlin", "1h"), []string{"rate 01-01 06:00"}, "01-01 07:00"},
			{"01-02 03:29", timetable("cron(30 4 * * ? *)", "Europe/Berlin", "24h"), []string{"rate 01-02 03:29"}, "01-02 03:30"},
			{"01-02 03:30", timetable("cron(30 4 * * ? *)", "Europe/Berlin", "24h"), []string{"cron 01-02 03:30"}, "01-03 03:29"},
		},
		"fleets have schedules of their own": {
			{"01-01 00:00", daily, []string{"rate 01-01 00:00"}, "01-01 01:30"},
			{"01-01 00:00", strings.Replace(daily, "fleet: f", "fleet: g", 1), []string{"rate 01-01 00:00"}, "01-01 01:30"},
		},
		"one that never fires again does not hold up the others": {
			{"01-01 00:00", timetable("cron(0 6 1 JAN ? 1999)", "", "8h"), []string{"rate 01-01 00:00"}, "01-01 08:00"},
			{"01-01 09:00", timetable("cron(0 6 1 JAN ? 1999)", "", "8h"), []string{"rate 01-01 08:00"}, "01-01 16:00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := memory.NewNamed(clock.Real{}, "fire")
				for i, look := range looks {
					time.Sleep(time.Until(moment(look.at)))
					a := newApp(t, look.fleet, l, fmt.Sprint("app", i))
					before := live(t, a)
					fired, next, err := a.Fire(t.Context())
					if err != nil {
						t.Fatalf("at %s: %v", look.at, err)
					}
					var got []string
					for _, f := range fired {
						got = append(got, f.Automation+" "+f.Due.UTC().Format("01-02 15:04"))
						if f.Run == "" {
							t.Errorf("at %s: %s has no run", look.at, f.Automation)
						}
						if _, err := a.Find(t.Context(), f.Run); err != nil {
							t.Errorf("at %s: %v", look.at, err)
						}
					}
					slices.Sort(got)
					if !slices.Equal(got, look.want) || next.UTC().Format("01-02 15:04") != look.next {
						t.Errorf("at %s fired %q, next at %s; want %q, %s", look.at, got, next, look.want, look.next)
					}
					if after := live(t, a); len(look.want) == 0 && after != before {
						t.Errorf("at %s: nothing fired, and %d runs are live, not %d", look.at, after, before)
					}
				}
			})
		})
	}
}

// live counts the runs that are live.
func live(t *testing.T, a *app.App) int {
	t.Helper()
	runs, err := a.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(runs)
}

// torn is a ledger between whose reads and writes somebody else comes first.
type torn struct {
	ledger.Ledger
	before func()
	after  error
}

func (l *torn) Write(ctx context.Context, writes ...ledger.Write) error {
	if f := l.before; f != nil {
		l.before = nil
		f()
	}
	if err := l.Ledger.Write(ctx, writes...); err != nil {
		return err
	}
	return l.after
}

// However many processes look at the same time, each time of a schedule is fired by
// one of them.
func TestFireIsExactlyOnce(t *testing.T) {
	fleet := timetable("cron(0 * * * ? *)", "", "1h")
	t.Run("somebody else is faster", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := memory.NewNamed(clock.Real{}, "fire")
			other := newApp(t, fleet, l, "other")
			all := 0
			slow := &torn{Ledger: l, before: func() {
				fired, _, err := other.Fire(t.Context())
				if err != nil {
					t.Error(err)
				}
				all += len(fired)
			}}
			a := newApp(t, fleet, slow, "slow")
			for range 24 {
				fired, next, err := a.Fire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				all += len(fired)
				time.Sleep(time.Until(next))
				slow.before = func() {
					fired, _, err := other.Fire(t.Context())
					if err != nil {
						t.Error(err)
					}
					all += len(fired)
				}
			}
			if all != 24+23 { // the rate has fired 24 times, the cron expression not at first
				t.Errorf("%d were fired, want %d", all, 24+23)
			}
		})
	})
	t.Run("all at once", func(t *testing.T) {
		l := memory.New(clock.Real{})
		var mu sync.Mutex
		var runs []string
		var all sync.WaitGroup
		for i := range 8 {
			a := newApp(t, fleet, l, fmt.Sprint("app", i))
			all.Go(func() {
				for range 20 {
					fired, _, err := a.Fire(t.Context())
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, f := range fired {
						runs = append(runs, f.Automation)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if !slices.Contains(runs, "rate") || len(runs) > 2 {
			t.Errorf("fired %q", runs)
		}
	})
	t.Run("the result is unknown", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := &torn{Ledger: memory.NewNamed(clock.Real{}, "fire"), after: errors.New("the connection is lost")}
			a := newApp(t, fleet, l, "a")
			if fired, _, err := a.Fire(t.Context()); err == nil || len(fired) > 0 || !strings.Contains(err.Error(), "rate: fire rate(1 hour): ") {
				t.Errorf("fired %v, %v", fired, err)
			}
			l.after = nil
			if fired, _, err := a.Fire(t.Context()); err != nil || len(fired) > 0 {
				t.Errorf("fired again: %v, %v", fired, err)
			}
			if n := live(t, a); n != 1 {
				t.Errorf("%d runs are live", n)
			}
		})
	})
}

// A sweep of a subject that has a run is that run's concern.
func TestFireJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, timetable("cron(0 6 * * ? *)", "", "1h"), memory.NewNamed(clock.Real{}, "fire"), "a")
		first, _, err := a.Fire(t.Context())
		if err != nil || len(first) != 1 {
			t.Fatal(first, err)
		}
		time.Sleep(time.Hour)
		second, _, err := a.Fire(t.Context())
		if err != nil || len(second) != 1 || second[0].Run != first[0].Run {
			t.Errorf("fired %v, want it to join %v (%v)", second, first, err)
		}
		if n := live(t, a); n != 1 {
			t.Errorf("%d runs are live", n)
		}
	})
}

// What is not in order with one schedule does not keep the others from firing.
func TestFireInSpiteOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memory.NewNamed(clock.Real{}, "fire")
		if err := l.Write(t.Context(), ledger.Create("schedules/f/cron/sweep", []byte(`"damaged"`), time.Time{})); err != nil {
			t.Fatal(err)
		}
		a := newApp(t, timetable("cron(0 6 * * ? *)", "", "1h"), l, "a")
		fired, next, err := a.Fire(t.Context())
		if err == nil || !strings.Contains(err.Error(), "cron: fire cron(0 6 * * ? *): read schedules/f/cron/sweep") {
			t.Errorf("error %v", err)
		}
		if len(fired) != 1 || fired[0].Automation != "rate" || !next.Equal(moment("01-01 01:00")) {
			t.Errorf("fired %v, next at %s", fired, next)
		}
	})
}

// The loop of an app leaves alone what is not this fleet's.
func TestLoopIsOfThisFleet(t *testing.T) {
	a := newApp(t, timetable("cron(0 6 * * ? *)", "", "1h"), memory.New(clock.Real{}), "a")
	other := a.Loop().Engine.Other
	mine, theirs := &flow.Run{}, &flow.Run{}
	mine.Fleet, theirs.Fleet = "f", "g"
	if other(mine) || !other(theirs) || a.Fleet() != "f" {
		t.Error("it mistakes whose a run is")
	}
}
