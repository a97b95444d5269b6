package backup

// Jobs. Not modelled: ABORTING, that jobs of one instance exclude each other, that a job
// is tried again within its start window, StopBackupJob (see [Service.Abort]),
// completion windows, and copies to cold storage.

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

type (
	startInput     = backup.StartBackupJobInput
	startOutput    = backup.StartBackupJobOutput
	describeInput  = backup.DescribeBackupJobInput
	describeOutput = backup.DescribeBackupJobOutput
)

const (
	size      = 8 << 30 // bytes: what EC2's volumes have, not what is stored (doc of DescribeBackupJobOutput.BackupSizeInBytes)
	typeEC2   = "EC2"
	vss       = "WindowsVSS"
	reserved  = "aws:"
	sourceTag = "aws:backup:source-resource"
)

// startBackupJob does nothing the second time that a token is used (doc of
// StartBackupJobInput.IdempotencyToken); that it then returns the job of the first time
// is unverified.
func startBackupJob(m *awssim.Moment, s *state, in *startInput) (*startOutput, error) {
	asked := *in
	asked.IdempotencyToken = nil
	parameters, err := json.Marshal(asked)
	mustBe(err, "a request as JSON")
	token := aws.ToString(in.IdempotencyToken)
	if before, ok := s.tokens[token]; ok {
		if before.parameters != string(parameters) {
			return nil, m.NotModelled("IdempotencyToken of another request")
		}
		j, _ := s.job(before.job)
		return started(j), nil
	}
	instance, err := s.instance(m, aws.ToString(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	j := job{
		instance: instance, vault: aws.ToString(in.BackupVaultName), role: aws.ToString(in.IamRoleArn),
		tags: maps.Clone(in.RecoveryPointTags), backupOptions: maps.Clone(in.BackupOptions), running: s.options.Times.Running,
	}
	window := 8 * time.Hour // the default (doc of StartBackupJobInput.StartWindowMinutes), as is the least
	if w := in.StartWindowMinutes; w != nil {
		if *w < 60 {
			return nil, invalid("The start window must be at least 60 minutes.")
		}
		window = time.Duration(*w) * time.Minute
	}
	if l := in.Lifecycle; l != nil && l.DeleteAfterDays != nil {
		if j.deleteAfterDays = *l.DeleteAfterDays; j.deleteAfterDays < 1 {
			return nil, invalid("DeleteAfterDays must be at least 1.")
		}
	}
	if j, err = s.start(m, j, window); err != nil {
		return nil, err
	}
	s.tokens[token] = call{string(parameters), j.id}
	return started(j), nil
}

func started(j job) *startOutput {
	return &startOutput{BackupJobId: aws.String(j.id), CreationDate: aws.Time(j.created)} // the recovery point is for other resources (doc of the output)
}

// instance is the id of the instance that an ARN names.
func (s *state) instance(m *awssim.Moment, arn string) (string, error) {
	id, ok := strings.CutPrefix(arn, instanceARN(m, ""))
	if !ok {
		return "", m.NotModelled("resource %q", arn)
	}
	if _, found := s.tagsOf(m, id); !found {
		return "", missing("Resource", arn)
	}
	return id, nil
}

func (s *state) tagsOf(m *awssim.Moment, instance string) (map[string]string, bool) {
	if s.options.Instance == nil {
		return nil, true
	}
	return s.options.Instance(m, instance)
}

// start creates a job.
func (s *state) start(m *awssim.Moment, j job, window time.Duration) (job, error) {
	if !slices.Contains(s.vaults, j.vault) {
		return j, missing("Backup vault", vaultARN(m, j.vault))
	}
	j.id, j.created = m.UUID("backup-job"), m.Now.UTC()
	j.startBy = j.created.Add(window)
	j.end = s.ends[j.instance]
	delete(s.ends, j.instance)
	s.become(m, j, types.BackupJobStateCreated)
	return j, nil
}

// become puts a job into a state, has it leave that when the time has come, and its
// event come after a while.
func (s *state) become(m *awssim.Moment, j job, into types.BackupJobState) {
	j.state = into
	s.putJob(j)
	detail := s.detail(m, j)
	var resources []string
	if j.recoveryPoint != "" {
		resources = []string{j.recoveryPoint}
	}
	m.After(s.options.Times.Telling, func(m *awssim.Moment) {
		m.Emit(event.Event{
			Version: "0", ID: m.UUID("event"), DetailType: "Backup Job State Change", Source: "aws.backup",
			Account: m.Account(), Region: m.Region(), Time: m.Now.UTC().Truncate(time.Second), Resources: resources, Detail: detail,
		})
	})
	then := func(after time.Duration, change func(*awssim.Moment, job)) {
		m.After(after, func(m *awssim.Moment) {
			if now, _ := s.job(j.id); now.state == into {
				change(m, now)
			}
		})
	}
	run := func(m *awssim.Moment, j job) { s.become(m, j, types.BackupJobStateRunning) }
	switch into {
	case types.BackupJobStateCreated:
		switch {
		case j.end.in == types.BackupJobStateExpired: // when the start window is over (doc of StartBackupJobInput.StartWindowMinutes)
			then(j.startBy.Sub(m.Now), s.finish)
		case s.options.Times.Pending > 0:
			then(s.options.Times.Created, func(m *awssim.Moment, j job) { s.become(m, j, types.BackupJobStatePending) })
		default:
			then(s.options.Times.Created, run)
		}
	case types.BackupJobStatePending:
		then(s.options.Times.Pending, run)
	case types.BackupJobStateRunning:
		then(j.running, s.finish)
	default:
	}
}

// finish ends a job in the way that is meant for it. An instance that is gone cannot be
// backed up (the text unverified).
func (s *state) finish(m *awssim.Moment, j job) {
	into := j.end.in
	if into == "" {
		into = types.BackupJobStateCompleted
	}
	j.message, j.completed = j.end.message, m.Now.UTC()
	switch into {
	case types.BackupJobStateCompleted, types.BackupJobStatePartial: // that a partial one has an image too is unverified
		if _, found := s.tagsOf(m, j.instance); !found {
			into, j.message = types.BackupJobStateFailed, "Instance "+j.instance+" does not exist."
			break
		}
		j = s.make(m, j, into)
		m.Emit(event.NewImageStateChange(m.Account(), m.Region(), imageOf(j.recoveryPoint), "available", "", m.Now.UTC().Truncate(time.Second))) // that there is one is inferred (facts/events.md 3)
	default:
	}
	s.become(m, j, into)
}

// make makes the image of a job and the recovery point that it is. The name is that of
// lib:33137759501, the description that of lib:45502830151. An image has the tags of its
// instance and those of the job, which come first (AWS Backup's developer guide, "Copying
// tags onto backups"; that those of AWS are left out is unverified), and one of AWS
// Backup (gruntwork-io/cloud-nuke#440; its value unverified).
func (s *state) make(m *awssim.Moment, j job, as types.BackupJobState) job {
	own, _ := s.tagsOf(m, j.instance)
	tags := maps.Clone(own)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, reserved) })
	maps.Copy(tags, j.tags)
	tags[sourceTag] = j.instance
	made := AMI{
		ID: m.ID("ami"), Name: "AwsBackup_" + j.instance + "_" + j.id, Description: "This image is created by the AWS Backup service.",
		Instance: j.instance, Tags: tags, Created: j.completed,
	}
	if hook := s.options.Images; hook != nil {
		m.Tell(func() { hook(made) })
	}
	p := point{
		arn: imageARN(m, made.ID), image: made.ID, job: j.id, vault: j.vault, tags: maps.Clone(tags), created: j.created,
		status: types.RecoveryPointStatusCompleted,
	}
	if as == types.BackupJobStatePartial {
		p.status = types.RecoveryPointStatusPartial
	}
	j.recoveryPoint = p.arn
	s.putPoint(p)
	if j.deleteAfterDays > 0 {
		m.After(max(0, deleteAt(j).Sub(m.Now)), func(m *awssim.Moment) { s.remove(m, p.arn) })
	}
	return j
}

// deleteAt is when the lifecycle of a recovery point ends it: days after it was created
// (doc of types.Lifecycle).
func deleteAt(j job) time.Time { return j.created.AddDate(0, 0, int(j.deleteAfterDays)) }

func imageOf(recoveryPoint string) string {
	_, id, _ := strings.Cut(recoveryPoint, "/")
	return id
}

func describeBackupJob(m *awssim.Moment, s *state, in *describeInput) (*describeOutput, error) {
	j, ok := s.job(aws.ToString(in.BackupJobId))
	if !ok {
		return nil, missing("Backup job", aws.ToString(in.BackupJobId))
	}
	out := &describeOutput{
		AccountId: aws.String(m.Account()), BackupJobId: aws.String(j.id), BackupOptions: maps.Clone(j.backupOptions),
		BackupVaultName: aws.String(j.vault), BackupVaultArn: aws.String(vaultARN(m, j.vault)), BytesTransferred: aws.Int64(0),
		CreatedBy: createdBy(m, j), CreationDate: aws.Time(j.created), IamRoleArn: aws.String(j.role), PercentDone: aws.String("0.0"),
		ResourceArn: aws.String(instanceARN(m, j.instance)), ResourceType: aws.String(typeEC2), StartBy: aws.Time(j.startBy), State: j.state,
	}
	if j.message != "" {
		out.StatusMessage = aws.String(j.message)
	}
	if !j.completed.IsZero() {
		out.CompletionDate = aws.Time(j.completed)
	}
	if j.state == types.BackupJobStateRunning {
		out.ExpectedCompletionDate = aws.Time(s.expected(j))
	}
	if j.recoveryPoint != "" { // that it is not shown earlier is unverified
		out.RecoveryPointArn, out.BackupSizeInBytes, out.PercentDone = aws.String(j.recoveryPoint), aws.Int64(size), aws.String("100.0")
		if j.backupOptions[vss] == "enabled" && j.message == "" { // doc of DescribeBackupJobOutput.BackupType; with a message it was no VSS backup after all
			out.BackupType = aws.String(vss)
		}
	}
	if j.deleteAfterDays > 0 {
		out.RecoveryPointLifecycle = &types.Lifecycle{DeleteAfterDays: aws.Int64(j.deleteAfterDays)}
	}
	return out, nil
}

func (s *state) expected(j job) time.Time {
	t := s.options.Times
	return j.created.Add(t.Created + t.Pending + j.running)
}

func createdBy(m *awssim.Moment, j job) *types.RecoveryPointCreator {
	if j.plan == "" {
		return nil
	}
	return &types.RecoveryPointCreator{
		BackupPlanId: aws.String(j.plan), BackupPlanArn: aws.String(m.ARN("backup", "backup-plan:"+j.plan)),
		BackupPlanVersion: aws.String(planVersion), BackupRuleId: aws.String(planRule),
	}
}

// The samples' own: plans have no versions and rules here.
const (
	planVersion = "YTkzNmM0MmUtMWRhNS00Y2RkLThmZGUtNjA5NTc4NGM1YTc5"
	planRule    = "1f97bafa-14d6-4f39-94fd-94b51bd6d0d5"
)

func mustBe(err error, what string) {
	if err != nil {
		panic(fmt.Sprintf("awssim: %s: %v", what, err))
	}
}
