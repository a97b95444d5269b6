package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/host/lambda/lambdatest"
)

// The function is this program itself. What it calls is out of reach: what
// needs an AWS is tried in conformance.
func TestMain(m *testing.M) {
	if os.Getenv(EnvRuntime) == "" {
		os.Exit(m.Run())
	}
	err := Run(context.Background(), Env{
		Getenv: os.Getenv, Stderr: os.Stderr, Clock: clock.Real{}, Version: "test",
		AWS: func(context.Context, string) (aws.Config, error) {
			return aws.Config{}, failure.WithHint(errors.New("no configuration here"), "look elsewhere")
		},
	})
	if !errors.Is(err, ErrLogged) {
		fmt.Println(err)
	}
	os.Exit(1)
}

func TestWhatIsWrongAtTheBeginningIsSaid(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const fleet = `{version: 1, fleet: edge, region: us-west-1, notify: {topic: "arn:aws:sns:us-west-1:123456789012:ops"}, automations: {sdwan: {kind: route-failover, vpc: vpc-0bf5741eb0ef56a41, members: [{tags: {role: nat}}]}}}`
	for _, test := range []struct {
		name, fleet string
		env         []string
		words       []string
	}{
		{"no table", fleet, nil, []string{"DROVER_TABLE is not set", "next: docs/guide/lambda.md"}},
		{"no fleet", "", []string{"DROVER_TABLE=drover"}, []string{"read the fleet file", "fleet.yaml: no such file", "next: put it into the package"}},
		{"wrong fleet", fleet[:len(fleet)-3] + ", tries: 3}}}", []string{"DROVER_TABLE=drover"}, []string{"fleet.yaml:1:", "tries"}},
		{"no AWS", fleet, []string{"DROVER_TABLE=drover"}, []string{"no configuration here", "next: look elsewhere"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.fleet != "" {
				if err := os.WriteFile(filepath.Join(dir, "fleet.yaml"), []byte(test.fleet), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := lambdatest.New(lambdatest.Options{Program: program, Dir: dir, Env: test.env})
			defer func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}()
			r, err := f.Invoke(t.Context(), []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			if r.Error == nil || r.Error.Type != TypeInit {
				t.Fatalf("AWS was told %v; the log is\n%s", r.Error, f.Log())
			}
			lines := f.Lines()
			if len(lines) != 1 || lines[0]["message"] != "initialisation failed" || strings.Count(f.Log(), "\n") != 1 {
				t.Fatalf("the log is\n%s", f.Log())
			}
			for _, w := range test.words {
				if !strings.Contains(r.Error.Message, w) || !strings.Contains(lines[0]["error"].(string), w) {
					t.Errorf("AWS or the log was not told %q: %s", w, r.Error.Message)
				}
			}
		})
	}
}

func TestElsewhereItSaysSo(t *testing.T) {
	err := Run(t.Context(), Env{Getenv: func(string) string { return "" }})
	if err == nil || !strings.Contains(message(err), "AWS_LAMBDA_RUNTIME_API is not set\nnext: drover run") {
		t.Errorf("got %v", err)
	}
}

func TestWhatTheRuntimeLogsIsInLinesToo(t *testing.T) {
	var out strings.Builder
	w := runtimeLog{newLogger(&out, 0)}
	fmt.Fprintln(w, `{"errorMessage":"it was logged before","errorType":"x"}`)
	fmt.Fprintln(w, "failed to get the next invoke: EOF")
	if got := out.String(); strings.Contains(got, "before") || !strings.Contains(got, `"error":"failed to get the next invoke: EOF"`) {
		t.Errorf("logged %s", got)
	}
}
