package imagerollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/event"
)

func isAvailable(id string) event.Event {
	return event.NewImageStateChange("123456789012", "us-west-1", id, stateAvailable, "", t0)
}

func asks(group, image string) event.Event {
	return event.NewRolloutRequest(event.RolloutRequest{Group: group, Image: image}, t0)
}

func TestListen(t *testing.T) {
	backups, byName := config(), config(func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} })
	backedUp := event.NewBackupJobStateChange("1", "r", event.BackupJobStateChange{Job: "j", State: event.BackupCompleted, ResourceType: "EC2", RecoveryPoint: "arn:aws:ec2:r::image/ami-1"}, t0)
	for _, test := range []struct {
		name          string
		event         event.Event
		backup, image string // the triggers of the two; empty: none
	}{
		{"the backup of an instance", kindtest.Sample(t, "backup-job-completed-ec2"), "backup-completed", ""},
		{"as the simulation has it", backedUp, "backup-completed", ""},
		{"one with issues", kindtest.Sample(t, "backup-job-completed-with-issues-ec2"), "backup-completed", ""},
		{"the backup of something else", kindtest.Sample(t, "backup-job-completed"), "", ""},
		{"in its old form", kindtest.Sample(t, "backup-job-completed-old-shape"), "", ""},
		{"one that failed", kindtest.Sample(t, "backup-job-failed"), "", ""},
		{"one that runs", kindtest.Sample(t, "backup-job-running"), "", ""},
		{"one that was created", kindtest.Sample(t, "backup-job-created"), "", ""},
		{"one that was aborted", kindtest.Sample(t, "backup-job-aborted"), "", ""},
		{"one that has expired", kindtest.Sample(t, "backup-job-expired"), "", ""},
		{"a copy", kindtest.Sample(t, "backup-copy-job-failed-ec2"), "", ""},
		{"an image", kindtest.Sample(t, "ec2-ami-state-change-available"), "", "image-available"},
		{"one that failed", kindtest.Sample(t, "ec2-ami-state-change-failed"), "", ""},
		{"one that is gone", kindtest.Sample(t, "ec2-ami-state-change-deregistered"), "", ""},
		{"Image Builder's word for it, which names no image", kindtest.Sample(t, "imagebuilder-image-state-change-available"), "", ""},
		{"a request", asks("web", "ami-1"), "asked-for", "asked-for"},
		{"a request for another group", asks("api", "ami-1"), "", ""},
		{"the group's refresh", kindtest.Sample(t, "asg-instance-refresh-succeeded"), "", ""},
		{"a call", kindtest.Sample(t, "cloudtrail-create-image-real"), "", ""},
		{"a command", kindtest.Sample(t, "ssm-command-status-change-success"), "", ""},
		{"an instance", kindtest.Sample(t, "ec2-instance-state-change-running"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.Triggers(t, Kind, backups, test.event, test.backup)
			kindtest.Triggers(t, Kind, byName, test.event, test.image)
		})
	}
}

// TestAbout: whatever it was that happened, one rollout at a time works on a group, and
// the last word counts.
func TestAbout(t *testing.T) {
	for _, e := range []event.Event{kindtest.Sample(t, "backup-job-completed-ec2"), isAvailable("ami-1"), asks("web", "ami-1"), event.Sweep("app", t0)} {
		subject, ok := about(config(), e)
		if want := (automation.Subject{Key: "group web", Mode: automation.Latest}); !ok || subject != want {
			t.Errorf("%s is about %+v", e.DetailType, subject)
		}
	}
}

func TestToldOf(t *testing.T) {
	got := toldOf([]event.Event{
		isAvailable("ami-1"), event.NewImageStateChange("1", "r", "ami-2", "failed", "why", t0),
		kindtest.Sample(t, "backup-job-completed-ec2"), kindtest.Sample(t, "backup-job-completed"), event.Sweep("app", t0), asks("web", "ami-3"),
	})
	if diff := cmp.Diff([]string{"ami-1", "ami-00179b33a7a88cac5", "ami-3"}, got); diff != "" {
		t.Error(diff)
	}
	if got := asked([]event.Event{asks("web", "ami-3"), isAvailable("ami-1"), asks("web", "ami-4")}); got != "ami-4" {
		t.Errorf("asked for %q, not for what the last asks for", got)
	}
}
