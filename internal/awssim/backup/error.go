package backup

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
)

// The codes are those that facts/apis.md 11 and the SDK's model have for the operations;
// which of them answers what, and all texts, are unverified.

func missing(what, name string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.ResourceNotFoundException{Message: aws.String(what + " " + name + " does not exist.")})
}

func invalid(text string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.InvalidParameterValueException{Message: aws.String(text)})
}

// busy is the answer for a recovery point that is being deleted (doc of
// types.InvalidResourceStateException).
func busy(arn string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.InvalidResourceStateException{Message: aws.String("Recovery point " + arn + " is being deleted.")})
}

// DependencyFailure is the answer, to be injected, of a DescribeBackupJob that fails for
// another service's sake (facts/apis.md 4).
func DependencyFailure() error {
	return awssim.FailAs(http.StatusInternalServerError, &types.DependencyFailureException{Message: aws.String("A dependency failed.")})
}
