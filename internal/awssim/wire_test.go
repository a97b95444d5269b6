package awssim_test

import (
	"testing"

	"github.com/droverhq/drover/internal/awssim"
)

// TestEachServiceSpellsItsErrors is facts/apis.md 0, rule 5, and 1.3.
func TestEachServiceSpellsItsErrors(t *testing.T) {
	for operation, want := range map[string][2]string{
		"ec2:DescribeVpcs":                   {"RequestLimitExceeded", "UnauthorizedOperation"},
		"autoscaling:UpdateAutoScalingGroup": {"Throttling", "AccessDenied"},
		"sns:Publish":                        {"Throttling", "AuthorizationError"},
		"ssm:GetParameter":                   {"ThrottlingException", "AccessDeniedException"},
		"states:StartExecution":              {"ThrottlingException", "AccessDeniedException"},
		"backup:DescribeBackupJob":           {"ThrottlingException", "AccessDeniedException"},
		"imagebuilder:GetImage":              {"CallRateLimitExceededException", "AccessDenied"},
	} {
		if got := [2]string{code(awssim.Throttled(operation)), code(awssim.Denied(operation, "*"))}; got != want {
			t.Errorf("%s: %q, want %q", operation, got, want)
		}
	}
}
