package script

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// expectScaling holds the sizes and the instances of groups against what a file expects.
func (p *player) expectScaling(e Expect, path func(...string) []string) {
	for _, name := range sorted(e.Scaling) {
		want, s := e.Scaling[name], p.stage
		g, there := s.AutoScaling.Group(name)
		at := func(key string) []string { return path("scaling", name, key) }
		if !there {
			p.compare(path("scaling", name), none, "a group")
			continue
		}
		in := map[types.LifecycleState]int{}
		var images []string
		for _, i := range g.Instances {
			if i.LifecycleState != types.LifecycleStateInService || aws.ToString(i.HealthStatus) == "Healthy" {
				in[i.LifecycleState]++
			}
			if i.LifecycleState != types.LifecycleStateTerminating {
				images = append(images, s.imageOf(aws.ToString(i.InstanceId)))
			}
		}
		p.count(at("min"), int(*g.MinSize), want.Min)
		p.count(at("max"), int(*g.MaxSize), want.Max)
		p.count(at("desired"), int(*g.DesiredCapacity), want.Desired)
		p.count(at("in-service"), in[types.LifecycleStateInService], want.InService)
		p.count(at("standby"), in[types.LifecycleStateStandby], want.Standby)
		if images = slices.Compact(slices.Sorted(slices.Values(images))); len(images) == 0 {
			images = []string{none}
		}
		p.image(at("runs"), strings.Join(images, ", "), want.Runs)
		if want.Suspended != nil {
			p.compare(at("suspended"), listed(suspended(g)), listed(*want.Suspended))
		}
		if want.Refresh != "" {
			got := none
			if all := s.AutoScaling.Refreshes(name); len(all) > 0 {
				got = string(all[0].Status)
			}
			p.compare(at("refresh"), got, want.Refresh)
		}
	}
}

// expectLeft holds what is left against all that is to be.
func (p *player) expectLeft(want []string, at []string) {
	var names []string
	for _, name := range want {
		names = append(names, p.stage.shown(p.stage.fill(p.stage.image(name))))
	}
	p.compare(at, listed(p.stage.left()), listed(names))
}

// listed is a list in any order, as text.
func listed(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(slices.Sorted(slices.Values(all)), ", ")
}

// suspended are the processes of a group that are.
func suspended(g types.AutoScalingGroup) (all []string) {
	for _, p := range g.SuspendedProcesses {
		all = append(all, aws.ToString(p.ProcessName))
	}
	slices.Sort(all)
	return all
}

// imageOf is the image of an instance.
func (s *stage) imageOf(instance string) string {
	for _, i := range s.EC2.Instances() {
		if i.ID == instance {
			return i.Image
		}
	}
	return none
}
