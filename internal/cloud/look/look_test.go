package look_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/cloud/look"
)

// world has some resources, and counts the requests about them.
type world struct {
	is       map[string]string
	broken   string // fails every request that names it
	requests []string
}

func (w *world) describe(_ context.Context, ids []string) (map[string]string, error) {
	w.requests = append(w.requests, strings.Join(ids, " "))
	if slices.Contains(ids, w.broken) {
		return nil, errors.New("no such thing: " + w.broken)
	}
	all := map[string]string{}
	for _, id := range ids {
		if v, ok := w.is[id]; ok {
			all[id] = v
		}
	}
	return all, nil
}

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func at(t *testing.T, l *look.Look[string], id string, now, since time.Time) string {
	t.Helper()
	v, found, err := l.At(t.Context(), id, now, since)
	if err != nil {
		return err.Error()
	}
	if !found {
		return "none"
	}
	return v
}

// TestOneRequestServesMany: a hundred runs look every twenty seconds, each at its own
// moment, for ten minutes.
func TestOneRequestServesMany(t *testing.T) {
	w := &world{is: map[string]string{}}
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = "i-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		w.is[ids[i]] = "pending"
	}
	l := look.New(100, w.describe)
	for now := t0; now.Before(t0.Add(10 * time.Minute)); now = now.Add(200 * time.Millisecond) {
		i := int(now.Sub(t0)/(200*time.Millisecond)) % len(ids)
		if got := at(t, l, ids[i], now, t0); got != "pending" {
			t.Fatalf("%s is %s", ids[i], got)
		}
	}
	// 3000 looks. In the first round each one is new; then a request serves ten seconds.
	if n := len(w.requests); n < 60 || n > 170 {
		t.Errorf("%d requests", n)
	}
}

func TestAnswersAreFresh(t *testing.T) {
	w := &world{is: map[string]string{"i-1": "pending", "i-2": "pending"}}
	l := look.New(100, w.describe)
	see := func(after time.Duration, since time.Duration, id, want string) {
		t.Helper()
		if got := at(t, l, id, t0.Add(after), t0.Add(since)); got != want {
			t.Errorf("after %s %s is %s, want %s", after, id, got, want)
		}
	}
	see(0, 0, "i-1", "pending")
	see(0, 0, "i-2", "pending")
	w.is["i-1"], w.is["i-2"] = "running", "running"
	see(look.Fresh-1, 0, "i-2", "pending")
	see(look.Fresh-1, look.Fresh-1, "i-2", "running") // whoever has changed something sees that
	see(look.Fresh-1, 0, "i-1", "running")            // and who is asked about along with it
	delete(w.is, "i-1")
	see(3*look.Fresh, 0, "i-1", "none")
}

func TestTroubleOfOthersIsTheirOwn(t *testing.T) {
	w := &world{is: map[string]string{"i-1": "running"}, broken: "i-2"}
	l := look.New(100, w.describe)
	if got := at(t, l, "i-2", t0, t0); got != "no such thing: i-2" {
		t.Errorf("got %s", got)
	}
	if got := at(t, l, "i-1", t0, t0); got != "running" {
		t.Errorf("got %s", got)
	}
	w.broken = "i-3" // which is wanted by somebody who has died since
	at(t, l, "i-2", t0, t0)
	if got := at(t, l, "i-1", t0.Add(look.Fresh), t0); got != "running" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(w.requests, ", "); got != "i-2, i-1, i-1 i-2, i-1 i-2" {
		t.Errorf("asked for %s", got)
	}
}

func TestRequestsAreNoLargerThanMayBe(t *testing.T) {
	w := &world{is: map[string]string{}}
	l := look.New(2, w.describe)
	for i, id := range []string{"i-1", "i-2", "i-3", "i-4"} {
		at(t, l, id, t0.Add(time.Duration(i)*time.Second), t0)
	}
	at(t, l, "i-9", t0.Add(time.Hour), t0) // the others are long forgotten
	if got := strings.Join(w.requests, ", "); got != "i-1, i-1 i-2, i-2 i-3, i-3 i-4, i-9" {
		t.Errorf("asked for %s", got)
	}
}
