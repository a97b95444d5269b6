package scenario_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/event"
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
			o := awssim.Options{
				PageSize: 1000, RateLimits: true,
				Latency: func(awssim.Call) time.Duration { return roundTrip },
			}
			inScene(t, o, func(s *scene) {
				s.stage.Set(scenario.Layout{Gateways: 2, Tables: load.tables})
				for i := range load.routes {
					s.stage.Route(i%load.tables, fmt.Sprintf("10.%d.0.0/16", i+1), s.stage.Gateways[0].Interfaces[0])
				}
				stopped := last(s.stage.Stop(0))
				time.Sleep(time.Minute) // EC2's buckets refill
				s.keep(s.stage.Failover())
				missing := false
				watchRoutes(s.world, load.routes, &missing)

				start := time.Now()
				writes := s.handle(stopped).Writes()
				if len(writes) != load.routes {
					s.Fatalf("%d writes, want %d", len(writes), load.routes)
				}
				for _, e := range writes {
					if at := e.At.Add(e.Took).Sub(start); at != 2*roundTrip {
						s.Errorf("%s was acknowledged after %s, want %s", e.Resource, at, 2*roundTrip)
					}
				}
				if missing {
					s.Error("a route was missing for a moment")
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
