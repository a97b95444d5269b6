//go:build conformance

package conformance

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

var errLost = errors.New("connection reset by peer")

// wire is the way to a server that speaks JSON. It can lose answers: the
// server has done what it was asked, and whoever asked never hears of it.
type wire struct {
	// gate, unless nil, lets one request pass at a time.
	gate *sync.Mutex
	// note, unless nil, hears of every operation that was answered.
	note func(operation string)
	// then is done after an answer was lost, before the next request.
	then func()

	mu     sync.Mutex
	losing map[string]int
	gone   map[string]int
}

// config leads over the wire, with retries that do not wait long.
func (w *wire) config(url string) aws.Config {
	cfg := configFor(url)
	cfg.HTTPClient = &http.Client{Transport: w}
	cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) }
	return cfg
}

// lose loses the next answers to an operation.
func (w *wire) lose(operation string, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losing, w.gone = map[string]int{operation: times}, map[string]int{}
}

func (w *wire) lost(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone[operation]
}

// loses says whether this answer is to be lost.
func (w *wire) loses(operation string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.losing[operation] == 0 {
		return false
	}
	w.losing[operation]--
	w.gone[operation]++
	return true
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.pass(req)
	if err != nil {
		return nil, err
	}
	// DynamoDB_20120810.TransactWriteItems
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	if w.note != nil {
		w.note(signedFor(req) + ":" + operation)
	}
	if !w.loses(operation) {
		return res, nil
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err == nil {
		err = errLost
	}
	if w.then != nil {
		w.then()
	}
	return nil, err
}

func (w *wire) pass(req *http.Request) (*http.Response, error) {
	if w.gate != nil {
		w.gate.Lock()
		defer w.gate.Unlock()
	}
	return http.DefaultTransport.RoundTrip(req)
}
