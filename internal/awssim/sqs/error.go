package sqs

// Errors. Their codes are those that the SDK's schemas give for the older protocol,
// which the service still sends beside the shape's name and the SDK prefers; texts are
// those of moto 0af643a5 unless another source is named (unverified).

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
)

const older = "AWS.SimpleQueueService."

func bad(err smithy.APIError) error { return awssim.FailAs(http.StatusBadRequest, err) }

func noQueue() error {
	return bad(&types.QueueDoesNotExist{Message: aws.String("The specified queue does not exist."), ErrorCodeOverride: aws.String(older + "NonExistentQueue")})
}

// badReceipt is for what is no receipt handle, or one whose time is over (facts/apis.md
// 10).
func badReceipt(reason string) smithy.APIError {
	return &types.ReceiptHandleIsInvalid{Message: aws.String("The input receipt handle is invalid." + reason)}
}

func notInFlight() smithy.APIError {
	return &types.MessageNotInflight{ErrorCodeOverride: aws.String(older + "MessageNotInflight")}
}

func invalid(format string, args ...any) smithy.APIError {
	return &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// batch holds the ids of a batch against the docs of the batch operations.
func batch(ids []*string) error {
	const most = 10
	seen := map[string]bool{}
	switch {
	case len(ids) == 0:
		return bad(&types.EmptyBatchRequest{ErrorCodeOverride: aws.String(older + "EmptyBatchRequest")})
	case len(ids) > most:
		return bad(&types.TooManyEntriesInBatchRequest{ErrorCodeOverride: aws.String(older + "TooManyEntriesInBatchRequest")})
	}
	for _, id := range ids {
		if seen[deref(id)] {
			return bad(&types.BatchEntryIdsNotDistinct{ErrorCodeOverride: aws.String(older + "BatchEntryIdsNotDistinct")})
		}
		seen[deref(id)] = true
	}
	return nil
}

// failed is the failure of one entry of a batch.
func failed(id *string, err smithy.APIError) types.BatchResultErrorEntry {
	return types.BatchResultErrorEntry{Id: id, Code: aws.String(err.ErrorCode()), Message: aws.String(err.ErrorMessage()), SenderFault: true}
}
