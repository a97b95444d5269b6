package autoscaling

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
)

// invalid is the error of many meanings, told apart by its text (facts/apis.md
// 0 rule 2).
func invalid(format string, args ...any) error {
	return awssim.Fail(http.StatusBadRequest, "ValidationError", format, args...)
}

// noGroup is the error for a name that no group has; the text after the dash
// unverified (facts/apis.md 2).
func noGroup(name string) error {
	return invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name)
}

func fail(err smithy.APIError) error { return awssim.FailAs(http.StatusBadRequest, err) }

// need returns a group that can be written to. One that is on its way out cannot
// (the code is among those of facts/apis.md 2; that it is this one, unverified).
func (s *state) need(name *string) (group, error) {
	g, ok := s.get(aws.ToString(name))
	switch {
	case !ok:
		return g, noGroup(aws.ToString(name))
	case g.Status != nil:
		return g, fail(&types.ScalingActivityInProgressFault{Message: aws.String("The Auto Scaling group " + g.name() + " is pending delete")})
	}
	return g, nil
}
