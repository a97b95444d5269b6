package routefailover

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation"
)

type turn = automation.Turn[Config, State]

// An event can be ahead of what a read returns. Where they differ and it
// matters, the read is repeated this often and for this long before it is
// believed.
const (
	rereadEvery = 500 * time.Millisecond
	rereadFor   = 5 * time.Second
)

func observe(ctx context.Context, t *turn) error {
	state, err := read(ctx, t)
	if err != nil {
		return err
	}
	heed(&state, t.Events)
	t.State = state
	who := doubtful(t.Config, state, t.Events)
	if who == "" {
		return nil
	}
	return t.Await("a read of "+who+" that agrees with the event", rereadEvery, rereadFor)
}

// read asks AWS for members, routes and, if the configuration wants them,
// zones, all at once: one round trip, and one more for status checks.
func read(ctx context.Context, t *turn) (State, error) {
	state := State{Observed: t.Clock.Now()}
	members := make([][]types.Instance, len(t.Config.Members))
	var tables []types.RouteTable
	zones := map[string]string{} // by subnet

	g, together := errgroup.WithContext(ctx)
	for i, filters := range memberFilters(t.Config) {
		if filters == nil {
			continue
		}
		g.Go(func() (err error) {
			members[i], err = describeInstances(together, t, filters)
			return err
		})
	}
	g.Go(func() (err error) {
		tables, err = describeRouteTables(together, t)
		return err
	})
	if t.Config.Prefer == PreferZone {
		g.Go(func() error { return describeSubnets(together, t, zones) })
	}
	if err := g.Wait(); err != nil {
		return State{}, err
	}
	state.Members = memberStates(t.Config, members)
	if t.Config.Health == HealthStatusChecks {
		if err := describeStatus(ctx, t, state.Members); err != nil {
			return State{}, err
		}
	}
	state.Routes = routesOf(t.Config, tables, state.Members, zones)
	if t.Config.Routes.Orphaned == OrphanedTake {
		if err := findOrphans(ctx, t, &state); err != nil {
			return State{}, err
		}
	}
	return state, nil
}
