package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
)

// initLimit is less than the ten seconds that AWS gives: an error is told,
// where a process that is killed tells nothing.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const initLimit = 8 * time.Second

// open does once what all invocations need: it reads the fleet file and opens
// the ledger.
func open(ctx context.Context, e Env, c config, log *slog.Logger) (*Host, error) {
	ctx, cancel := context.WithTimeout(ctx, initLimit)
	defer cancel()
	data, err := os.ReadFile(c.fleet)
	if err != nil {
		return nil, failure.WithHint(failure.Stopf("read the fleet file: %w", err), "put it into the package, beside the program, or name it in %s", EnvFleet)
	}
	fleet, err := fleetfile.Parse(c.fleet, data, app.Kinds())
	if err != nil {
		return nil, err
	}
	if err := CheckMachines(EnvMachines, c.machines, fleet); err != nil {
		return nil, err
	}
	cfg, err := e.AWS(ctx, "")
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" { // AWS sets it
		cfg.Region = fleet.Region
	}
	cfg = cloud.LogCalls(cfg, log, e.Clock)
	kept, err := dynamodb.Open(ctx, cloud.DynamoDB(cfg, cloud.Options{Version: e.Version, Clock: e.Clock}), c.table, e.Clock)
	if err != nil {
		return nil, err
	}
	return &Host{
		Fleet: fleet, Ledger: kept, AWS: cfg, Clock: e.Clock, Log: log,
		Version: e.Version, Function: c.function, Machines: c.machines,
	}, nil
}

// reportInit tells the Runtime API that the function cannot begin.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror
func reportInit(ctx context.Context, api string, e *Error) error {
	body, err := json.Marshal(struct {
		Message string   `json:"errorMessage"`
		Type    string   `json:"errorType"`
		Stack   []string `json:"stackTrace"`
	}{message(e), e.Type, []string{}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Lambda-Runtime-Function-Error-Type", e.Type)
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req) // by no proxy
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("the Runtime API answered %s", res.Status)
	}
	if closed := res.Body.Close(); err == nil {
		err = closed
	}
	return err
}

// runtimeLog has what aws-lambda-go logs in lines of JSON too.
type runtimeLog struct{ log *slog.Logger }

func (r runtimeLog) Write(line []byte) (int, error) {
	// The error of an invocation has been logged already, with its ids.
	if !bytes.HasPrefix(line, []byte(`{"errorMessage"`)) {
		r.log.Error("runtime", "error", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}
