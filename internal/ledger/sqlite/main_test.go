package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// The test binary plays a part instead of running tests when it is started
// with these.
const (
	partVariable = "DROVER_LEDGER_PART"
	fileVariable = "DROVER_LEDGER_FILE"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(partVariable); name != "" {
		if err := parts[name](context.Background(), os.Getenv(fileVariable)); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
		return
	}
	// A random history on disk costs a hundred times one in memory. The command
	// line, read later, can still ask for more.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// process is another process that plays a part on a file. They talk in lines,
// over its standard input and output.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func start(t *testing.T, part, path string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), partVariable+"="+part, fileVariable+"="+path)
	cmd.Stderr = os.Stderr
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
	return &process{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
}

// hear waits for the next line.
func (p *process) hear() string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("the other process ended: %v", p.cmd.Wait())
	}
	return p.out.Text()
}

func (p *process) tell(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the process as `kill -9` does, and returns the last line it wrote.
func (p *process) kill() (last string) {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	for p.out.Scan() {
		last = p.out.Text()
	}
	_ = p.cmd.Wait() // says that it was killed
	return last
}

// file is where a test keeps its ledger: nothing is there yet.
func file(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") }

// handle opens a ledger by the clock on the wall until the test ends.
func handle(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), path, clock.Real{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func create(key string) ledger.Write {
	return ledger.Create(key, json.RawMessage(`{}`), time.Time{})
}

// text is a JSON value of n bytes.
func text(n int) json.RawMessage {
	value := make([]byte, n)
	for i := range value {
		value[i] = 'x'
	}
	value[0], value[n-1] = '"', '"'
	return value
}

// ask reads one value from the file itself.
func ask[T any](t testing.TB, l *Ledger, query string) (answer T) {
	t.Helper()
	if err := l.db.QueryRowContext(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}
