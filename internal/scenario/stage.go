package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// Stage is a world with the things a story is about. It remembers its first
// error; after that its methods do nothing, so that a story reads without
// error handling. [Play] returns the error.
type Stage struct {
	World
	VPC      string
	Subnets  []string // one in each zone
	Tables   []string
	Gateways []Gateway
	Topic    string
	// Policy, if not nil, edits the rendered policy that Drover works under.
	Policy func(iam.Policy) iam.Policy
	Log    *slog.Logger

	ctx    context.Context // kept, because a stage lives for one story, which is one call
	groups *autoscaling.Client
	ec2    *ec2.Client
	sns    *sns.Client
	ledger ledger.Ledger
	err    error
}

// Gateway is an instance that routes go through.
type Gateway struct {
	Instance   string
	Zone       string
	Interfaces []string // by device index
}

// Scenario is a story.
type Scenario struct {
	Name  string
	Title string
	// Simulated says why the story plays on simulated AWS only; empty if it
	// plays over the wire too.
	Simulated string
	Story     func(*Stage)
}

// Stories are the stories of all kinds.
func Stories() []Scenario {
	return slices.Concat(Failovers(), Groups(), Platforms(), Templates(), Pipelines(), Rollouts())
}

// Play plays a story in a world of its own.
func Play(ctx context.Context, w World, sc Scenario, edit ...func(*Stage)) error {
	s := NewStage(ctx, w)
	for _, e := range edit {
		e(s)
	}
	sc.Story(s)
	if s.err != nil {
		return fmt.Errorf("%s: %w", sc.Name, s.err)
	}
	return nil
}

// NewStage is an empty stage.
func NewStage(ctx context.Context, w World) *Stage {
	cfg := w.AWS()
	return &Stage{
		World: w, ctx: ctx, Log: slog.New(slog.DiscardHandler),
		groups: autoscaling.NewFromConfig(cfg), ec2: ec2.NewFromConfig(cfg), sns: sns.NewFromConfig(cfg),
		ledger: memory.NewNamed(w.Clock(), "scenario"),
	}
}

// Err is the first thing that went wrong.
func (s *Stage) Err() error { return s.err }

// try does something unless the stage has failed, and keeps its error.
func (s *Stage) try(what string, f func() error) {
	if s.err != nil {
		return
	}
	if err := f(); err != nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

// Failf makes the story fail, unless it has already.
func (s *Stage) Failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// Checked says whether the source/destination check of an interface is on.
func (s *Stage) Checked(id string) (on bool) {
	s.try("describe "+id, func() error {
		out, err := s.ec2.DescribeNetworkInterfaces(s.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}})
		if err == nil {
			on = aws.ToBool(out.NetworkInterfaces[0].SourceDestCheck)
		}
		return err
	})
	return on
}

// Stop stops a gateway and returns the events of that.
func (s *Stage) Stop(gateway int) []event.Event {
	return s.turn(gateway, "stopped", func(ids []string) error {
		_, err := s.ec2.StopInstances(s.ctx, &ec2.StopInstancesInput{InstanceIds: ids})
		return err
	})
}

// Start starts a stopped gateway and returns the events of that.
func (s *Stage) Start(gateway int) []event.Event {
	return s.turn(gateway, "running", func(ids []string) error {
		_, err := s.ec2.StartInstances(s.ctx, &ec2.StartInstancesInput{InstanceIds: ids})
		return err
	})
}

// Terminate ends a gateway and returns the events of that.
func (s *Stage) Terminate(gateway int) []event.Event {
	return s.turn(gateway, "terminated", func(ids []string) error {
		_, err := s.ec2.TerminateInstances(s.ctx, &ec2.TerminateInstancesInput{InstanceIds: ids})
		return err
	})
}

func (s *Stage) turn(gateway int, state string, change func([]string) error) (events []event.Event) {
	id := s.Gateways[gateway].Instance
	s.try(fmt.Sprintf("%s to be %s", id, state), func() error {
		if err := change([]string{id}); err != nil {
			return err
		}
		var err error
		events, err = s.Await(s.ctx, id, state)
		if err == nil && len(events) == 0 {
			err = errors.New("no event was emitted")
		}
		return err
	})
	if len(events) == 0 {
		return []event.Event{{}} // the stage has failed; stories may index what they wait for
	}
	return events
}

// Targets maps every route of the stage's tables that has an interface or an
// instance for a target, as "TABLE DESTINATION", to that target. The interface
// counts where both are shown.
func (s *Stage) Targets() map[string]string {
	targets := map[string]string{}
	s.try("describe the routes", func() error {
		pages := ec2.NewDescribeRouteTablesPaginator(s.ec2, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.VPC}}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(s.ctx)
			if err != nil {
				return err
			}
			for _, t := range page.RouteTables {
				for _, r := range t.Routes {
					target := cmpOr(r.NetworkInterfaceId, r.InstanceId)
					if target != "" {
						targets[*t.RouteTableId+" "+cmpOr(r.DestinationCidrBlock, r.DestinationIpv6CidrBlock, r.DestinationPrefixListId)] = target
					}
				}
			}
		}
		return nil
	})
	return targets
}

// cmpOr is the first value that is there.
func cmpOr(values ...*string) string {
	for _, v := range values {
		if v != nil && *v != "" {
			return *v
		}
	}
	return ""
}

// ExpectRoute makes the story fail unless the route targets what it should.
func (s *Stage) ExpectRoute(table int, destination, want string) {
	if got := s.Targets()[s.Tables[table]+" "+destination]; s.err == nil && got != want {
		s.Failf("route %s in %s targets %q, want %q", destination, s.Tables[table], got, want)
	}
}
