package ec2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
)

// TestBoot watches instances of an image at which something is wrong, told by the
// image's name, beside one of an image that is in order.
func TestBoot(t *testing.T) {
	const ok, initializing, impaired = "running ok", "running initializing", "running impaired"
	for _, c := range []struct {
		name   string
		boot   ec2sim.Boot
		change func(*ec2.RunInstancesInput)
		want   []string // after each of 1, 3, 5 and 20 minutes
		reason string
	}{
		{"nothing", ec2sim.Boot{}, nil, []string{initializing, ok, ok, ok}, ""},
		{"never passes", ec2sim.Boot{Impaired: true}, nil, []string{initializing, impaired, impaired, impaired}, ""},
		{"slow", ec2sim.Boot{Checks: 10 * time.Minute}, nil, []string{initializing, initializing, initializing, ok}, ""},
		{"stops by itself", ec2sim.Boot{Stops: 2 * time.Minute}, nil, []string{initializing, "stopped not-applicable", "stopped not-applicable", "stopped not-applicable"}, "Client.InstanceInitiatedShutdown"},
		{"terminates itself", ec2sim.Boot{Stops: 4 * time.Minute}, func(in *ec2.RunInstancesInput) {
			in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorTerminate
		}, []string{initializing, ok, "terminated not-applicable", "terminated not-applicable"}, "Client.InstanceInitiatedShutdown"},
		{"is terminated", ec2sim.Boot{Terminated: 4 * time.Minute}, nil, []string{initializing, ok, "terminated not-applicable", "terminated not-applicable"}, "Client.UserInitiatedShutdown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			image := s.sim.AddImage(ec2sim.Image{Name: "bad"})
			s.sim.SetBoot("bad", c.boot)
			id := *s.run(func(in *ec2.RunInstancesInput) {
				in.ImageId = &image
				if c.change != nil {
					c.change(in)
				}
			}).InstanceId
			well := *s.run(nil).InstanceId
			status := func(id string) string {
				out, err := s.client.DescribeInstanceStatus(t.Context(), &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}, IncludeAllInstances: aws.Bool(true)})
				i := must(t, out, err).InstanceStatuses[0]
				return string(i.InstanceState.Name) + " " + string(i.InstanceStatus.Status)
			}
			var got []string
			last := time.Duration(0)
			for _, at := range []time.Duration{time.Minute, 3 * time.Minute, 5 * time.Minute, 20 * time.Minute} {
				s.clock.Advance(at - last)
				last = at
				got = append(got, status(id))
			}
			wantEqual(t, "status", got, c.want)
			wantEqual(t, "of another image", status(well), ok)
			reason := ""
			if r := s.instance(id).StateReason; r != nil {
				reason = *r.Code
			}
			wantEqual(t, "reason", reason, c.reason)
		})
	}
}

// TestBootAgain: an instance that is started boots again; by the image's id it may
// boot otherwise than by its name.
func TestBootAgain(t *testing.T) {
	s := newScene(t)
	image := s.sim.AddImage(ec2sim.Image{Name: "web"})
	s.sim.SetBoot("web", ec2sim.Boot{Terminated: time.Second})
	s.sim.SetBoot(image, ec2sim.Boot{Stops: time.Minute})
	id := *s.run(func(in *ec2.RunInstancesInput) { in.ImageId = &image }).InstanceId
	s.clock.Advance(5 * time.Minute)
	wantEqual(t, "first", s.instance(id).State.Name, types.InstanceStateNameStopped)
	s.start(id)
	if i := s.instance(id); i.State.Name != types.InstanceStateNameRunning || i.StateReason != nil {
		t.Errorf("started: %s, %s", i.State.Name, text(i.StateReason))
	}
	s.clock.Advance(time.Minute)
	wantEqual(t, "again", s.instance(id).State.Name, types.InstanceStateNameStopped)
	if r := s.instance(id).StateReason; !strings.HasSuffix(*r.Message, "Instance initiated shutdown") {
		t.Errorf("reason %s", text(r))
	}
}
