// Command bench measures Drover beside what people have today, in one run:
//
//	go run ./bench
//	go run ./bench -only worker
//
// failover: beside the sequence of calls that people script, on the same
// simulated AWS. Every call takes a round trip of 20 ms, pages are as large as EC2's, and the
// clock is the one on the wall, so that what Drover computes counts too. The
// floor is two round trips: one to read, one to write.
//
// worker: events from a queue, beside a script that takes one message at a time. The
// floor asks AWS the same and remembers nothing.
//
// lambda: as an AWS Lambda function, beside one in Go that does nothing, which
// is the floor, and one in Python that makes the same calls.
//
// rollout: the calls of image rollouts, alone and many at once, beside those of the
// state machine of the source document. Time is virtual: nothing is timed.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	roundTrip = 20 * time.Millisecond
	floor     = 2 * roundTrip
)

// load is how many routes there are, over how many tables.
type load struct{ routes, tables int }

var loads = []load{{1, 1}, {10, 1}, {10, 10}, {50, 1}, {50, 20}}

// figure is what one failover cost.
type figure struct {
	acknowledged time.Duration // from the event to the last write that AWS acknowledged
	calls        int
	throttled    int
	dark         time.Duration // the longest that a destination had no route
}

func main() {
	runs := flag.Int("runs", 5, "failovers of each kind; the median is printed")
	only := flag.String("only", "", "one of "+strings.Join(slices.Sorted(maps.Keys(benches)), ", ")+"; left out, all")
	flag.Parse()
	if err := run(context.Background(), *only, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// benches are what can be measured.
var benches = map[string]func(ctx context.Context, runs int) error{"failover": failovers, "lambda": lambdas, "rollout": rollouts, "worker": workers}

func run(ctx context.Context, only string, runs int) error {
	if only != "" && benches[only] == nil {
		return fmt.Errorf("-only: got %q", only)
	}
	for _, name := range slices.Sorted(maps.Keys(benches)) {
		if only == "" || only == name {
			if err := benches[name](ctx, runs); err != nil {
				return err
			}
		}
	}
	return nil
}

func failovers(ctx context.Context, runs int) error {
	fmt.Printf("Time from the event to the last write acknowledged. Round trip %s, floor %s, median of %d.\n", roundTrip, floor, runs)
	for _, limited := range []bool{false, true} {
		title := "without rate limits"
		if limited {
			title = "with EC2's published token buckets"
		}
		fmt.Printf("\n%s\n", title)
		fmt.Printf("%6s %6s | %9s %7s %5s %9s %8s | %9s %7s %5s %9s %8s | %6s\n", "", "",
			"drover", "floors", "calls", "throttled", "no route", "seed 002", "floors", "calls", "throttled", "no route", "ratio")
		for _, l := range loads {
			ours, theirs, err := compare(ctx, l, limited, runs)
			if err != nil {
				return fmt.Errorf("%d routes in %d tables: %w", l.routes, l.tables, err)
			}
			fmt.Printf("%6d %6d | %s | %s | %5.1fx\n", l.routes, l.tables, ours, theirs, ratio(theirs.acknowledged, ours.acknowledged))
		}
	}
	return nil
}

// compare runs both sides in turn, so that a slow moment of the machine meets
// both, and returns the medians.
func compare(ctx context.Context, l load, limited bool, runs int) (ours, theirs figure, err error) {
	var a, b []figure
	for range runs {
		for _, side := range []struct {
			into *[]figure
			run  failover
		}{{&a, drover}, {&b, scripted}} {
			f, err := measure(ctx, l, limited, side.run)
			if err != nil {
				return figure{}, figure{}, err
			}
			*side.into = append(*side.into, f)
		}
	}
	return median(a), median(b), nil
}

func median(figures []figure) figure {
	slices.SortFunc(figures, func(a, b figure) int { return int(a.acknowledged - b.acknowledged) })
	return figures[len(figures)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func (f figure) String() string {
	return fmt.Sprintf("%9s %6.2fx %5d %9d %8s", f.acknowledged.Round(100*time.Microsecond), ratio(f.acknowledged, floor), f.calls, f.throttled, f.dark.Round(time.Millisecond))
}
