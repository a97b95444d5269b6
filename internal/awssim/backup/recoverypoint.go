package backup

// Recovery points. Not modelled: vault locks, legal holds, sharing, cold storage, and
// encryption (EC2 shows the volumes here as not encrypted).

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	describePointInput  = backup.DescribeRecoveryPointInput
	describePointOutput = backup.DescribeRecoveryPointOutput
	listPointsInput     = backup.ListRecoveryPointsByResourceInput
	listPointsOutput    = backup.ListRecoveryPointsByResourceOutput
	deletePointInput    = backup.DeleteRecoveryPointInput
	deletePointOutput   = backup.DeleteRecoveryPointOutput
)

// find is a recovery point in a vault.
func (s *state) find(vault, arn *string) (point, error) {
	p, ok := s.point(aws.ToString(arn))
	if !ok || p.vault != aws.ToString(vault) {
		return point{}, missing("Recovery point", aws.ToString(arn))
	}
	return p, nil
}

func describeRecoveryPoint(m *awssim.Moment, s *state, in *describePointInput) (*describePointOutput, error) {
	p, err := s.find(in.BackupVaultName, in.RecoveryPointArn)
	if err != nil {
		return nil, err
	}
	j, _ := s.job(p.job)
	out := &describePointOutput{
		BackupSizeInBytes: aws.Int64(size), BackupVaultArn: aws.String(vaultARN(m, p.vault)), BackupVaultName: aws.String(p.vault),
		CompletionDate: aws.Time(j.completed), CreatedBy: createdBy(m, j), CreationDate: aws.Time(p.created), IamRoleArn: aws.String(j.role),
		RecoveryPointArn: aws.String(p.arn), ResourceArn: aws.String(instanceARN(m, j.instance)), ResourceType: aws.String(typeEC2),
		Status: p.status, StorageClass: types.StorageClassWarm, VaultType: types.VaultTypeBackupVault,
	}
	if p.message != "" {
		out.StatusMessage = aws.String(p.message)
	}
	if j.deleteAfterDays > 0 {
		out.Lifecycle = &types.Lifecycle{DeleteAfterDays: aws.Int64(j.deleteAfterDays)}
		out.CalculatedLifecycle = &types.CalculatedLifecycle{DeleteAt: aws.Time(deleteAt(j))}
	}
	return out, nil
}

// listRecoveryPointsByResource lists the oldest first, and nothing of what is not there
// (both unverified). All are managed by AWS Backup here.
func listRecoveryPointsByResource(m *awssim.Moment, s *state, in *listPointsInput) (*listPointsOutput, error) {
	if n := in.MaxResults; n != nil && (*n < 1 || *n > 1000) { // botocore 1.43.11
		return nil, invalid("MaxResults must be between 1 and 1000.")
	}
	var of []point
	for _, p := range s.points {
		if j, _ := s.job(p.job); instanceARN(m, j.instance) == aws.ToString(in.ResourceArn) {
			of = append(of, *p)
		}
	}
	key := func(p point) string { return p.created.Format("2006-01-02T15:04:05.000000000") + " " + p.arn }
	slices.SortFunc(of, func(a, b point) int { return strings.Compare(key(a), key(b)) })
	page, next, err := awssim.Page(m, of, key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, invalid("The next token is not valid.")
	}
	out := &listPointsOutput{NextToken: next}
	for _, p := range page {
		shown := types.RecoveryPointByResource{
			BackupSizeBytes: aws.Int64(size), BackupVaultName: aws.String(p.vault), CreationDate: aws.Time(p.created),
			RecoveryPointArn: aws.String(p.arn), Status: p.status, VaultType: types.VaultTypeBackupVault,
		}
		if p.message != "" {
			shown.StatusMessage = aws.String(p.message)
		}
		out.RecoveryPoints = append(out.RecoveryPoints, shown)
	}
	return out, nil
}

// deleteRecoveryPoint begins to delete. Where the role that made a recovery point may not
// delete it, AWS answers all the same, and the recovery point is EXPIRED (doc of
// DeleteRecoveryPoint).
func deleteRecoveryPoint(m *awssim.Moment, s *state, in *deletePointInput) (*deletePointOutput, error) {
	p, err := s.find(in.BackupVaultName, in.RecoveryPointArn)
	if err != nil {
		return nil, err
	}
	if p.status == types.RecoveryPointStatusDeleting {
		return nil, busy(p.arn)
	}
	s.remove(m, p.arn)
	return &deletePointOutput{}, nil
}

// remove begins to delete a recovery point, which is gone some time later, and its image
// with it.
func (s *state) remove(m *awssim.Moment, arn string) {
	p, ok := s.point(arn)
	if !ok || p.status == types.RecoveryPointStatusDeleting {
		return
	}
	if p.refuses {
		p.status, p.message = types.RecoveryPointStatusExpired, "Insufficient permissions to delete the recovery point." // the text unverified
		s.putPoint(p)
		return
	}
	p.status = types.RecoveryPointStatusDeleting
	s.putPoint(p)
	m.After(s.options.Times.Deleting, func(m *awssim.Moment) {
		s.points = slices.DeleteFunc(s.points, func(p *point) bool { return p.arn == arn })
		if hook := s.options.Deregister; hook != nil {
			m.Tell(func() { hook(p.image) })
		}
	})
}
