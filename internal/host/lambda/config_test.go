package lambda

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	const prefix = "arn:aws:states:us-west-1:123456789012:stateMachine:drover-"
	for _, test := range []struct {
		name     string
		env      map[string]string
		want     config
		problems []string
	}{
		{
			name: "least", env: map[string]string{EnvTable: "drover"},
			want: config{fleet: "/opt/fleet.yaml", table: "drover", function: "lambda"},
		},
		{
			name: "on AWS",
			env: map[string]string{
				EnvTable: "drover", "LAMBDA_TASK_ROOT": "/var/task", "AWS_LAMBDA_FUNCTION_NAME": "edge",
				EnvLevel: "DEBUG", EnvMachines: prefix, EnvFleet: "fleets/edge.yaml",
			},
			want: config{fleet: "/var/task/fleets/edge.yaml", table: "drover", function: "edge", level: slog.LevelDebug, machines: prefix},
		},
		{
			name: "elsewhere", env: map[string]string{EnvTable: "arn:aws:dynamodb:us-west-1:123456789012:table/drover", EnvFleet: "/mnt/fleet.yaml"},
			want: config{fleet: "/mnt/fleet.yaml", table: "arn:aws:dynamodb:us-west-1:123456789012:table/drover", function: "lambda"},
		},
		{name: "nothing", problems: []string{"DROVER_TABLE is not set", "DynamoDB"}},
		{
			name:     "all wrong",
			env:      map[string]string{EnvTable: "a b", EnvLevel: "loud", EnvMachines: "drover-"},
			problems: []string{`DROVER_TABLE: got "a b"`, `DROVER_LOG_LEVEL: got "loud"`, `DROVER_MACHINE_PREFIX: got "drover-"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readConfig(func(name string) string { return test.env[name] }, "/opt")
			if test.problems == nil {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(config{})); diff != "" {
					t.Error(diff)
				}
				return
			}
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, p := range test.problems {
				if !strings.Contains(err.Error(), p) {
					t.Errorf("the error lacks %q: %v", p, err)
				}
			}
			if !strings.Contains(message(err), "next: "+guide) {
				t.Errorf("the message does not say where to read on: %s", message(err))
			}
		})
	}
}
