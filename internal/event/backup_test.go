package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
)

func TestBackupJobsOfPublishedSamples(t *testing.T) {
	const (
		plan     = "bde0f455-4e24-4668-aeaa-4932a97f5cc5"
		resource = "arn:aws:service:us-west-2:111222333444:resource-type/resource-id"
	)
	completed := event.BackupJobStateChange{
		Job: "a827233a-d405-4a86-a440-759fa94f34dd", State: event.BackupCompleted, Vault: "9732c1b4-1091-472a-9d9f-52e0565ee39a", Resource: resource, ResourceType: "type",
		RecoveryPoint: "arn:aws:backup:us-west-2:111222333444:recovery-point:f1d966fe-a3bd-410b-b292-99f442d13b56",
	}
	verbatim := completed // with the docs' own account of 13 digits
	verbatim.Resource = strings.ReplaceAll(verbatim.Resource, "111222333444", "1112233445566")
	verbatim.RecoveryPoint = strings.ReplaceAll(verbatim.RecoveryPoint, "111222333444", "1112233445566")
	image := completed
	image.Resource, image.ResourceType, image.Plan = "arn:aws:ec2:us-west-2:111222333444:instance/i-0515aee7de03f58e1", "EC2", plan
	image.RecoveryPoint = "arn:aws:ec2:us-west-2::image/ami-00179b33a7a88cac5"
	issues := image
	issues.Message = "Windows VSS Backup Job Error encountered, trying for regular backup"

	want := map[string]any{
		"backup-copy-job-failed-ec2.json":           nil,
		"backup-job-completed.json":                 completed,
		"backup-job-completed-old-shape.json":       completed,
		"backup-job-completed-docs-verbatim.json":   verbatim,
		"backup-job-completed-ec2.json":             image,
		"backup-job-completed-with-issues-ec2.json": issues,
		"backup-job-created.json":                   event.BackupJobStateChange{Job: "7e8845b5-ca30-415f-a842-e0152bf4d0ca", State: "CREATED"},
		"backup-job-pending.json": event.BackupJobStateChange{
			Job: "2cffdb68-d6ed-485f-9f9b-8b530749f1c2", State: "PENDING", Vault: "ed1f2661-5587-48bf-8a98-fadb977bf975", Resource: resource, ResourceType: "type",
		},
		"backup-job-running.json": event.BackupJobStateChange{
			Job: "B6EC38D2-CB3C-EF0A-F5A4-3CF324EF4945", State: "RUNNING", Vault: "e6625738-0655-4aa9-bd37-6ec1dd183b15",
			Resource: "arn:aws:ec2:us-west-2:111222333444:volume/vol-0b5ae24f2ee72d926", ResourceType: "EBS", Plan: plan,
		},
		"backup-job-aborted.json": event.BackupJobStateChange{
			Job: "58cdef95-7680-4c74-80d5-1b64093999c8", State: event.BackupAborted, Vault: "f59bffcd-2538-4bbe-8343-1c60dae27c27", Resource: resource, ResourceType: "type",
			Message: "Backup job was stopped by user.",
		},
		"backup-job-expired.json": event.BackupJobStateChange{
			Job: "01EE26DC-7107-4D8E-0C54-EAC27C662BA4", State: event.BackupExpired, Vault: "aws/backup/AutomatedBackupVaultDel2", Resource: resource, ResourceType: "type",
			Message: "Backup job failed because there was a running job for the same resource.", Plan: "aws/efs/414a5bd4-f880-47ad-95f3-f085108a4c3b",
		},
		"backup-job-failed.json": event.BackupJobStateChange{
			Job: "34176239-e96d-4e1d-9fad-529dbb3c3556", State: event.BackupFailed, Vault: "9ab3e749-82c6-4342-9320-5edbf4918b86", Resource: resource, ResourceType: "type",
			Message: "Backup job failed because backup vault arn:aws:backup:us-west-2:111222333444:backup-vault:9ab3e749-82c6-4342-9320-5edbf4918b86 does not exist.",
		},
	}
	got := map[string]any{}
	for name, data := range samples(t) {
		if !strings.HasPrefix(name, "backup-") {
			continue
		}
		e, err := event.Parse(data)
		if err == nil {
			got[name], err = as(e)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBackupJobsAreReadBack(t *testing.T) {
	for _, want := range []event.BackupJobStateChange{
		{Job: "a", State: "CREATED"},
		{
			Job: "b", State: event.BackupPartial, Resource: "arn:aws:ec2:us-west-1:012345678901:instance/i-1", ResourceType: "EC2", Vault: "Default", Plan: "p",
			RecoveryPoint: "arn:aws:ec2:us-west-1::image/ami-1", Message: `the "image" is not whole`,
		},
	} {
		data, err := json.Marshal(event.NewBackupJobStateChange("012345678901", "us-west-1", want, at))
		if err != nil {
			t.Fatal(err)
		}
		read, err := event.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := as(read); err != nil || got != want {
			t.Errorf("got %#v, %v; want %#v", got, err, want)
		}
	}
}

func TestBackupJobsAreReadLeniently(t *testing.T) {
	job := func(detail string) event.Event {
		return event.Event{DetailType: event.TypeBackupJobStateChange, Source: event.SourceBackup, Detail: json.RawMessage(detail)}
	}
	got, err := as(job(`{"backupJobId": " a ", "state": "completed", "statusMessage": "\"half", "resourceArn": {}, "backupVaultName": null, "createdBy": {}, "backupSizeInBytes": 1}`))
	if want := (event.BackupJobStateChange{Job: "a", State: event.BackupCompleted, Message: `"half`}); err != nil || got != want {
		t.Errorf("got %#v, %v; want %#v", got, err, want)
	}
	const read = `read "Backup Job State Change": `
	for detail, want := range map[string]string{
		`{"state": "COMPLETED"}`:                                 read + "detail.backupJobId: got no such member, wanted the id of a backup job",
		`{"backupJobId": "a", "status": "COMPLETED"}`:            read + "detail.state: got no such member, wanted a state such as COMPLETED",
		`{"backupJobId": "a", "state": "X", "resourceArn": [1]}`: read + "detail.resourceArn: got an array, wanted a string",
		`{"backupJobId": "a", "state": "X", "createdBy": 1}`:     read + "detail.createdBy: got 1, wanted what created the job",
		`[]`: read + "detail: got what is not an object, wanted an object",
	} {
		_, err := as(job(detail))
		refused(t, err, want, "")
	}
}
