package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	runtime "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/label"
)

// Env is what the function is given by its surroundings.
type Env struct {
	Getenv func(string) string
	Stderr io.Writer // where lines are logged
	// AWS loads the SDK configuration for a region; "" is the environment's.
	AWS     func(ctx context.Context, region string) (aws.Config, error)
	Clock   clock.Clock
	Version string
}

// ErrLogged is an error about which everything has been said.
var ErrLogged = errors.New("said in the log")

// Run answers invocations until ctx ends, or the Runtime API does: then the
// process ends here.
func Run(ctx context.Context, e Env) error {
	api := e.Getenv(EnvRuntime)
	if api == "" {
		return failure.WithHint(failure.Stopf("this is the entry for AWS Lambda, and %s is not set", EnvRuntime),
			"drover run --fleet FILE --event FILE, to handle an event here")
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c, err := readConfig(e.Getenv, filepath.Dir(program))
	logger := newLogger(e.Stderr, c.level)
	var h *Host
	if err == nil {
		h, err = open(ctx, e, c, logger)
	}
	if err != nil {
		failed := &Error{Type: TypeInit, Err: err}
		logger.ErrorContext(ctx, "initialisation failed", "errorType", failed.Type, "error", message(failed))
		if err := reportInit(ctx, api, failed); err != nil {
			logger.ErrorContext(ctx, "initialisation failed, and AWS cannot be told", "error", err)
		}
		return ErrLogged
	}
	log.SetFlags(0)
	log.SetOutput(runtimeLog{logger})
	logger.InfoContext(ctx, "initialised", "version", e.Version, "fleet", h.Fleet.Name, "automations", len(h.Fleet.Automations), "table", c.table)
	go runtime.StartWithOptions(h.answer, runtime.WithContext(ctx)) // never returns
	<-ctx.Done()
	h.wait() // what is under way ends with ctx, and is recorded
	return nil
}

// answer is Invoke with its error in the form that the Runtime API takes.
func (h *Host) answer(ctx context.Context, data json.RawMessage) (any, error) {
	answer, err := h.Invoke(ctx, data)
	var e *Error
	if errors.As(err, &e) {
		return nil, e.wire()
	}
	return answer, err
}

// newLogger writes lines of JSON with the names that Lambda's own lines have.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(label.Handler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: lambdacontext.ReplaceAttr})))
}
