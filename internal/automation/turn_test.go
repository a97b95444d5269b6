package automation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
)

func TestAwait(t *testing.T) {
	begun := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		what  string
		after time.Duration
		waits bool
	}{
		{"nothing to wait for", "", 0, false},
		{"at once", "a read of i-1", 0, true},
		{"just before the limit", "a read of i-1", 15*time.Second - 1, true},
		{"at the limit", "a read of i-1", 15 * time.Second, false},
	} {
		now := begun.Add(test.after)
		err := automation.Env{Clock: clock.NewVirtual(now), Since: begun}.Await(test.what, 3*time.Second, 15*time.Second)
		if !test.waits {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		var wait *failure.Error
		if !errors.As(err, &wait) || wait.Class != failure.Wait || !wait.Until.Equal(now.Add(3*time.Second)) || err.Error() != test.what {
			t.Errorf("%s: %+v", test.name, err)
		}
	}
}

func TestForget(t *testing.T) {
	e := automation.Env{Trying: map[string]bool{}}
	e.Try("ami-1")
	e.Try("ami-2")
	e.Forget("ami-1")
	e.Forget("ami-3") // which was never tried
	if e.Trying["ami-1"] || !e.Trying["ami-2"] || len(e.Trying) != 1 {
		t.Errorf("it tries %v", e.Trying)
	}
}

func TestTokensAreOfTheirActAndRunAlone(t *testing.T) {
	one, other := automation.Identity{ID: "run-1"}, automation.Identity{ID: "run-2"}
	first := one.Token("start", "a", int64(1))
	if again := one.Token("start", "a", int64(1)); again != first || len(first) != 64 {
		t.Errorf("%s becomes %s", first, again)
	}
	seen := map[string]bool{first: true}
	for i, token := range []string{
		one.Token("start", "a", int64(2)), one.Token("create", "a", int64(1)), other.Token("start", "a", int64(1)), one.Token("start a", int64(1)),
		one.Token("start", "a", int64(1e18)), one.Token("start", "a", int64(1e18)+1), // as times in nanoseconds are
	} {
		if seen[token] {
			t.Errorf("call %d has the token of another", i)
		}
		seen[token] = true
	}
}

func TestJoin(t *testing.T) {
	again, final := failure.Retryf("throttled"), failure.Stopf("not authorized")
	stale := fmt.Errorf("look: %w", &automation.Replan{Why: "rtb-1 has changed"})
	for _, test := range []struct {
		name  string
		errs  []error
		class failure.Class
		says  string // all of it
	}{
		{"one", []error{nil, final}, failure.Stop, "not authorized"},
		{"what is worth another attempt leads", []error{final, nil, again}, failure.Retry, "throttled\nnot authorized"},
		{"a plan that is out of date is all there is", []error{again, stale, final}, failure.ClassOf(stale), "the plan is out of date: rtb-1 has changed"},
	} {
		if err := automation.Join(test.errs); err == nil || failure.ClassOf(err) != test.class || err.Error() != test.says {
			t.Errorf("%s: %v of class %v, want %q of class %v", test.name, err, failure.ClassOf(err), test.says, test.class)
		}
	}
	var replan *automation.Replan
	if err := automation.Join([]error{again, stale}); !errors.As(err, &replan) || !strings.Contains(replan.Why, "rtb-1") {
		t.Errorf("the plan is not out of date: %v", err)
	}
	if err := automation.Join([]error{nil, nil}); err != nil {
		t.Errorf("without errors: %v", err)
	}
}
