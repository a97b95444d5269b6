package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// failover prepares one side, so that what it does before the event does not
// count, and returns what it does at the event: when the last write was
// acknowledged.
type failover func(context.Context, *scenario.Stage) (func(event.Event) (time.Time, error), error)

// stagehand is a clock that leaps while the stage is set and keeps real time
// afterwards.
type stagehand struct {
	mu   sync.Mutex
	leap time.Duration
	live bool
}

func (c *stagehand) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.leap)
}

func (c *stagehand) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	if !c.live {
		c.leap += max(0, d)
		c.mu.Unlock()
		return ctx.Err()
	}
	c.mu.Unlock()
	return clock.Real{}.Sleep(ctx, d)
}

func (c *stagehand) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = true
}

// measure sets a stage, stops the gateway that all routes go through, and
// times one side's failover.
func measure(ctx context.Context, l load, limited bool, side failover) (figure, error) {
	clk := &stagehand{}
	w := scenario.NewSimulated(clk, awssim.Options{
		PageSize: 1000, RateLimits: limited,
		Latency: func(awssim.Call) time.Duration { return roundTrip },
	})
	s := scenario.NewStage(ctx, w)
	s.Set(scenario.Layout{Gateways: 2, Tables: l.tables})
	for i := range l.routes {
		s.Route(i%l.tables, fmt.Sprintf("10.%d.0.0/16", i+1), s.Gateways[0].Interfaces[0])
	}
	stopped := s.Stop(0)
	if err := s.Err(); err != nil {
		return figure{}, err
	}
	if err := clk.Sleep(ctx, time.Minute); err != nil { // buckets refill
		return figure{}, err
	}
	run, err := side(ctx, s)
	if err != nil {
		return figure{}, err
	}

	clk.start()
	gap := watch(w, l.routes)
	before := len(w.Calls())
	start := clk.Now()
	last, err := run(stopped[len(stopped)-1])
	if err != nil {
		return figure{}, err
	}
	f := figure{acknowledged: last.Sub(start), dark: gap.longest()}
	for _, c := range w.Calls()[before:] {
		f.calls++
		var api smithy.APIError
		if errors.As(c.Err, &api) && api.ErrorCode() == "RequestLimitExceeded" {
			f.throttled++
		}
	}
	for _, r := range w.EC2.Routes() {
		if r.InterfaceID != s.Gateways[1].Interfaces[0] {
			return figure{}, fmt.Errorf("route %s was not moved", r.Destination)
		}
	}
	return f, nil
}

// gaps is for how long each destination had no route.
type gaps struct {
	mu    sync.Mutex
	since map[string]time.Time
	worst time.Duration
}

func watch(w *scenario.Simulated, routes int) *gaps {
	g := &gaps{since: map[string]time.Time{}}
	all := map[string]bool{}
	for _, r := range w.EC2.Routes() {
		all[r.Table+" "+r.Destination] = true
	}
	if len(all) != routes {
		panic(fmt.Sprintf("the stage has %d routes, want %d", len(all), routes))
	}
	w.EC2.WatchRoutes(func(at time.Time, now []simec2.RouteView) {
		g.mu.Lock()
		defer g.mu.Unlock()
		there := map[string]bool{}
		for _, r := range now {
			there[r.Table+" "+r.Destination] = true
		}
		for route := range all {
			since, missing := g.since[route]
			switch {
			case !there[route] && !missing:
				g.since[route] = at
			case there[route] && missing:
				g.worst = max(g.worst, at.Sub(since))
				delete(g.since, route)
			}
		}
	})
	return g
}

func (g *gaps) longest() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.worst
}
