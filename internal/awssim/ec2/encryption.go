package ec2

// Starting an instance with encrypted volumes takes their keys. One whose caller may
// not use them is accepted all the same, and ends at once (repost.aws
// knowledge-center "kms-iam-ec2-permission" and "encrypted-volumes-stops-immediately").
// Not modelled: other permissions for a key than kms:CreateGrant, and that a
// volume in use outlives its key.

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Keys is what EC2 asks KMS: whether it may use a key, by the ARN of it or of an
// alias, on behalf of a principal. That is the caller as [awssim.Moment.Caller]
// tells it. It is called with the world locked: it must read KMS's state without
// taking the lock.
type Keys func(m *awssim.Moment, key, principal string) bool

// UseKeys has EC2 ask about keys. Without, every key can be used.
func (s *Service) UseKeys(may Keys) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.keys = may })
}

// lockedOut says whether whoever starts an instance cannot use the keys of its
// volumes. A grant to EC2 takes a permission too, except for services, which are
// not asked for theirs, and for the key that AWS manages.
func (s *state) lockedOut(m *awssim.Moment, i instance) bool {
	caller := m.Caller()
	for _, v := range s.volumesOf(i.id) {
		if v.kmsKey == "" {
			continue
		}
		if s.keys != nil && !s.keys(m, v.kmsKey, caller) {
			return true
		}
		if !strings.HasPrefix(caller, "arn:") || v.kmsKey == keyARN(m, DefaultKey) {
			continue
		}
		for _, action := range uses {
			of := awssim.Request{Action: action, Resource: v.kmsKey, Context: map[string][]string{"kms:ViaService": {"ec2." + m.Region() + ".amazonaws.com"}}}
			if action == "kms:CreateGrant" { // facts/iam.md 1, "CMK-encrypted AMIs"
				of.Context["kms:GrantIsForAWSResource"] = []string{"true"}
			}
			if !m.Allowed(of) {
				return true
			}
		}
	}
	return false
}

// uses are what whoever starts an instance must be allowed to do with the keys of its
// volumes (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html).
var uses = []string{"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}

// failStart is what follows on pending for an instance that is locked out: one that
// is new is terminated, one that was stopped is stopped again.
func (s *state) failStart(fresh bool) func(*awssim.Moment, instance) {
	into := types.InstanceStateNameStopped
	if fresh {
		into = types.InstanceStateNameShuttingDown
	}
	return func(m *awssim.Moment, i instance) {
		i.reason = launchError
		s.enter(m, i, into)
	}
}
