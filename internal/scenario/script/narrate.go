package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	backuptypes "github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// What happens in the world by itself, or because of somebody's calls, and shows in no
// event that anybody wants: instances of groups and builders come and go, commands run,
// images are made, groups are refreshed. Instances and images of the file's own are left
// to events.

// witness is what the timeline has told of the world so far, by what it is about.
type witness map[string]string

// news are what has changed since it was last asked, a line each.
func (w witness) news(s *stage) (lines []string) {
	s.learn()
	for _, about := range []func(witness, *stage) []string{witness.backups, witness.commands, witness.images, witness.builders, witness.groups} {
		lines = append(lines, about(w, s)...)
	}
	return lines
}

// now keeps how something is, and says how it was, and whether that differs.
func (w witness) now(what, is string) (was string, differs bool) {
	was = w[what]
	w[what] = is
	return was, was != is
}

// backups are those of the scenario that end otherwise than with an image and no word.
func (w witness) backups(s *stage) (lines []string) {
	for _, j := range s.Backup.Jobs() {
		if _, differs := w.now("backup "+j.ID, string(j.State)); !differs || s.backups[j.ID] == "" || j.Completed.IsZero() {
			continue
		}
		if j.State != backuptypes.BackupJobStateCompleted || j.Message != "" {
			lines = append(lines, s.shown(fmt.Sprintf("backup %s of %s is %s: %s", s.backups[j.ID], j.Instance, j.State, j.Message)))
		}
	}
	return lines
}

// commands are what becomes of each on its machine, while that is there.
func (w witness) commands(s *stage) (lines []string) {
	there := map[string]bool{}
	for _, i := range s.EC2.Instances() {
		there[i.ID] = i.State != types.InstanceStateNameTerminated
	}
	for _, i := range s.SSM.Invocations() {
		was, differs := w.now("command "+aws.ToString(i.CommandId)+" "+aws.ToString(i.InstanceId), string(i.Status))
		what := aws.ToString(i.DocumentName)
		on := s.shown(aws.ToString(i.InstanceId))
		if was == "" {
			lines = append(lines, what+" is sent to "+on)
		}
		if !differs || !there[aws.ToString(i.InstanceId)] {
			continue
		}
		switch i.Status {
		case ssmtypes.CommandInvocationStatusSuccess, ssmtypes.CommandInvocationStatusFailed, ssmtypes.CommandInvocationStatusTimedOut, ssmtypes.CommandInvocationStatusCancelled:
			line := fmt.Sprintf("%s on %s is %s", what, on, aws.ToString(i.StatusDetails))
			if text := strings.TrimSpace(aws.ToString(i.CommandPlugins[0].Output)); text != "" {
				line += ": " + text
			}
			lines = append(lines, line)
		default: // it is under way
		}
	}
	return lines
}

// images are those that Drover makes, or a backup of the file does.
func (w witness) images(s *stage) (lines []string) {
	for _, i := range s.EC2.Images() {
		if _, differs := w.now("image "+i.ID, string(i.State)); !differs || s.own[i.ID] || !s.told[i.ID] {
			continue
		}
		line := fmt.Sprintf("image %s is %s", s.shown(i.ID), i.State)
		if i.Reason != "" {
			line += ": " + i.Reason
		}
		lines = append(lines, line)
	}
	return lines
}

func (w witness) builders(s *stage) (lines []string) {
	for _, i := range s.EC2.Instances() {
		if s.own[i.ID] || i.Tags[groupTag] != "" {
			continue
		}
		if _, differs := w.now("instance "+i.ID, string(i.State)); !differs {
			continue
		}
		switch i.State {
		case types.InstanceStateNamePending:
			lines = append(lines, s.shown(fmt.Sprintf("%s is pending, of %s", i.ID, i.Image)))
		case types.InstanceStateNameStopped, types.InstanceStateNameShuttingDown:
			lines = append(lines, s.shown(fmt.Sprintf("%s is %s", i.ID, i.State)))
		default:
		}
	}
	return lines
}

// groups are the instance refreshes of each group, and what becomes of its instances.
func (w witness) groups(s *stage) (lines []string) {
	image := map[string]string{}
	for _, i := range s.EC2.Instances() {
		image[i.ID] = i.Image
	}
	for _, g := range s.AutoScaling.Groups() {
		name := aws.ToString(g.AutoScalingGroupName)
		refreshes, progress := w.refreshes(s, name)
		members := w.members(g, image)
		switch {
		case progress != "" && members != "":
			members += "; instance refresh is " + progress
		case progress != "":
			refreshes = append(refreshes, "instance refresh of "+name+" is "+progress)
		}
		if members != "" {
			refreshes = append(refreshes, "group "+name+": "+members)
		}
		for _, line := range refreshes {
			lines = append(lines, s.shown(line))
		}
	}
	return lines
}

// members are what becomes of the instances of a group, in a line; "" if nothing does.
func (w witness) members(g astypes.AutoScalingGroup, image map[string]string) string {
	name := aws.ToString(g.AutoScalingGroupName)
	there := map[string]bool{}
	var parts []string
	for _, i := range g.Instances {
		id := aws.ToString(i.InstanceId)
		there[id] = true
		is := string(i.LifecycleState)
		if aws.ToString(i.HealthStatus) != "Healthy" && i.LifecycleState != astypes.LifecycleStateTerminating {
			is = aws.ToString(i.HealthStatus)
		}
		switch was, differs := w.now("member "+name+" "+id, is); {
		case !differs:
		case was == "" && i.LifecycleState == astypes.LifecycleStatePending:
			parts = append(parts, fmt.Sprintf("%s is Pending, of %s", id, image[id]))
		default:
			parts = append(parts, id+" is "+is)
		}
	}
	for what := range w {
		if id, of := strings.CutPrefix(what, "member "+name+" "); of && !there[id] {
			delete(w, what)
		}
	}
	return strings.Join(parts, "; ")
}

// refreshes tell of the states of a group's refreshes, and of the progress of the one
// that goes on, by quarters.
func (w witness) refreshes(s *stage, group string) (lines []string, progress string) {
	for _, r := range slices.Backward(s.AutoScaling.Refreshes(group)) { // the newest is first
		percent := aws.ToInt32(r.PercentageComplete)
		was, differs := w.now("refresh "+aws.ToString(r.InstanceRefreshId), fmt.Sprintf("%s %d", r.Status, percent/25))
		line := fmt.Sprintf("instance refresh of %s is %s", group, r.Status)
		switch before, _, _ := strings.Cut(was, " "); {
		case !differs, r.Status == astypes.InstanceRefreshStatusPending:
			continue
		case before == string(r.Status):
			progress = fmt.Sprintf("%s, at %d%%", r.Status, percent)
			continue
		case r.RollbackDetails != nil && r.Status == astypes.InstanceRefreshStatusRollbackInProgress:
			line += ": " + aws.ToString(r.RollbackDetails.RollbackReason)
		case r.StatusReason != nil && r.Status != astypes.InstanceRefreshStatusInProgress:
			line += ": " + *r.StatusReason
		}
		lines = append(lines, line)
	}
	return lines, progress
}

// witness tells what has happened in the world. What has changed in it beside is told
// with the next moment, if a turn of a run is about to be told of: it was its doing.
func (p *player) witness(turn bool) {
	for _, line := range p.seen.news(p.stage) {
		if turn {
			p.options.Tell(Moment{At: p.stage.clock.Now(), Who: "aws", What: line})
		} else {
			p.say("aws", line)
		}
	}
}
