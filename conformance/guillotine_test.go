//go:build conformance

package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"sync"
	"testing"
)

// blade says at which of its requests a process is killed: when moto has not had
// it yet, or when moto has answered and the process has not heard of it.
type blade struct {
	operation string // only these requests count; empty: all
	request   int    // counted from 1; 0: never
	after     bool
}

func (b blade) String() string {
	switch {
	case b.request == 0:
		return "not killed"
	case b.after:
		return fmt.Sprintf("killed after request %d%s, its answer lost", b.request, b.of())
	}
	return fmt.Sprintf("killed before request %d%s", b.request, b.of())
}

func (b blade) of() string {
	if b.operation == "" {
		return ""
	}
	return " of " + b.operation
}

// guillotine stands between one process and moto. What has come through it
// reaches moto in full, whatever becomes of the process.
type guillotine struct {
	url    string
	target *url.URL
	way    http.RoundTripper
	blade  blade
	falls  chan struct{} // closed when the process is to be killed
	fallen chan struct{} // closed when it was

	mu      sync.Mutex
	arrived int
	made    []request
}

func newGuillotine(t *testing.T, w *world, b blade) *guillotine {
	t.Helper()
	target, err := url.Parse(w.moto.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &guillotine{target: target, way: w.way, blade: b, falls: make(chan struct{}), fallen: make(chan struct{})}
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

// ServeHTTP implements [http.Handler].
func (g *guillotine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	made, err := read(r)
	if err != nil {
		return // the process has died while it wrote
	}
	here := g.arrives(made)
	if here && !g.blade.after {
		g.fall()
		return
	}
	status, header, body, err := g.pass(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	made.Status = status
	if !made.done() {
		made.Answer = string(body)
	}
	g.mu.Lock()
	g.made = append(g.made, made)
	g.mu.Unlock()
	seen.add(made.Operation)
	if here {
		g.fall()
		return
	}
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a process that is gone does not read it
}

// arrives says whether this is the request at which the blade falls.
func (g *guillotine) arrives(r request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.blade.operation != "" && g.blade.operation != r.Operation {
		return false
	}
	g.arrived++
	return g.arrived == g.blade.request
}

// pass has moto answer a request.
func (g *guillotine) pass(r *http.Request) (int, http.Header, []byte, error) {
	req := r.Clone(context.WithoutCancel(r.Context()))
	req.RequestURI, req.URL.Scheme, req.URL.Host = "", g.target.Scheme, g.target.Host
	res, err := g.way.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, body, err
}

// fall holds a request until the process is dead.
func (g *guillotine) fall() {
	close(g.falls)
	<-g.fallen
}

func (g *guillotine) requests() []request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.made)
}

// convict is a program that is killed, and then run again.
type convict struct {
	*guillotine
	name    string
	program string
	dir     string
	args    []string
	output  bytes.Buffer
}

func (c *convict) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{
		"AWS_ENDPOINT_URL=" + c.url, "AWS_EC2_METADATA_DISABLED=true", "HOME=" + c.dir,
		"AWS_ACCESS_KEY_ID=conformance", "AWS_SECRET_ACCESS_KEY=conformance",
	}
	cmd.Stdout, cmd.Stderr = &c.output, &c.output
	return cmd
}

// errSpared is the error of a process that has ended before the blade has fallen.
var errSpared = errors.New("it has ended by itself")

// die starts the program and kills it, as `kill -9` does, when the blade falls.
func (c *convict) die(ctx context.Context) error {
	cmd := c.command(ctx, c.args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or its output says why it ended
		close(ended)
	}()
	select {
	case <-c.falls:
	case <-ended:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.blade = blade{}
		return fmt.Errorf("%w after %d requests", errSpared, len(c.made))
	}
	err := cmd.Process.Kill()
	<-ended
	close(c.fallen)
	return err
}

// live runs the program to its end, which must be a good one.
func (c *convict) live(ctx context.Context, args ...string) error {
	fmt.Fprintf(&c.output, "-- %v\n", args)
	err := c.command(ctx, args...).Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("exit %d, want 0", exit.ExitCode())
	}
	return err
}
