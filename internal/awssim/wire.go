package awssim

// Errors as they appear on the wire. Handlers make them with Fail and FailAs;
// tests inject the ready ones through World.Intercept.

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// answered is an error that AWS answers with, before it has a request id.
type answered struct {
	status int
	smithy.APIError
}

func (e *answered) Unwrap() error { return e.APIError }

// Fail is an error answer of a service: HTTP status, code and message.
func Fail(status int, code, format string, args ...any) error {
	return FailAs(status, &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: faultOf(status)})
}

// FailAs is [Fail] for the services whose errors have types.
func FailAs(status int, err smithy.APIError) error { return &answered{status, err} }

func faultOf(status int) smithy.ErrorFault {
	if status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// speaksJSON are the services whose errors are those of the JSON protocols, which
// AWS spells otherwise than those of the older query protocol.
var speaksJSON = map[string]bool{"backup": true, "cloudtrail": true, "dynamodb": true, "ssm": true, "states": true}

// Throttled is the answer to too many requests (facts/apis.md 0 rule 5; for
// CloudTrail and AWS Backup unverified).
func Throttled(operation string) error {
	service, _, _ := strings.Cut(operation, ":")
	switch {
	case service == "ec2":
		return Fail(http.StatusServiceUnavailable, "RequestLimitExceeded",
			"Request limit exceeded. Account has been throttled on %s because it exceeded its request rate limit.", operation)
	case service == "imagebuilder":
		return Fail(http.StatusTooManyRequests, "CallRateLimitExceededException", "Rate exceeded")
	case speaksJSON[service]:
		return Fail(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	}
	return Fail(http.StatusBadRequest, "Throttling", "Rate exceeded")
}

// InternalError is a 500; the SDK repeats it because of its status
// (facts/toolchain.md, "Answering SDK calls in process").
func InternalError() error {
	return Fail(http.StatusInternalServerError, "InternalError", "An internal error has occurred")
}

// Denied is the answer to who lacks a permission: UnauthorizedOperation in EC2
// (facts/apis.md 1.3 RunInstances), AuthorizationError in SNS (11, Publish). That
// of the JSON protocols is as it is of DynamoDB; of the others unverified.
func Denied(operation, resource string) error { return denied(operation, operation, resource) }

// denied is [Denied] of an operation that asks for an action of another service,
// too: it answers in its own spelling.
func denied(operation, action, resource string) error {
	service, _, _ := strings.Cut(operation, ":")
	status, code := http.StatusForbidden, "AccessDenied"
	switch {
	case service == "ec2":
		code = "UnauthorizedOperation"
	case service == "sns":
		code = "AuthorizationError"
	case speaksJSON[service]:
		status, code = http.StatusBadRequest, "AccessDeniedException"
	}
	return Fail(status, code,
		"You are not authorized to perform this operation: no identity-based policy allows the %s action on resource: %s", action, resource)
}

// ConnectionReset is a connection that breaks before the answer.
func ConnectionReset() error { return transport(os.NewSyscallError("read", syscall.ECONNRESET)) }

// Timeout is an answer that does not come in time.
func Timeout() error { return transport(os.ErrDeadlineExceeded) }

func transport(err error) error {
	return &smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Net: "tcp", Err: err}}
}

// onWire gives an answered error the form in which the SDK sees it.
func onWire(err error, requestID string) error {
	var a *answered
	if !errors.As(err, &a) {
		return err
	}
	return &awshttp.ResponseError{
		RequestID: requestID,
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: a.status, Header: http.Header{}}},
			Err:      a.APIError,
		},
	}
}
