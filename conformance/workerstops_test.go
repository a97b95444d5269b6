//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// TestWorkerStops tells a worker to stop in the middle of its work, and reads what it
// serves over HTTP.
func TestWorkerStops(t *testing.T) {
	t.Parallel()
	t.Run("what is under way comes to its end", func(t *testing.T) { t.Parallel(); endsWell(t) })
	t.Run("what is not recorded is given back", func(t *testing.T) { t.Parallel(); givesBack(t) })
}

// turnstile holds requests for one operation up.
type turnstile struct {
	operation string
	held      chan struct{} // told of each
	open      chan struct{} // closed when they may pass
}

func newTurnstile(operation string) *turnstile {
	return &turnstile{operation: operation, held: make(chan struct{}, 1), open: make(chan struct{})}
}

func (h *turnstile) before(ctx context.Context, operation string) error {
	if operation != h.operation {
		return nil
	}
	select {
	case h.held <- struct{}{}:
	default:
	}
	select {
	case <-h.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endsWell stops a worker while a route is about to move.
func endsWell(t *testing.T) {
	f := newFloor(t, load{0, 1}, sharedFile(t))
	held := newTurnstile("ec2:ReplaceRoute")
	f.hold = held.before
	p := f.work("A", "--grace", "20s")
	address, err := p.address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.answers(address, "/livez", http.StatusOK, `{"alive":true}`)
	f.answers(address, "/readyz", http.StatusOK, `{"ready":true}`)
	// moto's test notification, as the dead letters, is sent to see that it is counted.
	f.sends(&letter{id: "1", estate: f.estates[0]}, &letter{id: "2"}, &letter{words: `{"Event":"autoscaling:TEST_NOTIFICATION"}`}, &letter{words: "hello"})
	for _, result := range []string{"recorded", "unwanted", "test", "dead-letter"} {
		f.counts(address, "drover_events_total", map[string]string{"queue": "events", "result": result})
	}
	f.counts(address, "drover_runs_total", map[string]string{"automation": "edge-000", "kind": "route-failover", "outcome": "nothing-to-do"})
	f.counts(address, "drover_schedules_fired_total", map[string]string{"automation": "edge-000"})
	f.counts(address, "drover_aws_calls_total", map[string]string{"operation": "sqs:SendMessage", "result": "ok"})

	stop := &letter{id: "3", estate: f.estates[0], stops: true}
	f.sends(stop)
	<-held.held
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	f.answers(address, "/readyz", http.StatusServiceUnavailable, `{"ready":false,"stopping":true}`)
	f.answers(address, "/livez", http.StatusOK, `{"alive":true}`)
	close(held.open)
	if err := p.ended(20 * time.Second); err != nil {
		t.Error(err)
	}
	f.mail = []*letter{stop}
	f.workers = []*process{p}
	f.over = time.Now()
	f.nothingLeft()
	f.worldIsRight()
}

// givesBack stops a worker that cannot write to its ledger, with as much in hand as
// it takes, so that nothing waits for messages meanwhile: moto would hand them to a
// call whose caller is gone.
func givesBack(t *testing.T) {
	f := newFloor(t, load{0, 5}, sharedMoto(t))
	// Now and then moto hands one message to two calls at once: then not quite 200
	// different ones are in hand.
	const messages, most, least = 260, 200, 150
	held := newTurnstile("dynamodb:TransactWriteItems")
	f.hold = held.before
	var all []*letter
	for i := range messages {
		all = append(all, &letter{id: fmt.Sprint(i), estate: f.estates[i%len(f.estates)]})
	}
	f.sends(all...)
	p := f.work("A", "--grace", "1s", "--workers", "4")
	inHand, since := 0, time.Now()
	f.await("as much in hand as may be", func() (bool, error) {
		_, hidden, err := f.counted(f.Context())
		if hidden != inHand {
			inHand, since = hidden, time.Now()
		}
		return inHand >= least && time.Since(since) > 2*time.Second, err
	})
	if err := p.stop(20 * time.Second); err != nil {
		t.Error(err)
	}
	said, err := p.lines()
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for _, l := range said {
		if l.Msg == "messages given back" {
			given += l.Messages
		}
	}
	visible, hidden, err := f.counted(f.Context())
	if err != nil || visible != messages || hidden != 0 || given < inHand || given > most {
		t.Errorf("%d messages are visible and %d hidden, %v, want all %d visible; the worker says that it gave back %d, want %d", visible, hidden, err, messages, given, inHand)
	}

	close(held.open)
	again := f.work("B", "--workers", "4")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.quiet(ctx); err != nil {
		t.Error(err)
	}
	if err := again.stop(20 * time.Second); err != nil {
		t.Error(err)
	}
	f.workers, f.over = []*process{again}, time.Now()
	f.nothingLeft()
	f.figures(nil)
}

// sends sends letters, one by one.
func (f *floor) sends(all ...*letter) {
	f.Helper()
	for _, l := range all {
		if err := f.happen(f.Context(), []*letter{l}); err != nil {
			f.Fatal(err)
		}
		_, err := f.sqs.SendMessage(f.Context(), &sdksqs.SendMessageInput{QueueUrl: &f.queue, MessageBody: aws.String(l.body)})
		if err != nil {
			f.Fatal(err)
		}
	}
}

// await waits until something is so.
func (f *floor) await(what string, is func() (bool, error)) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		so, err := is()
		if so && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			f.Fatalf("not seen: %s (%v)", what, err)
		case <-tick.C:
		}
	}
}

// answers wants an answer of a worker's own server; it may take a moment.
func (f *floor) answers(address, path string, status int, text string) {
	f.Helper()
	var got string
	defer func() {
		if f.Failed() {
			f.Logf("%s answers %s", path, got)
		}
	}()
	f.await(fmt.Sprintf("%s with %d %s", path, status, text), func() (bool, error) {
		code, body, err := f.get("http://" + address + path)
		got = fmt.Sprintf("%d %s", code, body)
		return code == status && strings.TrimSpace(body) == text && json.Valid([]byte(body)), err
	})
}

func (f *floor) get(url string) (int, string, error) {
	req, err := http.NewRequestWithContext(f.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// counts wants /metrics, read as Prometheus does, to show before long that something
// has been counted.
func (f *floor) counts(address, name string, labels map[string]string) {
	f.Helper()
	f.await(fmt.Sprintf("%s%v", name, labels), func() (bool, error) {
		_, body, err := f.get("http://" + address + "/metrics")
		if err != nil {
			return false, err
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(body))
		if err != nil {
			return false, err
		}
		for _, m := range families[name].GetMetric() {
			if labelled(m, labels) {
				return m.GetCounter().GetValue() >= 1, nil
			}
		}
		return false, nil
	})
}

func labelled(m *dto.Metric, want map[string]string) bool {
	if len(m.GetLabel()) != len(want) {
		return false
	}
	for _, l := range m.GetLabel() {
		if want[l.GetName()] != l.GetValue() {
			return false
		}
	}
	return true
}
