package imagerollout

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/automation/templatestep"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// prune deletes old versions.
func prune(ctx context.Context, t *turn) error {
	return templatestep.Prune(ctx, t.Env, stepPrune, t.Config.Keep, target(t).Number)
}

// cleanUp deletes the recovery point of the image that was rolled out, and with it the
// image, which belongs to AWS Backup and goes in no other way (facts/apis.md 11).
func cleanUp(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepCleanUp)) == 0 {
		return nil
	}
	p, found, err := recoveryPoint(ctx, t)
	switch {
	case err != nil:
		return err
	case !found:
		return nil
	}
	now, id := t.Clock.Now(), aws.ToString(p.RecoveryPointArn)
	switch p.Status {
	case types.RecoveryPointStatusDeleting:
		return failure.Waitf(now.Add(lookAgain), "recovery point %s to be deleted", id)
	case types.RecoveryPointStatusExpired: // the doc of DeleteRecoveryPoint
		return failure.WithHint(failure.Stopf("recovery point %s could not be deleted: %s", id, aws.ToString(p.StatusMessage)),
			"delete it with the rights of the role that made it: aws backup delete-recovery-point --backup-vault-name %s --recovery-point-arn %s", aws.ToString(p.BackupVaultName), id)
	default:
	}
	_, err = t.AWS.Backup.DeleteRecoveryPoint(ctx, &backup.DeleteRecoveryPointInput{BackupVaultName: p.BackupVaultName, RecoveryPointArn: p.RecoveryPointArn})
	if err != nil && cloud.Code(err) != "ResourceNotFoundException" {
		return failure.WithHint(fmt.Errorf("delete recovery point %s: %w", id, err),
			"aws backup delete-recovery-point --backup-vault-name %s --recovery-point-arn %s", aws.ToString(p.BackupVaultName), id)
	}
	return failure.Waitf(now.Add(lookAgain), "recovery point %s to be deleted", id)
}

// recoveryPoint is that of the image which was rolled out. It reports false if there is
// none.
func recoveryPoint(ctx context.Context, t *turn) (types.RecoveryPointByResource, bool, error) {
	image, _ := t.State.image(source(t.Plan))
	if image.Instance == "" { // a person has asked for one that is no backup
		return types.RecoveryPointByResource{}, false, nil
	}
	of, err := arn.Parse(t.State.Group.ARN)
	if err != nil {
		return types.RecoveryPointByResource{}, false, failure.Stopf("find the recovery point of %s: the ARN of group %s says not in which account: %w", image.ID, t.Config.Group, err)
	}
	pages := backup.NewListRecoveryPointsByResourcePaginator(t.AWS.Backup, &backup.ListRecoveryPointsByResourceInput{
		ResourceArn: aws.String(fmt.Sprintf("arn:%s:ec2:%s:%s:instance/%s", of.Partition, of.Region, of.AccountID, image.Instance)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return types.RecoveryPointByResource{}, false, fmt.Errorf("list the recovery points of %s: %w", image.Instance, err)
		}
		for _, p := range page.RecoveryPoints {
			if imageIn(aws.ToString(p.RecoveryPointArn)) == image.ID {
				return p, true, nil
			}
		}
	}
	return types.RecoveryPointByResource{}, false, nil
}
