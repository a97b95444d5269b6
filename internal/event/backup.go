package event

import (
	"encoding/json"
	"strings"
	"time"
)

// What AWS Backup emits about jobs.
const (
	SourceBackup = "aws.backup"

	TypeBackupJobStateChange = "Backup Job State Change"
)

// BackupJobStateChange says that a backup job has reached a state. It comes minutes
// after that, or not at all (facts/events.md 5). When a job is created, only its id is
// told.
//
// https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
type BackupJobStateChange struct {
	Job string
	// State is one such as RUNNING or COMPLETED, in upper case.
	State string
	// Resource is the ARN of what is backed up, and ResourceType says what that is:
	// "EC2" for an instance.
	Resource, ResourceType string
	Vault                  string // its name
	// Plan is the id of the backup plan whose job it is; empty if somebody started it.
	Plan string
	// RecoveryPoint is the ARN of what a job has made: of an instance that of an image.
	// It is not in the detail, and there is no sample of a real one: the job itself,
	// when it is asked, is the better witness (facts/events.md 5).
	RecoveryPoint string
	// Message says why a job has failed, or what is amiss with one that is COMPLETED
	// nevertheless. It is often empty.
	Message string
}

// How a backup job ends.
const (
	BackupCompleted = "COMPLETED"
	BackupPartial   = "PARTIAL"
	BackupFailed    = "FAILED"
	BackupAborted   = "ABORTED"
	BackupExpired   = "EXPIRED"
)

// AsBackupJobStateChange reads the detail of e, in older forms too. It reports false if
// e is another type of event, and an error if its detail is broken.
func AsBackupJobStateChange(e Event) (BackupJobStateChange, bool, error) {
	if !e.is(SourceBackup, TypeBackupJobStateChange) {
		return BackupJobStateChange{}, false, nil
	}
	r := readDetail(e)
	d := BackupJobStateChange{
		Job:          r.word("backupJobId", "the id of a backup job"),
		State:        strings.ToUpper(r.word("state", "a state such as COMPLETED")),
		Resource:     r.unlessEmpty("resourceArn"),
		ResourceType: r.unlessEmpty("resourceType"),
		Vault:        r.unlessEmpty("backupVaultName"),
		Message:      unquoted(r.unlessEmpty("statusMessage")),
	}
	if by, told := r.members.get("createdBy"); told && by.value != nil {
		plan := r.within("createdBy", "what created the job")
		d.Plan = plan.unlessEmpty("backupPlanId")
		r.problems = plan.problems
	}
	if len(e.Resources) > 0 {
		d.RecoveryPoint = e.Resources[0]
	}
	return d, true, r.err()
}

// unlessEmpty is optional; an empty object, which AWS Backup writes for a string that
// it does not have, is none (facts/events.md 5, Copy Job).
func (r *detailReader) unlessEmpty(name string) string {
	n, _ := r.members.get(name)
	if all, ok := n.value.(members); ok && len(all) == 0 {
		return ""
	}
	return r.optional(name)
}

// unquoted is a message without the quotes that AWS Backup puts around most: it is a
// JSON string within a JSON string (facts/events.md 5).
func unquoted(message string) string {
	var inner string
	if json.Unmarshal([]byte(message), &inner) == nil {
		return inner
	}
	return message
}

// NewBackupJobStateChange is the event that AWS Backup emits when a job reaches a state,
// with as much of its detail as d tells.
func NewBackupJobStateChange(account, region string, d BackupJobStateChange, at time.Time) Event {
	type creator struct {
		Plan string `json:"backupPlanId"`
	}
	detail := struct {
		Job          string   `json:"backupJobId"`
		Vault        string   `json:"backupVaultName,omitempty"`
		Resource     string   `json:"resourceArn,omitempty"`
		ResourceType string   `json:"resourceType,omitempty"`
		State        string   `json:"state"`
		Message      string   `json:"statusMessage,omitempty"`
		CreatedBy    *creator `json:"createdBy,omitempty"`
	}{Job: d.Job, Vault: d.Vault, Resource: d.Resource, ResourceType: d.ResourceType, State: d.State}
	if d.Message != "" {
		detail.Message = string(mustJSON(d.Message))
	}
	if d.Plan != "" {
		detail.CreatedBy = &creator{d.Plan}
	}
	e := Event{
		Version:    "0",
		DetailType: TypeBackupJobStateChange,
		Source:     SourceBackup,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Detail:     mustJSON(detail),
	}
	if d.RecoveryPoint != "" {
		e.Resources = []string{d.RecoveryPoint}
	}
	return identify(e)
}
