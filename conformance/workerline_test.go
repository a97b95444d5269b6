//go:build conformance

package conformance

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// line is one worker's way to one server. It passes on what a tap does, and tells
// when.
type line struct {
	url    string
	target *url.URL
	open   context.Context // until the test is over
	// gate, unless nil, lets the operations for which alone holds pass one at a time.
	// Lines share it.
	gate  *sync.Mutex
	alone func(operation string) bool
	// before, unless nil, is done before a request is passed on. With an error it is
	// not: who asked is gone.
	before func(ctx context.Context, operation string) error
	note   func(passed)
}

// passed is a request that has been answered, or given up by who made it.
type passed struct {
	request
	body        []byte
	begun, over time.Time
}

// roads keeps more connections to one server than http.DefaultTransport does.
var roads = &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}

// newLine opens a line for the length of a test.
func newLine(t *testing.T, target string, l *line) *line {
	t.Helper()
	var err error
	if l.target, err = url.Parse(target); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(l)
	var hangUp context.CancelFunc
	l.open, hangUp = context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		hangUp() // a worker that was killed still waits for messages
		front.Close()
	})
	l.url = front.URL
	return l
}

// ServeHTTP implements [http.Handler].
func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who asked has died while it wrote
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p := passed{body: body}
	if p.request, err = read(r); err != nil {
		return
	}
	if l.before != nil && l.before(r.Context(), p.Operation) != nil {
		return
	}
	status, header, answer, err := l.pass(r, &p)
	p.over = time.Now()
	p.Status = status
	if !p.done() {
		p.Answer = string(answer)
	}
	if err == nil {
		seen.add(p.Operation)
	}
	l.note(p)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	_, _ = w.Write(answer) // who is gone does not read it
}

// pass has the server answer. What came through reaches it in full: a worker that
// is killed meanwhile takes nothing back.
func (l *line) pass(r *http.Request, p *passed) (int, http.Header, []byte, error) {
	if l.gate != nil && l.alone(p.Operation) {
		l.gate.Lock()
		defer l.gate.Unlock()
	}
	p.begun = time.Now()
	req := r.Clone(l.open)
	req.RequestURI, req.URL.Scheme, req.URL.Host = "", l.target.Scheme, l.target.Host
	res, err := roads.RoundTrip(req)
	if err != nil {
		return http.StatusBadGateway, nil, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, answer, err
}
