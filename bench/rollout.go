package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
)

// The places of the sides.
const (
	rolloutFloor = iota
	rolloutDrover
	rolloutSource
	replacingFloor
	replacingDrover
)

var rolloutSides = []rolloutSide{
	rolloutFloor:    {"floor", false, floorRollout(false)},
	rolloutDrover:   {"drover", false, droverRollout("hold: max-size")},
	rolloutSource:   {"seed 003", false, sourceRollout},
	replacingFloor:  {"floor", true, floorRollout(true)},
	replacingDrover: {"drover", true, droverRollout("hold: max-size", "refresh: { min-healthy: 50 }")},
}

// rolloutTimes are how long AWS takes: as little as it may, and what is usual for a
// large Windows.
var rolloutTimes = []simec2.Times{
	{Pending: 8 * time.Second, Checks: 2 * time.Minute, Image: 4 * time.Minute},
	{Pending: 8 * time.Second, Checks: 8 * time.Minute, Image: 40 * time.Minute},
}

// rolloutGroups are how many get their image at once.
var rolloutGroups = []int{1, 10, 50}

// rollouts counts what a rollout asks of AWS, alone and among others.
func rollouts(ctx context.Context, _ int) error {
	fmt.Printf("\nCalls per rollout: from a completed backup by builder, sysprep and new image to the group. Virtual time, seed 1: the same in every run.\n")
	fmt.Printf("The floor knows when to look: every write once, one read for each thing that has to be seen. It checks nothing beforehand and is not safe to repeat.\n")
	fmt.Printf("The source (seed 003) looks at the image every 5s, and makes it a minute after sysprep has begun: whether that has ended, nobody looks.\n")
	fmt.Printf("Not counted: the ledger of the one, Step Functions and Lambda of the other.\n")
	for i, times := range rolloutTimes {
		if err := oneRollout(ctx, times, i == 0); err != nil {
			return err
		}
	}
	return manyRollouts(ctx)
}

// oneRollout shows what each side calls, by operation if it is said so.
func oneRollout(ctx context.Context, times simec2.Times, detailed bool) error {
	all := make([]*rolledOut, len(rolloutSides))
	operations := map[string]bool{}
	for i, side := range rolloutSides {
		r, err := rollOut(ctx, side, 1, times)
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		all[i] = r
		for operation := range r.calls {
			operations[operation] = true
		}
	}
	fmt.Printf("\n%-39s | %24s | %15s\n", fmt.Sprintf("status checks %s, image %s", minutes(times.Checks), minutes(times.Image)), "group moves", "and is replaced")
	row := func(name string, of func(int) any) {
		fmt.Printf("%-39s |", name)
		for i := range rolloutSides {
			if i == replacingFloor {
				fmt.Print(" |")
			}
			fmt.Printf(" %*v", 8-i/replacingFloor, of(i))
		}
		fmt.Println()
	}
	row("", func(i int) any { return rolloutSides[i].name })
	for _, operation := range slices.Sorted(maps.Keys(operations)) {
		if !detailed {
			break
		}
		row(operation, func(i int) any {
			if n := all[i].calls[operation]; n > 0 {
				return n
			}
			return "-"
		})
	}
	row("reads", func(i int) any { return all[i].reads })
	row("writes", func(i int) any { return all[i].writes })
	row("calls", func(i int) any { return all[i].all() })
	row("floors", func(i int) any {
		return fmt.Sprintf("%.1fx", float64(all[i].all())/float64(all[i-i%replacingFloor].all()))
	})
	row("took", func(i int) any { return minutes(all[i].took) })
	fmt.Printf("%-39s | %25.1fx |\n", "ratio, seed 003 to drover", float64(all[rolloutSource].all())/float64(all[rolloutDrover].all()))
	return nil
}

func minutes(d time.Duration) string { return strings.TrimSuffix(d.Round(time.Second).String(), "0s") }

// manyRollouts shows what of that becomes less when there are many.
func manyRollouts(ctx context.Context) error {
	const polls = "ec2:DescribeInstanceStatus"
	fmt.Printf("\nPer rollout, with backups that complete %s after one another, in one process; idle: calls of runs for which somebody else's backup was nothing to do.\n", backupEvery)
	fmt.Printf("%19s |%24s |%24s |%15s |\n", "", "drover: group moves", "and is replaced", "seed 003")
	fmt.Printf("%-12s %6s | %6s %9s %6s | %6s %9s %6s | %6s %7s | %5s\n", "", "groups", "calls", "statuses", "idle", "calls", "statuses", "idle", "calls", "status.", "ratio")
	for _, times := range rolloutTimes {
		for _, n := range rolloutGroups {
			each := func(count int) float64 { return float64(count) / float64(n) }
			var per []*rolledOut
			for _, i := range []int{rolloutDrover, replacingDrover, rolloutSource} {
				r, err := rollOut(ctx, rolloutSides[i], n, times)
				if err != nil {
					return fmt.Errorf("%s, %d groups: %w", rolloutSides[i].name, n, err)
				}
				per = append(per, r)
			}
			fmt.Printf("%-12s %6d |", "image "+minutes(times.Image), n)
			for _, r := range per[:2] {
				fmt.Printf(" %6.1f %9.1f %6.1f |", each(r.all()), each(r.calls[polls]), each(r.idle))
			}
			fmt.Printf(" %6.1f %7.1f | %4.1fx\n", each(per[2].all()), each(per[2].calls[polls]), float64(per[2].all())/float64(per[0].all()))
		}
	}
	return nil
}
