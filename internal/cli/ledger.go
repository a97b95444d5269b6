package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/ledger/sqlite"
)

// memoryLedger is what --ledger means for none: what is remembered ends with
// the program. A file of that name is ./memory.
const memoryLedger = "memory"

// tableLedger comes before the name or ARN of a DynamoDB table.
const tableLedger = "dynamodb:"

// ledgerFlag defines --ledger.
func ledgerFlag(cmd *cobra.Command, path *string, text string) {
	cmd.Flags().StringVar(path, "ledger", "", text+" (default: drover/ledger.db in the XDG state directory)")
	if err := cmd.MarkFlagFilename("ledger"); err != nil {
		panic(err) // the flag is defined in the line above
	}
}

// ledgerPath is the file that --ledger names, or the one that is meant when it
// is left out. That is by the XDG base directory specification on every
// system, as command-line tools have it: one rule, and one place to look.
// https://specifications.freedesktop.org/basedir-spec/latest/
func (e *Env) ledgerPath(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if dir := e.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // "all paths set in these variables must be absolute"
		return filepath.Join(dir, "drover", "ledger.db"), nil
	}
	for _, name := range []string{"HOME", "USERPROFILE"} { // the latter on Windows
		if home := e.getenv(name); filepath.IsAbs(home) {
			return filepath.Join(home, ".local", "state", "drover", "ledger.db"), nil
		}
	}
	return "", errors.New("open the ledger: neither XDG_STATE_HOME nor HOME says where it is")
}

func (e *Env) getenv(name string) string {
	if e.Getenv == nil {
		return ""
	}
	return e.Getenv(name)
}

// openLedger opens the ledger that a run writes to, and makes its file if there
// is none. What watches its calls, if it is on AWS, is given beside.
func (e *Env) openLedger(ctx context.Context, named string, watch ...func(aws.Config) aws.Config) (ledger.Ledger, error) {
	if named == memoryLedger {
		return memory.New(e.Clock), nil
	}
	if table, ok := strings.CutPrefix(named, tableLedger); ok {
		return e.openTable(ctx, table, watch)
	}
	path, err := e.ledgerPath(named)
	if err == nil {
		var kept ledger.Ledger
		if kept, err = sqlite.Open(ctx, path, e.Clock); err == nil {
			return kept, nil
		}
	}
	return nil, failure.WithHint(err, "--ledger FILE, for another place; or --ledger memory, to remember nothing")
}

// openTable opens a ledger in DynamoDB, in the region of the table's ARN, or else in
// that of the environment: fleets of several regions may share it.
func (e *Env) openTable(ctx context.Context, table string, watch []func(aws.Config) aws.Config) (ledger.Ledger, error) {
	region := ""
	if parts := strings.Split(table, ":"); len(parts) > 3 {
		region = parts[3]
	}
	cfg, err := e.AWS(ctx, region)
	if err != nil {
		return nil, failure.WithHint(err, "check AWS_PROFILE and the files in ~/.aws")
	}
	if cfg.Region == "" {
		return nil, usage(failure.WithHint(fmt.Errorf("the region of table %q is not known", table), "AWS_REGION=REGION, or --ledger dynamodb:ARN"))
	}
	for _, w := range watch {
		cfg = w(cfg)
	}
	kept, err := dynamodb.Open(ctx, cloud.DynamoDB(cfg, cloud.Options{Version: e.Version, Clock: e.Clock}), table, e.Clock)
	if err != nil {
		return nil, failure.WithHint(err, "--ledger dynamodb:TABLE, with a table that docs/guide/lambda.md says how to make")
	}
	return kept, nil
}

// readLedger opens the ledger that a plan reads: a file that is not there is
// not made, and nothing is remembered.
func (e *Env) readLedger(ctx context.Context, named string) (ledger.Ledger, error) {
	if path, err := e.ledgerPath(named); !strings.HasPrefix(named, tableLedger) && (err != nil || missing(path)) {
		named = memoryLedger
	}
	return e.openLedger(ctx, named)
}

// lookInto opens the ledger that somebody asks about, and says which file that
// is. The default one need not be there: then no run was begun yet.
func (e *Env) lookInto(ctx context.Context, named string) (ledger.Ledger, string, error) {
	if strings.HasPrefix(named, tableLedger) {
		kept, err := e.openLedger(ctx, named)
		return kept, named, err
	}
	path, err := e.ledgerPath(named)
	switch {
	case named == memoryLedger:
		return nil, "", usage(failure.WithHint(errors.New("a ledger in memory ends with its program: there is nothing to look at"), "--ledger FILE; or leave it out"))
	case err != nil:
		return nil, "", failure.WithHint(err, "--ledger FILE")
	case !missing(path):
		kept, err := sqlite.Open(ctx, path, e.Clock)
		return kept, path, failure.WithHint(err, "--ledger FILE, for another one")
	case named != "":
		return nil, "", usage(fmt.Errorf("%s: no such file", path))
	}
	return memory.New(e.Clock), path, nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
