package backup

import (
	"time"

	"github.com/droverhq/drover/internal/awssim"
)

// Times say how long a job is in its states, and what else takes time. The defaults are
// of the size of AWS's samples where there are some (facts/events/backup-job-*.json).
// Zero is the default.
type Times struct {
	Created  time.Duration // CREATED → RUNNING or PENDING; 30 s
	Pending  time.Duration // PENDING → RUNNING; by default jobs are not PENDING
	Running  time.Duration // RUNNING → COMPLETED; 10 min
	Telling  time.Duration // from a change to its event, 12 s; AWS says minutes (facts/events.md 5)
	Deleting time.Duration // DELETING → gone; 1 min
}

// AMI is what a job makes of an instance.
type AMI struct {
	ID, Name, Description string
	Instance              string
	Tags                  map[string]string
	Created               time.Time
}

// Options of the service. What is nil is not looked at.
type Options struct {
	Times Times
	// Images puts an AMI into EC2 that is managed by AWS Backup and available at once.
	// It is called outside all locks, before anybody who caused it gets an answer. With
	// it, EC2's event comes too.
	Images func(AMI)
	// Deregister takes an AMI out of EC2, and its snapshots; as Images otherwise. The
	// event of that is EC2's own.
	Deregister func(image string)
	// Instance are the tags of an instance that can be backed up, and whether there is
	// one. It is called with the world locked: it must read EC2's state without taking
	// the lock. Without it, there is every instance, without tags.
	Instance func(m *awssim.Moment, id string) (tags map[string]string, found bool)
}

// Service is AWS Backup in one world.
type Service struct {
	options Options
	store   *awssim.Store[*state]
}

// New makes the service for [awssim.New]. There is one vault, "Default".
func New(o Options) *Service {
	orDefault := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	orDefault(&o.Times.Created, 30*time.Second)
	orDefault(&o.Times.Running, 10*time.Minute)
	orDefault(&o.Times.Telling, 12*time.Second)
	orDefault(&o.Times.Deleting, time.Minute)
	return &Service{options: o}
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "backup", newState(s.options), (*state).clone)
	s.store = st

	awssim.Write(st, startBackupJob, "BackupVaultName", "IamRoleArn", "ResourceArn", "BackupOptions", "IdempotencyToken", "Lifecycle.DeleteAfterDays",
		"RecoveryPointTags", "StartWindowMinutes")
	awssim.Read(st, describeBackupJob, "BackupJobId")
	awssim.Read(st, describeRecoveryPoint, "BackupVaultName", "RecoveryPointArn")
	awssim.Read(st, listRecoveryPointsByResource, "ResourceArn", "ManagedByAWSBackupOnly", "MaxResults", "NextToken")
	awssim.Write(st, deleteRecoveryPoint, "BackupVaultName", "RecoveryPointArn")

	awssim.Requests(st, startBackupJobPermissions)
	awssim.Requests(st, describeRecoveryPointPermissions)
	awssim.Requests(st, deleteRecoveryPointPermissions)
	awssim.OtherRequests(st, func(*awssim.Moment) []awssim.Request { return []awssim.Request{{Resource: "*"}} }) // DescribeBackupJob (shared/facts/iam.json), ListRecoveryPointsByResource (iam-data@0473beb4)

	awssim.Trails(st, startBackupJobRecord)
	awssim.Trails(st, deleteRecoveryPointRecord)
}
