package backup

// Events of jobs, with the members that the samples of each state have
// (facts/events/backup-job-*.json), and records of calls. Not modelled: that events are
// lost, and that a job is tried again: none was.

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
)

const expected = "Jan 2, 2006 3:04:05 PM"

// instant is a date as the samples have it: without a fraction if that is zero.
func instant(t time.Time) string {
	t = t.Truncate(time.Millisecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

type members = map[string]any

// detail is what the event says of a job. There is no sample of PARTIAL: it is taken to
// be that of COMPLETED with a message.
func (s *state) detail(m *awssim.Moment, j job) json.RawMessage {
	d := members{"backupJobId": j.id, "state": j.state, "creationDate": instant(j.created)}
	if j.state != types.BackupJobStateCreated {
		d["backupVaultArn"], d["backupVaultName"] = vaultARN(m, j.vault), j.vault
		d["bytesTransferred"], d["percentDone"] = "0", 0
		d["iamRoleArn"], d["resourceArn"], d["resourceType"] = j.role, instanceARN(m, j.instance), typeEC2
		d["startBy"] = instant(j.startBy)
		if by := createdBy(m, j); by != nil {
			d["createdBy"] = members{
				"backupPlanId": by.BackupPlanId, "backupPlanArn": by.BackupPlanArn, "backupPlanVersion": by.BackupPlanVersion, "backupPlanRuleId": by.BackupRuleId,
			}
		}
	}
	done := func() { d["completionDate"] = instant(j.completed) }
	switch j.state {
	case types.BackupJobStatePending:
		d["statusMessage"] = ""
	case types.BackupJobStateRunning:
		d["backupSizeInBytes"] = strconv.Itoa(size)
		d["expectedCompletionDate"] = s.expected(j).Format(expected)
	case types.BackupJobStateCompleted, types.BackupJobStatePartial:
		done()
		d["backupSizeInBytes"], d["percentDone"], d["retryCount"] = strconv.Itoa(size), 100, 0
	case types.BackupJobStateFailed:
		d["retryCount"] = 0
	case types.BackupJobStateAborted, types.BackupJobStateExpired:
		done()
	default:
	}
	if j.message != "" {
		quoted, err := json.Marshal(j.message)
		mustBe(err, "message of backup job "+j.id+" as JSON")
		d["statusMessage"] = string(quoted)
	}
	data, err := json.Marshal(d)
	mustBe(err, "event of backup job "+j.id+" as JSON")
	return data
}

// The records are of the form of Auto Scaling's (facts/events.md 4); for AWS Backup
// unverified.

func startBackupJobRecord(_ *awssim.Moment, in *startInput, out *startOutput) (request, response any) {
	answer := members{}
	if out.BackupJobId != nil {
		answer["backupJobId"], answer["creationDate"] = *out.BackupJobId, out.CreationDate.Format(time.RFC3339)
	}
	return awssim.LowerCamel(in), answer
}

func deleteRecoveryPointRecord(_ *awssim.Moment, in *backup.DeleteRecoveryPointInput, _ *backup.DeleteRecoveryPointOutput) (request, response any) {
	return awssim.LowerCamel(in), nil
}
