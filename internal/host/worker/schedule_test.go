package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/ledger"
)

// timetable replaces the fleet by one that publishes an image by a cron expression in
// Berlin, and looks after the gateways at a rate.
func (s *scene) timetable(cron, rate string) {
	s.Helper()
	s.fleet = s.stage.Failover("sweep: "+rate) + fmt.Sprintf(`  image:
    kind: parameter-follows-platform
    parameter: /golden/base-image
    source: { parameter: /base }
    schedule: %s
    time-zone: Europe/Berlin
`, cron)
}

// times are when runs of an automation were begun.
func (s *scene) times(automation string) (all []string) {
	s.Helper()
	for _, r := range s.runs() {
		if r.Automation == automation {
			all = append(all, r.Created.UTC().Format("01-02 15:04:05"))
		}
	}
	return all
}

// until sleeps.
func until(at time.Time) { time.Sleep(time.Until(at)) }

// rarely has a worker look rarely, and take no messages, so that days pass quickly.
func rarely(_ *process, c *Config) { c.Poll, c.Queues = 10*time.Minute, nil }

func TestSchedules(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.timetable("cron(30 2 * * ? *)", "8h")
		until(time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC))
		p, q := s.begin("p", rarely), s.begin("q", rarely)
		// Clocks are put forward on the 29th, and 02:30 is left out.
		until(time.Date(2026, 3, 31, 1, 0, 0, 0, time.UTC))
		want := []string{"03-28 01:30:00", "03-30 00:30:00", "03-31 00:30:00"}
		if got := s.times("image"); !slices.Equal(got, want) {
			s.Errorf("fired at %s, want %s", got, want)
		}
		var rates []string
		for at := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC); at.Before(time.Now()); at = at.Add(8 * time.Hour) {
			rates = append(rates, at.Format("01-02 15:04:05"))
		}
		if got := s.times("gateways"); !slices.Equal(got, rates) {
			s.Errorf("fired at %s, want %s", got, rates)
		}
		fired := func(automation string) (n float64) {
			for _, w := range []*process{p, q} {
				n += max(0, w.metric(fmt.Sprintf("drover_schedules_fired_total{automation=%q}", automation)))
			}
			return n
		}
		if a, b := fired("image"), fired("gateways"); a != 3 || b != float64(len(rates)) {
			s.Errorf("%v and %v schedules are counted", a, b)
		}
		if n := len(p.log.said("schedule fired", `"automation":"gateways"`, `"run"`, `"due"`)) + len(q.log.said("schedule fired", `"automation":"gateways"`)); n != len(rates) {
			s.Errorf("%d lines about schedules", n)
		}

		// What both miss is made good once, and the pace is kept.
		p.end()
		q.end()
		until(time.Date(2026, 4, 2, 3, 15, 0, 0, time.UTC))
		before := [][]string{s.times("image"), s.times("gateways")}
		s.begin("p2", rarely)
		q2 := s.begin("q2", rarely)
		until(time.Date(2026, 4, 3, 1, 0, 0, 0, time.UTC))
		if got, want := s.times("image"), append(before[0], "04-02 03:15:00", "04-03 00:30:00"); !slices.Equal(got, want) {
			s.Errorf("fired at %s, want %s", got, want)
		}
		if got, want := s.times("gateways"), append(before[1], "04-02 03:15:00", "04-02 04:00:00", "04-02 12:00:00", "04-02 20:00:00"); !slices.Equal(got, want) {
			s.Errorf("fired at %s, want %s", got, want)
		}

		// Another expression counts from when it is seen.
		q2.end()
		s.worker("p2").end()
		until(time.Date(2026, 4, 3, 7, 0, 0, 0, time.UTC))
		s.timetable("cron(0 8 * * ? *)", "6h")
		before = [][]string{s.times("image"), s.times("gateways")}
		s.begin("p3", rarely)
		until(time.Date(2026, 4, 4, 7, 30, 0, 0, time.UTC))
		if got, want := s.times("image"), append(before[0], "04-04 06:00:00"); !slices.Equal(got, want) {
			s.Errorf("fired at %s, want %s", got, want)
		}
		// Runs that had nothing to do are forgotten after a week.
		if got, want := s.times("gateways")[8:], append(before[1][11:], "04-03 07:00:00", "04-03 13:00:00", "04-03 19:00:00", "04-04 01:00:00", "04-04 07:00:00"); !slices.Equal(got, want) {
			s.Errorf("fired at %s, want %s", got, want)
		}
	})
}

func (s *scene) worker(name string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workers[name]
}

// A ledger that commits and does not say so, and a worker that dies right after the
// write: the schedule has fired, once, and the run is handled.
func TestScheduleOfUnknownResult(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprintf("dies %t", dies), func(t *testing.T) {
			bubble(t, awssim.Options{}, func(s *scene) {
				s.timetable("cron(0 6 * * ? *)", "1h")
				var lost atomic.Int64
				p := s.prepare("p", rarely)
				p.writes(func(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
					err := l.Write(ctx, writes...)
					if i := slices.IndexFunc(writes, func(w ledger.Write) bool { return strings.HasPrefix(w.Key, "schedules/stage/gateways/") }); i < 0 || err != nil {
						return err
					}
					if lost.Add(1); dies {
						p.kill()
					}
					return errors.New("the connection is lost")
				})
				p.run()
				time.Sleep(30 * time.Minute)
				q := s.begin("q", rarely)
				time.Sleep(15 * time.Minute)
				runs := s.runs()
				if len(runs) != 1 || runs[0].Live() || runs[0].Automation != "gateways" {
					s.Fatalf("there are %d runs, want one of the schedule, ended", len(runs))
				}
				if n := lost.Load(); n != 1 {
					s.Errorf("it was written %d times", n)
				}
				p.write.Store(nil)
				time.Sleep(30 * time.Minute)
				if n := len(s.times("gateways")); n != 2 {
					s.Errorf("an hour later there are %d runs", n)
				}
				q.end()
				if dies {
					<-p.ended
				}
			})
		})
	}
}
