//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/host/lambda/lambdatest"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
	"github.com/droverhq/drover/internal/render"
)

// TestLambda runs the built program as AWS Lambda would: as bootstrap, beside a
// fleet file, behind the Runtime API, with moto for all else.
func TestLambda(t *testing.T) {
	t.Parallel()
	bootstrap := buildBootstrap(t)
	for name, test := range map[string]func(*function){
		"fails over, once":                lambdaFailsOver,
		"sweeps":                          lambdaSweeps,
		"plans as the command does":       lambdaPlans,
		"answers batches":                 lambdaBatches,
		"is killed, and invoked again":    lambdaIsKilled,
		"has a group follow its template": lambdaGroupFollows,
		"has a template follow an image":  lambdaTemplateFollows,
		"has no table":                    lambdaHasNoTable,
		"is given what it does not know":  lambdaRefuses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newFunction(newScene(t, bootstrap)))
		})
	}
}

// function is the scene with a function in it that is set up for its fleet.
type function struct {
	*scene
	*lambdatest.Function
}

const ledgerTable = "drover"

func newFunction(s *scene) *function {
	s.Helper()
	// The ledger's calls go past the tap: the function is not the only one to
	// make them, and the tests of the ledger tell of them.
	past := aws.ToString(s.world.ec2.Options().BaseEndpoint)
	if _, err := sdk.NewFromConfig(configFor(past)).CreateTable(s.Context(), dynamodb.Table(ledgerTable)); err != nil {
		s.Fatal(err)
	}
	f := lambdatest.New(lambdatest.Options{
		Program: s.program, Dir: s.dir, Name: "drover-stage", Region: region,
		Env: []string{
			"DROVER_TABLE=" + ledgerTable, "DROVER_LOG_LEVEL=debug",
			"AWS_ENDPOINT_URL=" + s.world.tap.url, "AWS_ENDPOINT_URL_DYNAMODB=" + past,
		},
	})
	s.Cleanup(func() {
		if err := f.Close(); err != nil {
			s.Error(err)
		}
		if s.Failed() {
			s.Logf("the function's log:\n%s", f.Log())
		}
	})
	return &function{s, f}
}

// handled is what callers may rely on in the function's answer.
type handled struct {
	Event struct{ Summary string }
	Runs  []struct {
		ID, Automation, Kind, Outcome string
		Changes                       int
	}
	NotWanted []struct{ Automation, Why string }
	Later     []string
}

// invoke invokes the function, which must answer.
func (f *function) invoke(payload string, into any) lambdatest.Result {
	f.Helper()
	r, err := f.Invoke(f.Context(), []byte(payload))
	if err != nil {
		f.Fatal(err)
	}
	if r.Error != nil {
		f.Fatalf("invocation %s: %v", r.RequestID, r.Error)
	}
	f.decode(string(r.Payload), into)
	return r
}

// stopped is the event of the scene.
func (f *function) stopped() string {
	f.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, "event.json"))
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

// expectRun wants one run with this outcome, and its end in the log, under the
// ids of the run and of the invocation.
func (f *function) expectRun(h handled, r lambdatest.Result, outcome string, changes int) {
	f.Helper()
	if len(h.Runs) != 1 || h.Runs[0].Outcome != outcome || h.Runs[0].Changes != changes || len(h.Later) > 0 {
		f.Fatalf("answered %s, want one run that ended %s with %d changes", r.Payload, outcome, changes)
	}
	for _, line := range f.Lines() {
		if line["message"] == "run ended" && line["run"] == h.Runs[0].ID {
			if line["requestId"] != r.RequestID || line["automation"] != h.Runs[0].Automation || line["outcome"] != outcome {
				f.Errorf("logged %v", line)
			}
			return
		}
	}
	f.Errorf("the end of run %s is not in the log", h.Runs[0].ID)
}

func lambdaFailsOver(f *function) {
	f.stop(0)
	var h handled
	r := f.invoke(f.stopped(), &h)
	f.expectRun(h, r, "succeeded", 2*len(destinations))
	f.expectRoutes(1)
	if !r.Cold {
		f.Error("no process was started for the first invocation")
	}

	// EventBridge delivers at least once.
	before := len(f.world.tap.requests())
	var again handled
	r = f.invoke(f.stopped(), &again)
	f.expectRun(again, r, "nothing-to-do", 0)
	for _, q := range f.world.tap.requests()[before:] {
		if q.mutates() {
			f.Errorf("the second delivery made the call %s", q.Operation)
		}
	}
	if r.Cold {
		f.Error("the process did not stay for the second invocation")
	}

	// And of others.
	var foreign handled
	f.invoke(f.event("i-0123456789abcdef0"), &foreign)
	if len(foreign.Runs) > 0 || len(foreign.NotWanted) != 1 || foreign.NotWanted[0].Why == "" {
		f.Errorf("answered %+v", foreign)
	}
	f.expectLines()
}

// expectLines holds the log against what it must be like: every line is JSON
// and says when and how bad, every line of an invocation which, and every call
// on the wire has one.
func (f *function) expectLines() {
	f.Helper()
	lines := f.Lines()
	if n := strings.Count(f.Log(), "\n"); n != len(lines) {
		f.Errorf("%d of %d lines are not JSON", n-len(lines), n)
	}
	logged := map[string]int{}
	invoked := false
	for _, line := range lines {
		invoked = invoked || line["requestId"] != nil
		for _, key := range []string{"timestamp", "level", "message"} {
			if line[key] == nil {
				f.Errorf("a line lacks %s: %v", key, line)
			}
		}
		if invoked && line["requestId"] == nil {
			f.Errorf("a line lacks the id of the invocation: %v", line)
		}
		if line["message"] == "call" {
			logged[strings.ToLower(fmt.Sprint(line["service"]))+":"+fmt.Sprint(line["operation"])]++
		}
	}
	onWire := map[string]int{}
	for _, q := range f.world.tap.requests() {
		onWire[q.Operation]++
	}
	for operation := range onWire {
		if logged[operation] == 0 {
			delete(onWire, operation) // the stage's own
		}
	}
	for operation, n := range logged {
		if !strings.HasPrefix(operation, "dynamodb:") && n > onWire[operation] {
			f.Errorf("%s is logged %d times, and was on the wire %d times", operation, n, onWire[operation])
		}
	}
	for _, operation := range []string{"ec2:DescribeInstances", "ec2:ReplaceRoute", "sns:Publish", "dynamodb:TransactWriteItems"} {
		if logged[operation] == 0 {
			f.Errorf("no line about %s; there are %v", operation, slices.Sorted(maps.Keys(logged)))
		}
	}
}

// lambdaSweeps has the event lost; the schedule brings what `render rules` has
// it send.
func lambdaSweeps(f *function) {
	f.stop(0)
	var rules []render.Rule
	f.decode(f.drover("", "render", "rules", "--fleet", "fleet.yaml").stdout, &rules)
	i := slices.IndexFunc(rules, func(r render.Rule) bool { return r.Schedule != "" })
	if i < 0 {
		f.Fatal("no rule is a schedule")
	}
	input, err := json.Marshal(rules[i].Input)
	if err != nil {
		f.Fatal(err)
	}
	var h handled
	r := f.invoke(string(input), &h)
	f.expectRun(h, r, "succeeded", 2*len(destinations))
	f.expectRoutes(1)
}

// lambdaPlans compares the answer with what the command prints.
func lambdaPlans(f *function) {
	f.stop(0)
	printed := f.drover("", "plan", "--fleet", "fleet.yaml", "--event", "event.json", "--json")
	var want, got any
	f.decode(printed.stdout, &want)
	f.invoke(`{"plan": `+f.stopped()+`}`, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		f.Errorf("the function plans otherwise than the command:\n%s", diff)
	}
	if !strings.Contains(printed.stdout, f.eni(1)) {
		f.Errorf("the command plans %s", printed.stdout)
	}
	f.expectRoutes(0)
}

// lambdaBatches has a queue between EventBridge and the function.
func lambdaBatches(f *function) {
	f.stop(0)
	message := func(id, body string) map[string]string {
		return map[string]string{"messageId": id, "body": body, "eventSource": "aws:sqs"}
	}
	payload, err := json.Marshal(map[string]any{"Records": []any{message("good", f.stopped()), message("bad", "{}")}})
	if err != nil {
		f.Fatal(err)
	}
	var got any
	f.invoke(string(payload), &got)
	want := map[string]any{"batchItemFailures": []any{map[string]any{"itemIdentifier": "bad"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		f.Error(diff)
	}
	f.expectRoutes(1)
}

// lambdaIsKilled ends the process at its first change. Lambda invokes again,
// and the attempt is nobody's once its time is over.
func lambdaIsKilled(f *function) {
	f.stop(0)
	f.world.tap.interfere(f.once("ec2:ReplaceRoute", func() error {
		f.Kill()
		return nil
	}))
	killed, err := f.Invoke(f.Context(), []byte(f.stopped()))
	if err != nil {
		f.Fatal(err)
	}
	if killed.Error == nil || killed.Error.Type != lambdatest.TypeExit {
		f.Fatalf("it was not killed: %+v", killed)
	}
	r, err := f.Retry(f.Context(), killed.RequestID, []byte(f.stopped()))
	if err != nil || r.Error != nil {
		f.Fatal(err, r.Error)
	}
	f.expectRoutes(1)
	outcomes := map[any]int{}
	for _, line := range f.Lines() {
		if line["message"] == "run ended" {
			outcomes[line["outcome"]]++
		}
	}
	if want := map[any]int{"succeeded": 1, "nothing-to-do": 1}; !maps.Equal(outcomes, want) {
		f.Errorf("runs ended %v, want %v: the one that was cut short, and one for the second delivery", outcomes, want)
	}
	told := 0
	for _, q := range f.world.tap.requests() {
		if q.Operation == "sns:Publish" {
			told++
		}
	}
	if told != 1 {
		f.Errorf("%d notices, want 1", told)
	}
}

// deliver has EventBridge deliver an event.
func (f *function) deliver(e event.Event) (h handled, r lambdatest.Result) {
	f.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	r = f.invoke(string(payload), &h)
	return h, r
}

func lambdaGroupFollows(f *function) {
	template := f.stage.Template("web")
	told := f.stage.Group("web", template, "1", nil)
	f.ready()
	f.write("fleet.yaml", f.stage.Follow("web", "$Latest"))
	for _, want := range []struct {
		outcome string
		changes int
	}{{"succeeded", 1}, {"nothing-to-do", 0}} {
		h, r := f.deliver(told)
		f.expectRun(h, r, want.outcome, want.changes)
		f.stage.ExpectVersion("web", template, "$Latest")
		f.ready()
	}
}

// lambdaTemplateFollows: the event of an image makes one version, a second
// delivery none, and that of an older image none.
func lambdaTemplateFollows(f *function) {
	base := f.stage.Ready("base", "made by hand")
	template := f.stage.TemplateOf("app", base, nil)
	older, late := f.stage.Image("backup-1", "EC2_BACKUP", nil)
	f.stage.Available(older)
	newer, told := f.stage.Image("backup-2", "EC2_BACKUP", nil)
	f.ready()
	f.write("fleet.yaml", f.stage.Following("id: "+template, "description: EC2_BACKUP", "keep: 100"))
	for i, e := range []event.Event{told, told, late} {
		h, r := f.deliver(e)
		if i == 0 {
			f.expectRun(h, r, "succeeded", 2)
		} else {
			f.expectRun(h, r, "nothing-to-do", 0)
		}
		f.stage.ExpectVersions(template, "1 "+base, "2 "+newer+" default")
		f.ready()
	}
}

func lambdaHasNoTable(f *function) {
	past := sdk.NewFromConfig(configFor(aws.ToString(f.world.ec2.Options().BaseEndpoint)))
	if _, err := past.DeleteTable(f.Context(), &sdk.DeleteTableInput{TableName: aws.String(ledgerTable)}); err != nil {
		f.Fatal(err)
	}
	r, err := f.Invoke(f.Context(), []byte(f.stopped()))
	if err != nil {
		f.Fatal(err)
	}
	if r.Error == nil || r.Error.Type != "Drover.Init" || !strings.Contains(r.Error.Message, "open ledger table "+ledgerTable) || !strings.Contains(r.Error.Message, "next: ") {
		f.Errorf("AWS was told %v", r.Error)
	}
}

// lambdaRefuses: what would be lost in silence fails, and says what was wanted.
func lambdaRefuses(f *function) {
	for _, payload := range []string{`{}`, `[1]`, `{"run": "x"}`, strings.ReplaceAll(seedEvent, "'detail-type'", "'type'")} {
		quoted, err := json.Marshal(payload)
		if err != nil {
			f.Fatal(err)
		}
		if !json.Valid([]byte(payload)) {
			payload = string(quoted)
		}
		r, err := f.Invoke(f.Context(), []byte(payload))
		if err != nil {
			f.Fatal(err)
		}
		if r.Error == nil || r.Error.Type != "Drover.Payload" || !strings.Contains(r.Error.Message, "an EventBridge event") {
			f.Errorf("%s: %s %v", payload, r.Payload, r.Error)
		}
	}
	var h handled
	f.invoke(`{"detail-type": "`+event.TypeSweep+`", "source": "drover", "detail": {"automation": "gateways"}}`, &h)
	if len(h.Runs) != 1 {
		f.Errorf("afterwards it answers %+v", h)
	}
}

// buildBootstrap builds the program as it is packaged.
func buildBootstrap(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", program, "../cmd/drover")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("build cmd/drover: %v\n%s", err, out.String())
	}
	return program
}
