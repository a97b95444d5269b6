package scenario_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/scenario"
)

// TestFailoverTakesTwoRoundTrips measures in virtual time, where computing
// costs nothing: fifty routes in twenty tables move in one round trip of reads
// and one of writes, and at no moment is a route missing. `make bench` has the
// figures of a real clock.
func TestFailoverTakesTwoRoundTrips(t *testing.T) {
	const roundTrip = 20 * time.Millisecond
	for _, load := range []struct{ routes, tables int }{{1, 1}, {50, 1}, {50, 20}} {
		t.Run(fmt.Sprintf("%d routes in %d tables", load.routes, load.tables), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := scenario.NewSimulated(clock.Real{}, awssim.Options{
					PageSize: 1000, RateLimits: true,
					Latency: func(awssim.Call) time.Duration { return roundTrip },
				})
				s := scenario.NewStage(t.Context(), w)
				s.Set(scenario.Layout{Gateways: 2, Tables: load.tables})
				for i := range load.routes {
					s.Route(i%load.tables, fmt.Sprintf("10.%d.0.0/16", i+1), s.Gateways[0].Interfaces[0])
				}
				stopped := s.Stop(0)
				time.Sleep(time.Minute) // EC2's buckets refill
				fleet, err := fleetfile.Parse("stage.yaml", []byte(s.Failover()), app.Kinds())
				if err != nil || s.Err() != nil {
					t.Fatal(err, s.Err())
				}
				missing := false
				watchRoutes(w, load.routes, &missing)

				start := time.Now()
				runs, err := s.App(fleet).Handle(t.Context(), last(stopped))
				if err != nil {
					t.Fatal(err)
				}
				writes := runs[0].Writes()
				if len(writes) != load.routes {
					t.Fatalf("%d writes, want %d", len(writes), load.routes)
				}
				for _, e := range writes {
					if at := e.At.Add(e.Took).Sub(start); at != 2*roundTrip {
						t.Errorf("%s was acknowledged after %s, want %s", e.Resource, at, 2*roundTrip)
					}
				}
				if missing {
					t.Error("a route was missing for a moment")
				}
			})
		})
	}
}

func last(events []event.Event) event.Event { return events[len(events)-1] }

func watchRoutes(w *scenario.Simulated, want int, missing *bool) {
	w.EC2.WatchRoutes(func(_ time.Time, routes []simec2.RouteView) {
		if len(routes) != want {
			*missing = true
		}
	})
}
