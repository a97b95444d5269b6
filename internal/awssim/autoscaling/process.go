package autoscaling

// Processes that can be suspended. AddToLoadBalancer and AZRebalance are shown, and
// do nothing here, as there is nothing to do.

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// processes are those of the doc of SuspendProcessesInput.
var processes = []string{
	"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions",
}

func (g *group) suspended(process string) bool {
	return slices.ContainsFunc(g.SuspendedProcesses, func(p types.SuspendedProcess) bool { return *p.ProcessName == process })
}

func (t *tending) suspended(process string) bool { return t.group.suspended(process) }

// named are the processes that a request names; none are all of them. The text of
// the error is unverified.
func named(given []string) ([]string, error) {
	if len(given) == 0 {
		return processes, nil
	}
	for _, p := range given {
		if !slices.Contains(processes, p) {
			return nil, invalid("'%s' is not a valid scaling process; valid ones are %s", p, strings.Join(processes, ", "))
		}
	}
	return given, nil
}

// suspendProcesses gives a reason (its text unverified). A process that is suspended
// already keeps the one it has (unverified).
func suspendProcesses(m *awssim.Moment, s *state, in *suspendInput) (*suspendOutput, error) {
	given, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	g.SuspendedProcesses = slices.Clone(g.SuspendedProcesses)
	for _, p := range given {
		if !g.suspended(p) {
			g.SuspendedProcesses = append(g.SuspendedProcesses, types.SuspendedProcess{
				ProcessName: aws.String(p), SuspensionReason: aws.String("User suspended at " + m.Now.UTC().Format(time.RFC3339)),
			})
		}
	}
	s.put(g)
	s.soon(m, g.name())
	return &suspendOutput{}, nil
}

func resumeProcesses(m *awssim.Moment, s *state, in *resumeInput) (*resumeOutput, error) {
	given, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	g.SuspendedProcesses = slices.DeleteFunc(slices.Clone(g.SuspendedProcesses), func(p types.SuspendedProcess) bool {
		return slices.Contains(given, *p.ProcessName)
	})
	g.failures, g.retry = 0, time.Time{}
	s.put(g)
	s.soon(m, g.name())
	return &resumeOutput{}, nil
}
