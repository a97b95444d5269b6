package kms

// What tests and scenarios can see and do beside the API.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Key is a symmetric key.
type Key struct {
	ID          string               // default a new one
	Alias       string               // such as "alias/images"; default none
	Manager     types.KeyManagerType // default CUSTOMER
	State       types.KeyState       // default Enabled
	Description string
	// Users are the ARNs of the roles and users that the policy of the key lets use
	// it. Without any it is left to IAM, as in the policy that a new key has: every
	// role of the account may, but no service-linked role, which nobody can give
	// permissions.
	Users []string
}

// AddKey puts a key there and returns its ARN.
func (s *Service) AddKey(spec Key) (arn string) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		spec.ID = cmp.Or(spec.ID, m.UUID("key"))
		spec.Manager, spec.State = cmp.Or(spec.Manager, types.KeyManagerTypeCustomer), cmp.Or(spec.State, types.KeyStateEnabled)
		spec.Users = slices.Clone(spec.Users)
		arn = m.ARN("kms", "key/"+spec.ID)
		st.keys = append(st.keys, key{spec, arn, m.Now.UTC().Truncate(time.Second)})
	})
	return arn
}

// SetState makes a key, by its ARN, for example Disabled or PendingDeletion.
func (s *Service) SetState(arn string, to types.KeyState) (err error) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		i := slices.IndexFunc(st.keys, func(k key) bool { return k.arn == arn })
		if i < 0 {
			err = fmt.Errorf("no key %s", arn)
			return
		}
		st.keys[i].State = to
	})
	return err
}

// AutoScalingRole is the ARN of the service-linked role with which Auto Scaling
// launches instances.
func AutoScalingRole(account string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

// Usable says whether EC2 may use a key, by its ARN or that of an alias, for a
// principal, which is what [awssim.Moment.Caller] says: for the account's roles and
// users by what [Key].Users says, and for anybody by a grant of Decrypt and
// CreateGrant, which is the least that Auto Scaling is told to be given (Auto
// Scaling User Guide, "Required AWS KMS key policy for use with encrypted volumes").
// The service Auto Scaling stands for [AutoScalingRole]. It is for EC2, when it is
// being called.
func (s *Service) Usable(m *awssim.Moment, arn, principal string) bool {
	st := s.store.At(m)
	k, err := st.find(m, &arn, true)
	if err != nil || k.State != types.KeyStateEnabled {
		return false
	}
	if k.Manager == types.KeyManagerTypeAws {
		return true
	}
	role := roleOf(m.Account(), principal)
	linked := strings.Contains(role, ":role/aws-service-role/")
	if slices.Contains(k.Users, role) || len(k.Users) == 0 && !linked {
		return true
	}
	return slices.ContainsFunc(st.grants, func(g grant) bool {
		return g.key == k.arn && g.principal == role && slices.Contains(g.operations, types.GrantOperationDecrypt) && slices.Contains(g.operations, types.GrantOperationCreateGrant)
	})
}

// roleOf is the role behind a caller, or whatever else it is.
func roleOf(account, principal string) string {
	if principal == "autoscaling.amazonaws.com" {
		return AutoScalingRole(account)
	}
	_, session, assumed := strings.Cut(principal, ":assumed-role/")
	if !assumed {
		return principal
	}
	name, _, _ := strings.Cut(session, "/")
	return "arn:aws:iam::" + account + ":role/" + name
}
