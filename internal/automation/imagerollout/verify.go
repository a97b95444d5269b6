package imagerollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
)

// Observed is what a sweep of an automation has seen and would do, and what the ledger
// knows of it.
type Observed struct {
	State json.RawMessage
	Plan  automation.Plan
	// Past reads the runs, oldest first. It is asked last, so that whatever AWS shows is
	// of a run that it knows.
	Past   func(context.Context) ([]Past, error)
	Ledger string // its identity
	Now    time.Time
}

// Verify says how the group of an automation stands. It reads what an observation does
// not need: what the instances run, and what was launched for a while and is left.
func Verify(ctx context.Context, a *automation.Automation, clients *cloud.Clients, o Observed) (Verification, error) {
	config, err := configOf(a)
	if err != nil {
		return Verification{}, err
	}
	r := reading{config: config, plan: o.Plan, ledger: o.Ledger, now: o.Now}
	if err := json.Unmarshal(o.State, &r.state); err != nil {
		return Verification{}, fmt.Errorf("read what was observed of group %s: %w", config.Group, err)
	}
	t := &turn{Env: automation.Env{AWS: clients}, Config: config}
	reads, together := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		r.machines, err = members(together, t)
		return err
	})
	reads.Go(func() (err error) {
		r.temporary, err = temporary(together, clients.EC2, a)
		return err
	})
	reads.Go(func() (err error) {
		r.volumes, err = volumes(together, clients.EC2, a)
		return err
	})
	if err := reads.Wait(); err != nil {
		return Verification{}, err
	}
	if r.past, err = o.Past(ctx); err != nil {
		return Verification{}, err
	}
	return r.verification(), nil
}

// members are the instances of the group, and what they run. Those on their way out are
// none of it any more.
func members(ctx context.Context, t *turn) ([]Machine, error) {
	g, found, err := describeGroup(ctx, t)
	if err != nil || !found {
		return nil, err
	}
	var ids []string
	for _, i := range g.Instances {
		switch i.LifecycleState {
		case scaling.LifecycleStateTerminating, scaling.LifecycleStateTerminatingWait, scaling.LifecycleStateTerminatingProceed, scaling.LifecycleStateTerminated:
		default:
			ids = append(ids, aws.ToString(i.InstanceId))
		}
	}
	slices.Sort(ids)
	images := map[string]string{}
	for some := range slices.Chunk(ids, filterValues) {
		all, err := machines(ctx, t.AWS.EC2, filter.By("instance-id", some...))
		if err != nil {
			return nil, fmt.Errorf("describe the instances of group %s: %w", t.Config.Group, err)
		}
		for _, i := range all {
			images[aws.ToString(i.InstanceId)] = aws.ToString(i.ImageId)
		}
	}
	var all []Machine
	for _, id := range ids {
		all = append(all, Machine{ID: id, Image: images[id]})
	}
	return all, nil
}

// temporary are the machines that rollouts of the automation have launched and that are
// there.
func temporary(ctx context.Context, client *ec2.Client, a *automation.Automation) ([]relic, error) {
	all, err := machines(ctx, client, forAWhile(a, filter.By("instance-state-name", "pending", "running", "stopping", "stopped"))...)
	if err != nil {
		return nil, fmt.Errorf("find what rollouts of %s/%s have left: %w", a.Fleet, a.Name, err)
	}
	var left []relic
	for _, i := range all {
		left = append(left, relicOf(aws.ToString(i.InstanceId), i.Tags))
	}
	slices.SortFunc(left, func(a, b relic) int { return strings.Compare(a.id, b.id) })
	return left, nil
}

// volumes are those of machines that are gone: the image had them survive.
func volumes(ctx context.Context, client *ec2.Client, a *automation.Automation) ([]relic, error) {
	var left []relic
	pages := ec2.NewDescribeVolumesPaginator(client, &ec2.DescribeVolumesInput{Filters: forAWhile(a, filter.By("status", "available"))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the volumes that rollouts of %s/%s have left: %w", a.Fleet, a.Name, err)
		}
		for _, v := range page.Volumes {
			left = append(left, relicOf(aws.ToString(v.VolumeId), v.Tags))
		}
	}
	slices.SortFunc(left, func(a, b relic) int { return strings.Compare(a.id, b.id) })
	return left, nil
}

func relicOf(id string, list []types.Tag) relic {
	tags := tagsOf(list)
	return relic{id: id, what: tags[tagTemporary], run: tags[tagRun], ledger: tags[tagLedger]}
}

// forAWhile filters for what rollouts of an automation have launched for a while.
func forAWhile(a *automation.Automation, more types.Filter) []types.Filter {
	return append(filter.Tags(map[string]string{tagFleet: a.Fleet, tagAutomation: a.Name}), filter.By("tag-key", tagTemporary), more)
}

func machines(ctx context.Context, client *ec2.Client, filters ...types.Filter) ([]types.Instance, error) {
	var all []types.Instance
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: filters, MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reservations {
			all = append(all, r.Instances...)
		}
	}
	return all, nil
}
