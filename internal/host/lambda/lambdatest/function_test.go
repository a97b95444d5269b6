package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/droverhq/drover/internal/host/lambda/lambdatest"
)

// The function that the tests invoke is this program itself, under AWS's own
// runtime for Go: a witness that nobody here wrote.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("BEGIN") == "never" {
		fmt.Println("cannot begin")
		os.Exit(3)
	}
	lambda.Start(answer)
}

func answer(ctx context.Context, what string) (map[string]any, error) {
	switch what {
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("a defect")
	case "exit":
		os.Exit(7)
	case "die":
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return nil, err
		}
		if err := self.Kill(); err != nil {
			return nil, err
		}
		select {}
	case "hang":
		select {}
	case "large":
		return map[string]any{"text": strings.Repeat("x", 7<<20)}, nil
	}
	fmt.Println(`{"message": "asked", "what": "` + what + `"}`)
	context, _ := lambdacontext.FromContext(ctx)
	end, _ := ctx.Deadline()
	return map[string]any{
		"what": what, "request": context.AwsRequestID, "function": context.InvokedFunctionArn,
		"left": time.Until(end).Seconds(), "pid": os.Getpid(), "region": os.Getenv("AWS_REGION"),
	}, nil
}

func start(t *testing.T, o lambdatest.Options) *lambdatest.Function {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Program, o.Dir = program, t.TempDir()
	f := lambdatest.New(o)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func invoke(t *testing.T, f *lambdatest.Function, what string) lambdatest.Result {
	t.Helper()
	r, err := f.Invoke(t.Context(), []byte(`"`+what+`"`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	f := start(t, lambdatest.Options{Timeout: 30 * time.Second})
	var pids []any
	for i, what := range []string{"one", "two"} {
		r := invoke(t, f, what)
		var got map[string]any
		if err := json.Unmarshal(r.Payload, &got); err != nil || r.Error != nil {
			t.Fatal(err, r.Error)
		}
		left := got["left"].(float64)
		if got["what"] != what || got["request"] != r.RequestID || got["region"] != "us-west-1" ||
			got["function"] != "arn:aws:lambda:us-west-1:123456789012:function:drover" || left < 20 || left > 30 {
			t.Errorf("answered %v", got)
		}
		if r.Cold != (i == 0) || r.Took <= 0 {
			t.Errorf("result %+v", r)
		}
		pids = append(pids, got["pid"])
	}
	if pids[0] != pids[1] || pids[0] != float64(f.PID()) {
		t.Errorf("processes %v, %d", pids, f.PID())
	}
	if lines := f.Lines(); len(lines) != 2 || lines[1]["what"] != "two" {
		t.Errorf("logged %v", lines)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	f := start(t, lambdatest.Options{})
	for _, test := range []struct {
		what, kind, text string
		ends             bool // the process
	}{
		{"fail", "errorString", "no luck", false},
		{"panic", "string", "a defect", true},
		{"exit", lambdatest.TypeExit, "exit status 7", true},
		{"die", lambdatest.TypeExit, "signal: killed", true},
		{"large", "Function.ResponseSizeTooLarge", "6291456 bytes", true},
	} {
		r := invoke(t, f, test.what)
		if r.Error == nil || r.Error.Type != test.kind || !strings.Contains(r.Error.Message, test.text) {
			t.Errorf("%s: %+v", test.what, r.Error)
		}
		if r := invoke(t, f, "after"); r.Error != nil || r.Cold != test.ends {
			t.Errorf("after %s: %+v", test.what, r)
		}
	}
}

func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	f := start(t, lambdatest.Options{Timeout: 300 * time.Millisecond})
	r := invoke(t, f, "hang")
	if r.Error == nil || r.Error.Type != lambdatest.TypeTimeout || !strings.Contains(r.Error.Message, r.RequestID) {
		t.Errorf("%+v", r.Error)
	}
	if r := invoke(t, f, "after"); r.Error != nil || !r.Cold {
		t.Errorf("after: %+v", r)
	}
}

func TestKilledBetweenInvocations(t *testing.T) {
	t.Parallel()
	f := start(t, lambdatest.Options{})
	invoke(t, f, "before")
	f.Kill()
	if r := invoke(t, f, "after"); r.Error != nil || !r.Cold {
		t.Errorf("after: %+v", r)
	}
}

func TestNeverBegins(t *testing.T) {
	t.Parallel()
	f := start(t, lambdatest.Options{Env: []string{"BEGIN=never"}})
	r := invoke(t, f, "x")
	if r.Error == nil || r.Error.Type != lambdatest.TypeExit || !strings.Contains(f.Log(), "cannot begin") {
		t.Errorf("%+v, %s", r.Error, f.Log())
	}
}
