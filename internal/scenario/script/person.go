package script

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/droverhq/drover/internal/flow"
)

// do does what a step says: to the world, or to the runs of an automation, as a person
// does with drover approve and drover cancel.
func (p *player) do(ctx context.Context, do Do) (who, what string, err error) {
	switch {
	case do.Approve != "":
		what = "approves what " + do.Approve + " waits for"
		err = p.ask(ctx, do.Approve, func(t *telling) bool { return t.asking }, "waits for approval", p.app.Approve)
	case do.Cancel != "":
		what = "cancels what " + do.Cancel + " does"
		err = p.ask(ctx, do.Cancel, func(*telling) bool { return true }, "is under way", p.app.Cancel)
	default:
		return p.stage.do(ctx, do)
	}
	return "operator", what, err
}

// ask asks something of the runs of an automation that have not ended and fit, and of
// one at least.
func (p *player) ask(ctx context.Context, automation string, fits func(*telling) bool, fit string, of func(ctx context.Context, id, by, why string) (*flow.Run, error)) error {
	asked := false
	for _, id := range slices.Sorted(maps.Keys(p.open)) {
		if t := p.about[id]; t.automation != automation || t.ended || !fits(t) {
			continue
		}
		run, err := of(ctx, id, "operator", "")
		if err != nil {
			return err
		}
		p.open[id], asked = run.Due, true
	}
	if !asked {
		return fmt.Errorf("no run of %s %s", automation, fit)
	}
	return nil
}
