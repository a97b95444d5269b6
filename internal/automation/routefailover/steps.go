package routefailover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

const (
	// maxParallel bounds the writes in flight. EC2's bucket for mutating calls
	// holds 50 (shared/facts/apis.md 1.1).
	maxParallel = 50
	// fresh is how old an observation may be when a route is written without
	// looking again.
	fresh = 2 * time.Second
)

// move carries out the plan, then looks whether AWS agrees. It is safe to
// repeat: a second attempt looks first and does only what remains.
func move(ctx context.Context, t *turn) error {
	m := mover{turn: t, state: t.State}
	left := t.Plan.For(stepMove)
	if t.Attempt > 1 || m.stale() {
		now, err := m.look(ctx)
		if err != nil {
			return err
		}
		var doubt string
		if left, doubt = m.compare(now); doubt != "" || !now.Within(t.Plan) {
			return &automation.Replan{Why: "members or routes have changed since it was made"}
		}
	}
	if err := m.write(ctx, left); err != nil {
		return err
	}
	return m.verify(ctx)
}

// mover makes one attempt.
type mover struct {
	turn   *turn
	flight singleflight.Group

	mu    sync.Mutex // guards state; never held across a call
	state State
}

func (m *mover) stale() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.turn.Clock.Now().Sub(m.state.Observed) > fresh
}

// look observes and decides anew.
func (m *mover) look(ctx context.Context) (automation.Plan, error) {
	state, err := read(ctx, m.turn)
	if err != nil {
		return automation.Plan{}, err
	}
	heed(&state, m.turn.Events)
	m.mu.Lock()
	m.state, m.turn.State = state, state
	m.mu.Unlock()
	return decide(m.turn.Config, state, m.turn.Clock.Now()), nil
}

// write makes the changes: repairs of interfaces first, then all routes, in
// their order and in parallel. A route that fails does not hold up the others.
func (m *mover) write(ctx context.Context, changes []automation.Change) error {
	for _, operation := range []string{opModify, opReplace} {
		errs := make([]error, len(changes))
		var g errgroup.Group
		g.SetLimit(maxParallel)
		for i, c := range changes {
			if c.Operation == operation {
				g.Go(func() error {
					errs[i] = m.change(ctx, c)
					return nil
				})
			}
		}
		_ = g.Wait() // the functions return nil; their errors are in errs
		if err := automation.Join(errs); err != nil {
			return err
		}
	}
	return nil
}

// change makes one change, after looking again if the observation it rests on
// is old. Changes that find this at the same time share one look.
func (m *mover) change(ctx context.Context, c automation.Change) error {
	if m.stale() {
		latest, err, _ := m.flight.Do("look", func() (any, error) { return m.look(ctx) })
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(latest.(automation.Plan).Changes, c.Same) {
			return &automation.Replan{Why: c.Resource + " has changed since it was made"}
		}
	}
	if c.Operation == opModify {
		return m.repair(ctx, c)
	}
	return m.replace(ctx, c)
}

func (m *mover) replace(ctx context.Context, c automation.Change) error {
	table, destination, _ := strings.Cut(c.Resource, " ")
	in := &ec2.ReplaceRouteInput{RouteTableId: aws.String(table), NetworkInterfaceId: aws.String(c.To)}
	switch {
	case strings.HasPrefix(destination, "pl-"):
		in.DestinationPrefixListId = aws.String(destination)
	case strings.Contains(destination, ":"):
		in.DestinationIpv6CidrBlock = aws.String(destination)
	default:
		in.DestinationCidrBlock = aws.String(destination)
	}
	_, err := m.turn.AWS.EC2.ReplaceRoute(ctx, in)
	if routeGone(err) {
		return &automation.Replan{Why: fmt.Sprintf("route %s in %s is gone", destination, table)}
	}
	if err != nil {
		return fmt.Errorf("replace route %s in %s by %s: %w", destination, table, c.To, err)
	}
	return nil
}

func (m *mover) repair(ctx context.Context, c automation.Change) error {
	_, err := m.turn.AWS.EC2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: aws.String(c.Resource),
		SourceDestCheck:    &types.AttributeBooleanValue{Value: aws.Bool(false)},
	})
	if err != nil {
		return fmt.Errorf("turn off the source/destination check of %s: %w", c.Resource, err)
	}
	return nil
}

// verify looks whether anything remains to be done. What remains of this plan
// may only be not visible yet, so it is tried again; anything else is a new
// situation.
func (m *mover) verify(ctx context.Context) error {
	now, err := m.look(ctx)
	if err != nil {
		return err
	}
	left, doubt := m.compare(now)
	switch {
	case !now.Within(m.turn.Plan) || !within(now.Stuck, m.turn.Plan.Stuck):
		return &automation.Replan{Why: "members or routes changed while it was carried out"}
	case len(left) > 0:
		return failure.Retryf("%s: AWS does not show %s yet", left[0].Resource, left[0].To)
	case doubt != "":
		return failure.Retryf("%s: AWS does not show the change yet", doubt)
	}
	return nil
}

// compare says which changes of the plan are still to be made after a new look.
// A change that the look no longer asks for has been made, or somebody else
// has solved the matter in another way. Unless the resource is still as it was:
// then one of two reads is out of date, and it is doubtful.
func (m *mover) compare(now automation.Plan) (left []automation.Change, doubt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.turn.Plan.For(stepMove) {
		switch {
		case slices.ContainsFunc(now.Changes, c.Same):
			left = append(left, c)
		case m.state.value(c) == c.From:
			doubt = c.Resource
		}
	}
	return left, doubt
}

// routeGone says whether a ReplaceRoute was refused because there is no such
// route (shared/facts/apis.md 1.3, ReplaceRoute).
func routeGone(err error) bool {
	switch cloud.Code(err) {
	case "InvalidRoute.NotFound", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound":
		return true
	case "InvalidParameterValue":
		return strings.Contains(err.Error(), "There is no route defined for")
	}
	return false
}

func within(some, all []automation.Remark) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
