package backup

// The permissions of all calls. Resources and condition keys are those of
// shared/facts/iam.json, and for StartBackupJob of iam-data@0473beb4, which has
// iam:PassRole too. Not modelled: tags of vaults, policies of vaults, and what tags of
// recovery points ask for, of which the reference says nothing.

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/awssim"
)

func startBackupJobPermissions(m *awssim.Moment, _ *state, in *startInput) []awssim.Request {
	return []awssim.Request{
		{Resource: vaultARN(m, aws.ToString(in.BackupVaultName))},
		{Action: "iam:PassRole", Resource: aws.ToString(in.IamRoleArn), Context: map[string][]string{"iam:PassedToService": {"backup.amazonaws.com"}}},
	}
}

func describeRecoveryPointPermissions(_ *awssim.Moment, s *state, in *describePointInput) []awssim.Request {
	return s.ask(in.RecoveryPointArn)
}

func deleteRecoveryPointPermissions(_ *awssim.Moment, s *state, in *deletePointInput) []awssim.Request {
	return s.ask(in.RecoveryPointArn)
}

// ask asks for the operation on a recovery point with the tags it was made with; that
// those of an image count is unverified.
func (s *state) ask(arn *string) []awssim.Request {
	r := awssim.Request{Resource: aws.ToString(arn)}
	if p, ok := s.point(r.Resource); ok {
		r.Context = map[string][]string{}
		for key, value := range p.tags {
			r.Context["aws:ResourceTag/"+key] = []string{value}
		}
	}
	return []awssim.Request{r}
}
