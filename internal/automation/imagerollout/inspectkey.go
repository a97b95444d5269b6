package imagerollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/wildcard"
)

// missingKeys looks at the keys with which an image is encrypted: the group launches
// with a role of its own, which can use a key of the account only if a grant or the
// key's policy says so
// (https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html).
func (s *State) missingKeys(ctx context.Context, t *turn, image Image) error {
	keys, err := keysOf(ctx, t, image)
	if err != nil {
		return err
	}
	for _, id := range keys {
		out, err := t.AWS.KMS.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
		switch {
		case cloud.Code(err) == "NotFoundException":
			s.miss(image.ID, fmt.Sprintf("is encrypted with key %s, which does not exist", id))
			continue
		case denied(err):
			s.unread("whether key %s of %s can be used is not known: Drover may not read it", id, image.ID)
			continue
		case err != nil:
			return fmt.Errorf("describe key %s of %s: %w", id, image.ID, err)
		}
		k := out.KeyMetadata
		switch {
		case k.KeyState != types.KeyStateEnabled:
			s.miss(image.ID, fmt.Sprintf("is encrypted with key %s, which is %s; enable it", id, k.KeyState))
		case k.KeyManager == types.KeyManagerTypeAws:
		case t.Config.Builder != nil && !slices.Contains(t.Config.Builder.Keys, aws.ToString(k.Arn)):
			s.miss(image.ID, fmt.Sprintf("is encrypted with key %s, which Drover may not use to launch a builder; name it at builder.kms-keys, and render the policy again", aws.ToString(k.Arn)))
		default:
			if err := s.granted(ctx, t, id, image); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf are the keys with which the volumes of an image are encrypted. Images do not
// show them, their snapshots do: as far as they are shown, which those of somebody
// else's image are not.
func keysOf(ctx context.Context, t *turn, image Image) ([]string, error) {
	if len(image.Snapshots) == 0 {
		return nil, nil
	}
	var keys []string
	pages := ec2.NewDescribeSnapshotsPaginator(t.AWS.EC2, &ec2.DescribeSnapshotsInput{Filters: []ec2types.Filter{filter.By("snapshot-id", image.Snapshots...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the snapshots of %s: %w", image.ID, err)
		}
		for _, found := range page.Snapshots {
			if aws.ToBool(found.Encrypted) && found.KmsKeyId != nil {
				keys = append(keys, *found.KmsKeyId)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// granted looks whether the group's role may use a key: by a grant, or by the policy.
func (s *State) granted(ctx context.Context, t *turn, key string, image Image) error {
	role, err := s.Group.role()
	if err != nil {
		return err
	}
	pages := kms.NewListGrantsPaginator(t.AWS.KMS, &kms.ListGrantsInput{KeyId: aws.String(key)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if denied(err) {
			s.unread("whether %s may use key %s of %s is not known: Drover may not list the key's grants", role, key, image.ID)
			return nil
		}
		if err != nil {
			return fmt.Errorf("list the grants of key %s of %s: %w", key, image.ID, err)
		}
		for _, g := range page.Grants {
			if aws.ToString(g.GranteePrincipal) == role && !slices.ContainsFunc(needed, func(n types.GrantOperation) bool { return !slices.Contains(g.Operations, n) }) {
				return nil
			}
		}
	}
	out, err := t.AWS.KMS.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: aws.String(key)})
	if denied(err) {
		s.unread("whether %s may use key %s of %s is not known: Drover may not read the key's policy", role, key, image.ID)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the policy of key %s of %s: %w", key, image.ID, err)
	}
	allows, err := policyAllows(aws.ToString(out.Policy), role)
	if err != nil {
		return fmt.Errorf("read the policy of key %s of %s: %w", key, image.ID, err)
	}
	if !allows {
		s.miss(image.ID, fmt.Sprintf("is encrypted with key %s, which %s may not use: group %s could not launch from it; aws kms create-grant --key-id %s --grantee-principal %s --operations Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant",
			key, role, s.Group.Name, key, role))
	}
	return nil
}

// needed is the least that the group's role is to be granted.
var needed = []types.GrantOperation{types.GrantOperationDecrypt, types.GrantOperationCreateGrant}

// role is the role with which the group launches instances.
func (g Group) role() (string, error) {
	if g.Role != "" {
		return g.Role, nil
	}
	of, err := arn.Parse(g.ARN)
	if err != nil {
		return "", fmt.Errorf("find the role of group %s: %w", g.Name, err)
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", of.Partition, of.AccountID), nil
}

// owns says whether an image is of the group's account.
func (g Group) owns(i Image) bool {
	of, err := arn.Parse(g.ARN)
	return err == nil && of.AccountID == i.Owner
}

// policyAllows says whether some statement of a key's policy lets a role decrypt, and
// some lets it create grants. That of the account lets no service-linked role: nobody
// can give one permissions. Conditions are taken to be met.
func policyAllows(policy, role string) (bool, error) {
	var document struct {
		Statement []struct {
			Effect    string
			Principal json.RawMessage
			Action    texts
		}
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return false, err
	}
	decrypt, grant := false, false
	for _, st := range document.Statement {
		if st.Effect != "Allow" || !principals(st.Principal, role) {
			continue
		}
		for _, a := range st.Action {
			a = strings.ToLower(a)
			decrypt = decrypt || wildcard.Match(a, "kms:decrypt")
			grant = grant || wildcard.Match(a, "kms:creategrant")
		}
	}
	return decrypt && grant, nil
}

// principals says whether a statement names a principal, or everybody.
func principals(statement json.RawMessage, role string) bool {
	var all texts
	if json.Unmarshal(statement, &all) != nil {
		var by struct{ AWS texts }
		if json.Unmarshal(statement, &by) != nil {
			return false
		}
		all = by.AWS
	}
	return slices.Contains(all, role) || slices.Contains(all, "*")
}

// texts is one text, or a list of them.
type texts []string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// denied says that a read was refused for want of permission: what it would have told
// is left out, and said to be.
func denied(err error) bool { return strings.HasPrefix(cloud.Code(err), "AccessDenied") }

func (s *State) miss(resource, why string) {
	s.Missing = append(s.Missing, Missing{Resource: resource, Why: why})
}

func (s *State) unread(format string, args ...any) {
	s.Unread = append(s.Unread, fmt.Sprintf(format, args...))
}
