package imagerollout

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/look"
)

// Runs that wait look together: one request asks about the machines, the agents or the
// images of all of them (package look).

// most is how many resources one request names: a limit of DescribeInstanceStatus, and
// less than the others'.
const most = 100

// status is how a machine is.
type status struct {
	State types.InstanceStateName
	// Passed says that both of its status checks have passed.
	Passed bool
}

func (s status) gone() bool {
	return s.State == types.InstanceStateNameTerminated || s.State == types.InstanceStateNameShuttingDown
}

// statusOf is how a machine is. It reports false if EC2 does not show it.
func statusOf(ctx context.Context, t *turn, id string) (status, bool, error) {
	l := cloud.Share(t.AWS, "imagerollout.status", func() *look.Look[status] {
		return look.New(most, func(ctx context.Context, ids []string) (map[string]status, error) {
			return statuses(ctx, t.AWS.EC2, ids)
		})
	})
	return l.At(ctx, id, t.Clock.Now(), t.Since)
}

func statuses(ctx context.Context, c *ec2.Client, ids []string) (map[string]status, error) {
	all := map[string]status{}
	pages := ec2.NewDescribeInstanceStatusPaginator(c, &ec2.DescribeInstanceStatusInput{InstanceIds: ids, IncludeAllInstances: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if cloud.Code(err) == "InvalidInstanceID.NotFound" && len(ids) == 1 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		for _, s := range page.InstanceStatuses {
			now := status{Passed: passed(s.InstanceStatus) && passed(s.SystemStatus)}
			if s.InstanceState != nil {
				now.State = s.InstanceState.Name
			}
			all[aws.ToString(s.InstanceId)] = now
		}
	}
	return all, nil
}

func passed(s *types.InstanceStatusSummary) bool {
	return s != nil && s.Status == types.SummaryStatusOk
}

// agentOnline says whether Systems Manager reaches a machine.
func agentOnline(ctx context.Context, t *turn, id string) (bool, error) {
	l := cloud.Share(t.AWS, "imagerollout.agents", func() *look.Look[bool] {
		return look.New(most, func(ctx context.Context, ids []string) (map[string]bool, error) { return agents(ctx, t.AWS.SSM, ids) })
	})
	online, _, err := l.At(ctx, id, t.Clock.Now(), time.Time{})
	return online, err
}

func agents(ctx context.Context, c *ssm.Client, ids []string) (map[string]bool, error) {
	all := map[string]bool{}
	pages := ssm.NewDescribeInstanceInformationPaginator(c, &ssm.DescribeInstanceInformationInput{
		Filters: []ssmtypes.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: ids}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, i := range page.InstanceInformationList {
			all[aws.ToString(i.InstanceId)] = i.PingStatus == ssmtypes.PingStatusOnline
		}
	}
	return all, nil
}

// imageNow is how an image is by now. It reports false if EC2 does not show it.
func imageNow(ctx context.Context, t *turn, id string) (types.Image, bool, error) {
	l := cloud.Share(t.AWS, "imagerollout.images", func() *look.Look[types.Image] {
		return look.New(most, func(ctx context.Context, ids []string) (map[string]types.Image, error) {
			found, err := ami.ByID(ctx, t.AWS.EC2, ids)
			all := map[string]types.Image{}
			for _, i := range found {
				all[aws.ToString(i.ImageId)] = i
			}
			return all, err
		})
	})
	i, found, err := l.At(ctx, id, t.Clock.Now(), t.Since)
	if err != nil {
		return i, false, fmt.Errorf("look how the new image is: %w", err)
	}
	return i, found, nil
}
