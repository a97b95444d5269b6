package script

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	backuptypes "github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/flow"
)

// doGroup does what concerns groups and their instances.
func (s *stage) doGroup(ctx context.Context, do Do) (who, what string, err error) {
	who = "operator"
	switch {
	case do.UpdateGroup != nil:
		what, err = s.updateGroup(*do.UpdateGroup)
	case do.Scale != nil:
		who = "aws"
		what, err = s.scale(*do.Scale)
	case do.Suspend != nil:
		m := do.Suspend
		what = fmt.Sprintf("suspends %s of the group %s", m.named(), m.Group)
		err = s.AutoScaling.Suspend(s.operator(), m.Group, m.Processes...)
	case do.Resume != nil:
		m := do.Resume
		what = fmt.Sprintf("resumes %s of the group %s", m.named(), m.Group)
		err = s.AutoScaling.Resume(s.operator(), m.Group, m.Processes...)
	case do.Refresh != nil:
		what = "starts an instance refresh of the group " + do.Refresh.Group
		err = s.refresh(*do.Refresh)
	case do.Protect != "":
		what = "protects " + do.Protect + " from scale in"
		err = s.AutoScaling.Protect(groupOf(do.Protect), s.instance(do.Protect), true)
	case do.Unprotect != "":
		what = "protects " + do.Unprotect + " from scale in no longer"
		err = s.AutoScaling.Protect(groupOf(do.Unprotect), s.instance(do.Unprotect), false)
	case do.Standby != "":
		what = "puts " + do.Standby + " on standby"
		err = s.standby(do.Standby)
	case do.Return != "":
		what = "puts " + do.Return + " back into service"
		err = s.AutoScaling.ExitStandby(s.operator(), groupOf(do.Return), s.instance(do.Return))
	default:
		return s.doMachine(ctx, do)
	}
	return who, what, err
}

// doMachine does what concerns machines, and the images that are made of them.
func (s *stage) doMachine(ctx context.Context, do Do) (who, what string, err error) {
	who = "aws"
	switch {
	case do.Backup != nil:
		what, err = s.backup(*do.Backup)
	case do.FailImage != "":
		what = "the next image that is begun is going to fail"
		s.EC2.FailNextImage(do.FailImage)
	case do.Boots != nil:
		b := *do.Boots
		what = fmt.Sprintf("instances of %s boot %s", b.Image, b.words())
		s.boots = append(s.boots, b)
		s.settleBoots()
	case do.Documents != nil:
		what = "documents behave otherwise: " + strings.Join(slices.Sorted(maps.Keys(do.Documents)), ", ")
		s.documents(do.Documents)
	case do.SendCommand != nil:
		m := do.SendCommand
		who, what = "operator", fmt.Sprintf("has %s run on %s", m.Document, m.Instance)
		_, err = s.ssm.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: &m.Document, InstanceIds: []string{s.instance(m.Instance)}})
	case do.Alarm != "":
		what = "the alarm " + do.Alarm + " goes off"
		s.AutoScaling.SetAlarm(do.Alarm, true)
	case do.ClearAlarm != "":
		what = "the alarm " + do.ClearAlarm + " is OK again"
		s.AutoScaling.SetAlarm(do.ClearAlarm, false)
	}
	return who, what, err
}

func (p Processes) named() string {
	if len(p.Processes) == 0 {
		return "all processes"
	}
	return strings.Join(p.Processes, ", ")
}

func (s *stage) updateGroup(m UpdateGroup) (what string, err error) {
	in := &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &m.Name}
	var parts []string
	if m.Version != "" {
		group, ok := s.AutoScaling.Group(m.Name)
		if !ok || group.LaunchTemplate == nil {
			return "puts the group " + m.Name + " on version " + m.Version, fmt.Errorf("there is no group %s", m.Name)
		}
		in.LaunchTemplate = launch(aws.ToString(group.LaunchTemplate.LaunchTemplateId), m.Version)
		parts = append(parts, "version "+m.Version)
	}
	for _, size := range []struct {
		name string
		from *int
		to   **int32
	}{{"min", m.Min, &in.MinSize}, {"max", m.Max, &in.MaxSize}, {"desired", m.Desired, &in.DesiredCapacity}} {
		if size.from != nil {
			*size.to = number(*size.from)
			parts = append(parts, fmt.Sprintf("%s %d", size.name, *size.from))
		}
	}
	return fmt.Sprintf("puts the group %s on %s", m.Name, strings.Join(parts, ", ")), s.AutoScaling.Update(cmp.Or(m.By, usualGroupMaker), in)
}

func (s *stage) scale(m Scale) (what string, err error) {
	by, process, set := "a scaling policy", "AlarmNotification", s.AutoScaling.Scale
	if m.By == "schedule" {
		by, process, set = "a scheduled action", "ScheduledActions", s.AutoScaling.ScaleOnSchedule
	}
	done, err := set(m.Group, *number(m.Desired))
	what = fmt.Sprintf("%s wants %s of the group %s", by, flow.Count(m.Desired, "instance"), m.Group)
	if err == nil && !done {
		what += ", and nothing comes of it: " + process + " is suspended"
	}
	return what, err
}

// refresh starts an instance refresh. One to another version has that as its desired
// configuration.
func (s *stage) refresh(m Refresh) error {
	in := &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: &m.Group, Preferences: &types.RefreshPreferences{AutoRollback: &m.Rollback}}
	if m.Alarm != "" {
		in.Preferences.AlarmSpecification = &types.AlarmSpecification{Alarms: []string{m.Alarm}}
	}
	group, ok := s.AutoScaling.Group(m.Group)
	if m.Version != "" && ok && group.LaunchTemplate != nil {
		in.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: launch(aws.ToString(group.LaunchTemplate.LaunchTemplateId), m.Version)}
	}
	return s.AutoScaling.StartRefresh(s.operator(), in)
}

func (s *stage) backup(m Backup) (what string, err error) {
	what = fmt.Sprintf("AWS Backup begins to make the image %s of %s", m.Name, m.Instance)
	instance := s.instance(m.Instance)
	switch {
	case m.Fails != "":
		err = s.Backup.EndNext(instance, backuptypes.BackupJobStateFailed, m.Fails)
	case m.Issues != "":
		err = s.Backup.EndNext(instance, backuptypes.BackupJobStateCompleted, m.Issues)
	}
	if err != nil {
		return what, err
	}
	if m.Vault != "" {
		s.Backup.AddVault(m.Vault)
	}
	id, err := s.Backup.Start(simbackup.Job{Instance: instance, Vault: m.Vault, Tags: m.Tags, Takes: time.Duration(m.Takes)})
	if err == nil {
		s.backups[id] = m.Name
	}
	return what, err
}

func (b Boots) boot() simec2.Boot {
	return simec2.Boot{Checks: time.Duration(b.Checks), Impaired: b.Impaired, Agentless: b.NoAgent, Stops: time.Duration(b.Stops)}
}

// words say how, after "instances boot".
func (b Boots) words() string {
	var all []string
	for _, w := range []struct {
		is   bool
		says string
	}{
		{b.Checks > 0, "slowly"},
		{b.Impaired, "and fail their status checks"},
		{b.NoAgent, "without an agent"},
		{b.Stops > 0, "and stop by themselves"},
		{b.Unfit, "and never come into service"},
	} {
		if w.is {
			all = append(all, w.says)
		}
	}
	return cmp.Or(strings.Join(all, ", "), "as usual")
}
