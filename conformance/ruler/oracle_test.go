//go:build conformance

package ruler

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/event"
)

// pair is a question: does the pattern match an event with this detail? The
// pattern is for the detail alone.
type pair struct{ pattern, detail string }

// verdict is an answer: match, no or refused.
type verdict struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
}

// oracle is event-ruler in a Java process of its own.
type oracle struct {
	in     *bufio.Writer
	out    *json.Decoder
	stderr strings.Builder
}

// start starts event-ruler, for the length of a test.
func start(t *testing.T) *oracle {
	t.Helper()
	dir := os.Getenv("DROVER_EVENT_RULER")
	if _, err := os.Stat(filepath.Join(dir, "Oracle.class")); dir == "" || err != nil {
		t.Skipf("SKIPPED: no event-ruler in DROVER_EVENT_RULER=%q; `make conformance` installs it where there are java and javac (11 or later), mvn and Maven Central", dir)
	}
	// What looks like an address and is none, the library looks up as the name
	// of a host: among those of an empty file, not in the network.
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "java",
		"-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", // it lives for seconds
		"-Djdk.net.hosts.file="+hosts,
		"-cp", dir+string(os.PathListSeparator)+filepath.Join(dir, "*"), "Oracle")
	o := &oracle{}
	cmd.Stderr = &o.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("event-ruler: %v\n%s", err, o.stderr.String())
		}
	})
	o.in, o.out = bufio.NewWriter(in), json.NewDecoder(bufio.NewReader(out))
	return o
}

// ask puts questions and waits for the answers.
func (o *oracle) ask(t *testing.T, pairs []pair) []verdict {
	t.Helper()
	written := make(chan error, 1)
	go func() { written <- o.write(pairs) }()
	all := make([]verdict, len(pairs))
	for i := range all {
		if err := o.out.Decode(&all[i]); err != nil {
			t.Fatalf("answer %d of event-ruler: %v\n%s", i+1, err, o.stderr.String())
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	return all
}

func (o *oracle) write(pairs []pair) error {
	lines := json.NewEncoder(o.in)
	for _, p := range pairs {
		if err := lines.Encode(map[string]string{"pattern": p.pattern, "event": p.detail}); err != nil {
			return err
		}
	}
	return o.in.Flush()
}

// ours is what Drover says.
func ours(p pair) verdict {
	pattern, err := event.ParsePattern([]byte(`{"detail":` + p.pattern + `}`))
	if err != nil {
		return verdict{"refused", err.Error()}
	}
	e := event.Event{Source: "s", DetailType: "t", Detail: json.RawMessage(p.detail)}
	if why, ok := pattern.Explain(event.Flatten(e)); !ok {
		return verdict{"no", why}
	}
	return verdict{Verdict: "match"}
}

func (v verdict) String() string {
	if v.Why == "" {
		return v.Verdict
	}
	return fmt.Sprintf("%s (%s)", v.Verdict, strings.ReplaceAll(v.Why, "\n", " "))
}
