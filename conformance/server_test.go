//go:build conformance

package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	startLimit = time.Minute // moto imports a hundred modules first
	pollEvery  = 50 * time.Millisecond
)

// server is moto, running.
type server struct {
	url    string
	lambda *lambda // where its Step Functions finds functions
	log    *logBuffer
	stop   func()
}

// startServer starts the moto_server at path on a free loopback port and waits
// until it answers.
func startServer(path string) (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	port, err := freePort(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a free port for moto: %w", err)
	}
	s := &server{url: "http://127.0.0.1:" + port, lambda: newLambda(), log: &logBuffer{}}
	life, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(life, path, "-H", "127.0.0.1", "-p", port)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.Env = append(os.Environ(), "MOTO_PORT="+s.lambda.port()) // of its calls to itself, of which Invoke is the only one
	if err := cmd.Start(); err != nil {
		kill()
		s.lambda.front.Close()
		return nil, fmt.Errorf("start moto: %w; DROVER_MOTO is %q; `make conformance` installs moto and sets it", err, path)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or its log says why it ended
		close(exited)
	}()
	s.stop = func() { kill(); <-exited; s.lambda.front.Close() }
	err = s.await(ctx, exited)
	if err == nil {
		err = s.configure(ctx, `{"stepfunctions": {"execute_state_machine": true}}`)
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("%w; its log:\n%s\nto install it anew: rm -rf .cache/venv && make conformance", err, s.log.tail(40))
	}
	return s, nil
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// await waits until the server answers as moto does.
func (s *server) await(ctx context.Context, exited <-chan struct{}) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := s.reset(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return errors.New("moto ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("moto does not answer within %v: %w", startLimit, err)
		case <-tick.C:
		}
	}
}

// reset empties the server.
func (s *server) reset(ctx context.Context) error { return s.tell(ctx, "reset", "", `"ok"`) }

// configure switches on what moto does not do unless it is told to.
func (s *server) configure(ctx context.Context, config string) error {
	return s.tell(ctx, "config", config, "")
}

// tell makes a call of moto's own API, and wants an answer that has some words.
func (s *server) tell(ctx context.Context, what, text, words string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/moto-api/"+what, strings.NewReader(text))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices || !bytes.Contains(body, []byte(words)) {
		return fmt.Errorf("%s of moto: %s: %s", what, res.Status, body)
	}
	return nil
}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// bytes is a copy of what there is so far.
func (b *logBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.text.Bytes())
}

// tail is the last lines.
func (b *logBuffer) tail(lines int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := strings.Split(strings.TrimSpace(b.text.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
