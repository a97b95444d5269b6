package kms

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/awssim"
)

// policyName is that of a key's only policy (doc of kms GetKeyPolicyInput.PolicyName).
const policyName = "default"

// statement is a part of a policy, in the form of the Developer Guide of KMS, "Default
// key policy".
type statement struct {
	Sid       string
	Effect    string
	Principal map[string]any
	Action    any
	Resource  string
	Condition map[string]any `json:",omitempty"`
}

// getKeyPolicy takes the id of a key or its ARN, and no alias (doc of kms
// GetKeyPolicyInput.KeyId). For the policy of another name the text is unverified.
func getKeyPolicy(m *awssim.Moment, s *state, in *kms.GetKeyPolicyInput) (*kms.GetKeyPolicyOutput, error) {
	k, err := s.find(m, in.KeyId, false)
	if err != nil {
		return nil, err
	}
	if in.PolicyName != nil && *in.PolicyName != policyName {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.NotFoundException{Message: aws.String("No such policy exists")})
	}
	text, err := json.MarshalIndent(k.policy(m), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the policy of key %s: %w", k.ID, err)
	}
	return &kms.GetKeyPolicyOutput{Policy: aws.String(string(text)), PolicyName: aws.String(policyName)}, nil
}

// policy is the key's policy: everything is left to the account's IAM, and where it has
// users, they are named as the Auto Scaling User Guide has it in "Required AWS KMS key
// policy for use with encrypted volumes". A key that AWS manages has another, which
// nobody looks at, and which is not modelled.
func (k key) policy(m *awssim.Moment) any {
	statements := []statement{{
		Sid: "Enable IAM User Permissions", Effect: "Allow",
		Principal: map[string]any{"AWS": "arn:aws:iam::" + m.Account() + ":root"}, Action: "kms:*", Resource: "*",
	}}
	if len(k.Users) > 0 {
		users := map[string]any{"AWS": k.Users}
		statements = append(statements, statement{
			Sid: "Allow use of the key", Effect: "Allow", Principal: users, Resource: "*",
			Action: []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
		}, statement{
			Sid: "Allow attachment of persistent resources", Effect: "Allow", Principal: users, Resource: "*",
			Action: []string{"kms:CreateGrant"}, Condition: map[string]any{"Bool": map[string]bool{"kms:GrantIsForAWSResource": true}},
		})
	}
	return struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "key-policy", statements}
}
