//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/droverhq/drover/internal/scenario"
)

// seedEvent is the event of the source document as its author found it in the
// log: printed by Python, so not JSON.
const seedEvent = `{'version': '0', 'id': '153bbf21-05cb-aa5f-f22d-c602cd2dbee4', 'detail-type': 'EC2 Instance State-change Notification', 'source': 'aws.ec2', 'account': '731262942057', 'time': '2021-12-11T12:59:41Z', 'region': 'us-west-1', 'resources': ['arn:aws:ec2:us-west-1:731262942057:instance/i-045ebd27124159b6d'], 'detail': {'instance-id': 'i-045ebd27124159b6d', 'state': 'pending'}}`

// destinations are the routes through the first gateway, in each table.
var destinations = []string{"1.1.1.1/32", "0.0.0.0/0", "2001:db8::/32"}

// scene is the built program in front of two gateways, with two route tables
// whose routes all go through the first.
type scene struct {
	*testing.T
	world   *world
	stage   *scenario.Stage
	program string
	dir     string
}

func newScene(t *testing.T, program string) *scene {
	t.Helper()
	w := newWorld(t)
	s := &scene{T: t, world: w, stage: scenario.NewStage(t.Context(), w), program: program, dir: t.TempDir()}
	s.stage.Set(scenario.Layout{Gateways: 2, Tables: 2})
	s.ready()
	for table := range s.stage.Tables {
		for _, d := range destinations {
			s.stage.Route(table, d, s.eni(0))
		}
	}
	s.ready()
	s.write("fleet.yaml", s.stage.Failover())
	s.write("event.json", s.event(s.stage.Gateways[0].Instance))
	return s
}

// ready ends the test if setting the stage has failed.
func (s *scene) ready() {
	s.Helper()
	if err := s.stage.Err(); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) eni(gateway int) string { return s.stage.Gateways[gateway].Interfaces[0] }

// stop stops a gateway.
func (s *scene) stop(gateway int) {
	s.Helper()
	s.stage.Stop(gateway)
	s.ready()
}

// event is the seed's event for another instance, written as JSON in the way
// that the program recommends.
func (*scene) event(instance string) string {
	text := strings.ReplaceAll(seedEvent, "'", `"`)
	return strings.ReplaceAll(text, "i-045ebd27124159b6d", instance)
}

func (s *scene) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// result is what became of one start of the program.
type result struct {
	code           int
	stdout, stderr string
	requests       []request // that it made
}

// drover runs the program as a process of its own that knows of nothing but
// the tap.
func (s *scene) drover(stdin string, args ...string) result {
	s.Helper()
	before := len(s.world.tap.requests())
	cmd := exec.CommandContext(s.Context(), s.program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"AWS_ENDPOINT_URL=" + s.world.tap.url, "AWS_EC2_METADATA_DISABLED=true", "HOME=" + s.dir,
		"AWS_ACCESS_KEY_ID=conformance", "AWS_SECRET_ACCESS_KEY=conformance",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	r := result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	r.requests = s.world.tap.requests()[before:]
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("drover %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
		}
	})
	return r
}

// refused are the requests that AWS refused.
func (r result) refused() []request {
	return slices.DeleteFunc(slices.Clone(r.requests), request.done)
}

// once makes a hook for the tap that does something before the first request
// for an operation is passed on. Requests meanwhile wait.
func (s *scene) once(operation string, do func() error) func(string) {
	var once sync.Once
	return func(seen string) {
		if seen != operation {
			return
		}
		once.Do(func() {
			if err := do(); err != nil {
				s.Errorf("before %s: %v", operation, err)
			}
		})
	}
}

// run is `drover run` on the scene's fleet and event.
func (s *scene) run(more ...string) result {
	s.Helper()
	return s.drover("", append([]string{"run", "--fleet", "fleet.yaml", "--event", "event.json"}, more...)...)
}

// expect holds a result against its exit code, and its output against words
// that must be there.
func (s *scene) expect(r result, code int, words ...string) {
	s.Helper()
	if r.code != code {
		s.Errorf("exit %d, want %d", r.code, code)
	}
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			s.Errorf("the output lacks %q", w)
		}
	}
}

// expectRoutes wants every route to target the gateway, and none to be missing.
func (s *scene) expectRoutes(gateway int) {
	s.Helper()
	want := map[string]string{}
	for _, table := range s.stage.Tables {
		for _, d := range destinations {
			want[table+" "+d] = s.eni(gateway)
		}
	}
	got := s.stage.Targets()
	s.ready()
	if !maps.Equal(got, want) {
		s.Errorf("routes are %v, want %v", got, want)
	}
}

// expectQuiet wants no request at all.
func (s *scene) expectQuiet(r result) {
	s.Helper()
	if len(r.requests) > 0 {
		s.Errorf("AWS was called:\n%s", lines(r.requests))
	}
}

// expectMutations wants exactly this many mutating requests, by operation.
func (s *scene) expectMutations(r result, want map[string]int) {
	s.Helper()
	got := map[string]int{}
	for _, q := range r.requests {
		if q.mutates() {
			got[q.Operation]++
		}
	}
	if !maps.Equal(got, want) {
		s.Errorf("mutating calls %v, want %v", got, want)
	}
}

// decode reads exactly one JSON value.
func (s *scene) decode(text string, into any) {
	s.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(into); err != nil {
		s.Fatalf("%v in %q", err, text)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		s.Errorf("more than one JSON value (%v)", err)
	}
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "drover")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cmd/drover")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build cmd/drover: %v\n%s", err, out)
	}
	return program
}
