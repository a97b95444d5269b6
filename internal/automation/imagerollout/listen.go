package imagerollout

import (
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// backupOfEC2 is what AWS Backup calls the backup of an instance.
const backupOfEC2 = "EC2"

// listen wants backups that are complete, images that are available, and what people
// ask for. EC2's events say no more of an image than its id: those of all images come.
func listen(c Config) []automation.Trigger {
	asked := automation.Trigger{
		Name:    "asked-for",
		Title:   "somebody asks for a rollout",
		Pattern: event.PatternFor(event.SourceDrover, event.TypeRollout).Where("detail.group", c.Group),
	}
	if c.Source.Backups != nil {
		return []automation.Trigger{{
			Name:  "backup-completed",
			Title: "a backup of an instance is complete",
			Pattern: event.PatternFor(event.SourceBackup, event.TypeBackupJobStateChange).
				Where("detail.state", event.BackupCompleted).Where("detail.resourceType", backupOfEC2),
		}, asked}
	}
	return []automation.Trigger{{
		Name:    "image-available",
		Title:   "an image is available",
		Pattern: event.PatternFor(event.SourceEC2, event.TypeImageStateChange).Where("detail.State", stateAvailable),
	}, asked}
}

// about makes the group the subject: one rollout at a time works on it.
func about(c Config, _ event.Event) (automation.Subject, bool) { return c.subject(), true }
