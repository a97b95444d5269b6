//go:build conformance

package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// process is `drover worker`, running.
type process struct {
	name string
	args []string
	cmd  *exec.Cmd
	log  logBuffer
	dead chan struct{} // closed when it has ended
}

// site is where workers run: the servers behind them and what is on their disk.
type site struct {
	*testing.T
	program, dir string
	queue, dead  string // URLs
	ledger       string // of --ledger
	// endpoints are what a worker is told of the servers, by the variable of its
	// environment.
	endpoints func(worker string) map[string]string
}

// work starts a worker. A name is given once.
func (s *site) work(name string, more ...string) *process {
	s.Helper()
	p := &process{name: name, dead: make(chan struct{})}
	p.args = append([]string{
		"worker", "--fleet", "fleet.yaml", "--queue", s.queue, "--ledger", s.ledger, "--listen", "127.0.0.1:0",
	}, more...)
	p.cmd = exec.Command(s.program, p.args...) //nolint:noctx // it is told to stop by signals, as a supervisor does
	p.cmd.Dir, p.cmd.Env = s.dir, s.environ(name)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its state says how it went
		close(p.dead)
	}()
	s.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-p.dead
		if s.Failed() {
			s.Logf("the last lines of worker %s:\n%s", p.name, p.log.tail(40))
		}
	})
	return p
}

func (s *site) environ(worker string) []string {
	env := []string{
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + s.dir, "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=conformance", "AWS_SECRET_ACCESS_KEY=conformance",
	}
	for name, url := range s.endpoints(worker) {
		env = append(env, name+"="+url)
	}
	return env
}

// drover runs the program to its end, and returns what it prints.
func (s *site) drover(args ...string) []byte {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.program, args...)
	cmd.Dir, cmd.Env = s.dir, s.environ("asks")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		s.Fatalf("drover %v: %v", args, err)
	}
	return out
}

func (s *site) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// kill ends a worker as `kill -9` does.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.dead
	return err
}

// stop tells a worker to stop, and wants it to end by itself, well, within a time.
func (p *process) stop(limit time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("worker %s: %w", p.name, err)
	}
	return p.ended(limit)
}

func (p *process) ended(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	select {
	case <-p.dead:
	case <-ctx.Done():
		return fmt.Errorf("worker %s has not ended within %v", p.name, limit)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("worker %s: exit %d, want 0", p.name, code)
	}
	return nil
}

// said is a line of a worker's log.
type said struct {
	Level, Msg, Error, Part           string
	Address, Automation, Run, Message string
	Why                               string
	Due                               time.Time
	Messages                          int
}

// lines are what a worker has logged so far. It logs nothing but JSON.
func (p *process) lines() ([]said, error) {
	var all []said
	for text := range bytes.Lines(p.log.bytes()) {
		if text[len(text)-1] != '\n' {
			break // killed while it wrote, or it is writing
		}
		var line said
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("worker %s logs %q: %w", p.name, text, err)
		}
		all = append(all, line)
	}
	return all, nil
}

// address is where a worker serves health checks, once it does.
func (p *process) address(ctx context.Context) (string, error) {
	for {
		all, err := p.lines()
		if err != nil {
			return "", err
		}
		for _, l := range all {
			if l.Address != "" {
				return l.Address, nil
			}
		}
		select {
		case <-p.dead:
			return "", fmt.Errorf("worker %s has ended:\n%s", p.name, p.log.tail(20))
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}
