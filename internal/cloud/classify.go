package cloud

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
)

// Classify gives an error of an SDK call its class. Codes are compared as
// strings: EC2 models no error types at all (shared/facts/apis.md, section 0,
// rule 1). What is not listed stays unclassified, which means: retried a
// bounded number of times, then stopped.
//
// The text of the error becomes one that a person can read: AWS's code and
// message, without the layers that the SDK wraps around them. They are still
// there for errors.As.
func Classify(err error) error {
	var known *brief
	if err == nil || failure.Classified(err) || errors.As(err, &known) {
		return err
	}
	return classify(&brief{err})
}

func classify(err error) error {
	var invalid *smithy.InvalidParamsError
	if errors.As(err, &invalid) {
		return failure.As(failure.Stop, err)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch code := api.ErrorCode(); {
	case call.IsThrottle(code), code == "ConcurrentMutationLimitExceeded", code == "ScalingActivityInProgress", code == "ResourceContention",
		code == "TooManyUpdates", code == "InvalidResourceStateException": // the latter of AWS Backup: it is at work on the recovery point
		return failure.As(failure.Retry, err)
	case denied(code):
		return failure.WithHint(failure.As(failure.Stop, err), "allow the call: `drover render policy --fleet FILE` prints the least policy Drover needs")
	case unauthenticated(code):
		return failure.WithHint(failure.As(failure.Stop, err), "check the credentials: `aws sts get-caller-identity` shows whose they are")
	case strings.HasSuffix(code, ".NotFound"), strings.HasPrefix(code, "Incorrect"), code == "DependencyViolation":
		// A new resource may be unknown to the next call, and states pass.
		return failure.As(failure.Retry, err)
	case permanent(code), strings.HasSuffix(code, "LimitExceeded"), strings.HasSuffix(code, "QuotaExceeded"), code == "ServiceQuotaExceededException":
		return failure.As(failure.Stop, err)
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError {
		return failure.As(failure.Retry, err)
	}
	return err
}

func denied(code string) bool {
	switch code {
	case "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Client.UnauthorizedOperation",
		"ForbiddenException",              // Image Builder (shared/facts/apis.md, section 11)
		"InsufficientPrivilegesException": // Elastic Beanstalk (section 6)
		return true
	}
	return false
}

func unauthenticated(code string) bool {
	switch code {
	case "AuthFailure", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "RequestExpired",
		"SignatureDoesNotMatch", "UnrecognizedClientException", "MissingAuthenticationToken", "OptInRequired":
		return true
	}
	return false
}

// permanent are codes that say the request itself is wrong.
func permanent(code string) bool {
	switch code {
	case "InvalidParameterValue", "InvalidParameterCombination", "InvalidParameter", "InvalidParameterException",
		"MissingParameter", "ValidationError", "ValidationException", "UnsupportedOperation", "Unsupported",
		"OperationNotPermitted", "IdempotentParameterMismatch", "NotFound", "InvalidRequest":
		return true
	case "InvalidRequestException", "InvalidVersionNumberException", "IdempotentParameterMismatchException", "ClientException",
		"InvalidParameterCombinationException", "InvalidParameterValueException", // Image Builder (shared/facts/apis.md, section 11)
		"MissingParameterValueException": // AWS Backup (section 11)
		return true
	case "ParameterPatternMismatchException", "HierarchyTypeMismatchException", "HierarchyLevelLimitExceededException",
		"UnsupportedParameterType", "TooManyTagsError": // Parameter Store (shared/facts/apis.md, section 11)
		return true
	}
	return strings.HasSuffix(code, ".Malformed")
}

// maxMessage bounds what is kept of a message. EC2 adds hundreds of characters
// of encoded policy to a denial.
const maxMessage = 240

// brief is an SDK error with a short text.
type brief struct{ err error }

func (b *brief) Unwrap() error { return b.err }

func (b *brief) Error() string {
	var api smithy.APIError
	if !errors.As(b.err, &api) {
		var operation *smithy.OperationError
		if errors.As(b.err, &operation) {
			return operation.Err.Error() // the caller names the operation
		}
		return b.err.Error()
	}
	message, _, _ := strings.Cut(api.ErrorMessage(), " Encoded authorization failure message")
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	text := api.ErrorCode() + ": " + message
	var response *awshttp.ResponseError
	if errors.As(b.err, &response) && response.ServiceRequestID() != "" {
		text += " (request " + response.ServiceRequestID() + ")"
	}
	return text
}

var requestID = regexp.MustCompile(` \(request [^() ]+\)`)

// WithoutRequests is the text of an error, or one that holds some, without AWS's ids
// of requests: what fails again for the same reason then reads the same.
func WithoutRequests(text string) string { return requestID.ReplaceAllString(text, "") }

// Code is AWS's error code in err's chain, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
