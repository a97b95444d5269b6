package cloud_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
)

func api(code string, status int) error {
	cause := error(&smithy.GenericAPIError{Code: code, Message: "message"})
	if status > 0 {
		cause = &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: cause,
		}}
	}
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "ReplaceRoute", Err: cause}
}

func TestClassifyAndOutcome(t *testing.T) {
	for _, test := range []struct {
		err     error
		class   failure.Class
		outcome call.Outcome
		hint    bool
	}{
		{api("RequestLimitExceeded", 503), failure.Retry, call.Refused, false},
		{api("Throttling", 400), failure.Retry, call.Refused, false},
		{api("ScalingActivityInProgress", 400), failure.Retry, call.Refused, false},
		{api("ResourceContention", 500), failure.Retry, call.Unknown, false},
		{api("InternalError", 500), failure.Retry, call.Unknown, false},
		{api("Unavailable", 503), failure.Retry, call.Unknown, false},
		{api("UnauthorizedOperation", 403), failure.Stop, call.Refused, true},
		{api("AuthorizationError", 403), failure.Stop, call.Refused, true},
		{api("AuthFailure", 401), failure.Stop, call.Refused, true},
		{api("ExpiredToken", 400), failure.Stop, call.Refused, true},
		{api("InvalidParameterValue", 400), failure.Stop, call.Refused, false},
		{api("InvalidRouteTableID.NotFound", 400), failure.Retry, call.Refused, false},
		{api("InvalidInstanceID.Malformed", 400), failure.Stop, call.Refused, false},
		{api("RouteLimitExceeded", 400), failure.Stop, call.Refused, false},
		{api("IncorrectInstanceState", 400), failure.Retry, call.Refused, false},
		{api("CallRateLimitExceededException", 429), failure.Retry, call.Refused, false},
		{api("ServiceUnavailableException", 503), failure.Retry, call.Unknown, false},
		{api("ResourceInUseException", 400), failure.Retry, call.Refused, false},
		{api("ResourceNotFoundException", 404), failure.Retry, call.Refused, false},
		{api("ForbiddenException", 403), failure.Stop, call.Refused, true},
		{api("InvalidVersionNumberException", 400), failure.Stop, call.Refused, false},
		{api("IdempotentParameterMismatchException", 400), failure.Stop, call.Refused, false},
		{api("ServiceQuotaExceededException", 402), failure.Stop, call.Refused, false},
		{api("TooManyUpdates", 400), failure.Retry, call.Refused, false},
		{api("ParameterLimitExceeded", 400), failure.Stop, call.Refused, false},
		{api("ParameterMaxVersionLimitExceeded", 400), failure.Stop, call.Refused, false},
		{api("ParameterPatternMismatchException", 400), failure.Stop, call.Refused, false},
		{api("HierarchyTypeMismatchException", 400), failure.Stop, call.Refused, false},
		{api("TooManyTagsError", 400), failure.Stop, call.Refused, false},
		{api("InvalidResourceId", 400), failure.Retry, call.Refused, false},
		{api("InsufficientPrivilegesException", 403), failure.Stop, call.Refused, true},
		{api("ElasticBeanstalkServiceException", 400), failure.Retry, call.Refused, false},
		{api("InvalidResourceStateException", 400), failure.Retry, call.Refused, false},
		{api("MissingParameterValueException", 400), failure.Stop, call.Refused, false},
		{api("DependencyFailureException", 500), failure.Retry, call.Unknown, false},
		{api("NobodyHasSeenThis", 400), failure.Retry, call.Refused, false},
		{&smithy.InvalidParamsError{Context: "x"}, failure.Stop, call.Refused, false},
		{errors.New("connection reset by peer"), failure.Retry, call.Unknown, false},
	} {
		classified := cloud.Classify(test.err)
		wrapped := fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", classified))
		if got := failure.ClassOf(wrapped); got != test.class {
			t.Errorf("class of %v = %v, want %v", test.err, got, test.class)
		}
		if got := len(failure.Hints(wrapped)) > 0; got != test.hint {
			t.Errorf("%v has a hint: %t, want %t", test.err, got, test.hint)
		}
		if !errors.Is(wrapped, test.err) {
			t.Errorf("%v is hidden", test.err)
		}
		if got := call.OutcomeOf(wrapped); got != test.outcome {
			t.Errorf("outcome of %v = %v, want %v", test.err, got, test.outcome)
		}
		if again := cloud.Classify(classified); again != classified { //nolint:errorlint // the very same value is meant
			t.Errorf("%v was classified twice", test.err)
		}
	}
	if cloud.Classify(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestBackoffGrowsWithinBoundsAndRepeats(t *testing.T) {
	a, b := cloud.NewBackoff(7), cloud.NewBackoff(7)
	for attempt := 1; attempt < 20; attempt++ {
		d, err := a.BackoffDelay(attempt, nil)
		if err != nil || d < 50*time.Millisecond || d > 3*time.Second {
			t.Errorf("delay %d = %v, %v", attempt, d, err)
		}
		if same, _ := b.BackoffDelay(attempt, nil); same != d {
			t.Errorf("the same seed gave %v and %v", d, same)
		}
	}
}

func TestErrorsAreBrief(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{api("InvalidParameterValue", 400), "InvalidParameterValue: message"},
		{&smithy.OperationError{ServiceID: "EC2", OperationName: "X", Err: errors.New("dial tcp: refused")}, "dial tcp: refused"},
		{errors.New("plain"), "plain"},
		{&smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You are not authorized. Encoded authorization failure message: abcdef"}, "UnauthorizedOperation: You are not authorized."},
	} {
		if got := cloud.Classify(test.err).Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
