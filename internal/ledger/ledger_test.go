package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/ledger"
)

func TestExpiredFromTheVeryMoment(t *testing.T) {
	at := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name         string
		expires, now time.Time
		want         bool
	}{
		{"never", time.Time{}, at, false},
		{"just before", at, at.Add(-time.Nanosecond), false},
		{"at the moment", at, at, true},
		{"afterwards", at, at.Add(time.Hour), true},
		{"1970 is a moment, not never", time.Unix(0, 0), at, true},
		{"the same moment elsewhere", at.In(time.FixedZone("", 3600)), at, true},
	} {
		if got := ledger.Expired(test.expires, test.now); got != test.want {
			t.Errorf("%s: Expired = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestRoundExpiry(t *testing.T) {
	whole := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name     string
		in, want time.Time
	}{
		{"never stays never", time.Time{}, time.Time{}},
		{"a whole second stays", whole, whole},
		{"a part of a second becomes the next", whole.Add(time.Nanosecond), whole.Add(time.Second)},
		{"so does nearly all of one", whole.Add(time.Second - time.Nanosecond), whole.Add(time.Second)},
		{"another zone becomes UTC", whole.In(time.FixedZone("", 3600)), whole},
		{"before 1970, up is still later", time.Unix(-1, 500_000_000), time.Unix(0, 0).UTC()},
	} {
		// Compared with ==: zone and monotonic reading must be gone as well.
		if got := ledger.RoundExpiry(test.in); got != test.want {
			t.Errorf("%s: RoundExpiry = %v, want %v", test.name, got, test.want)
		}
	}
	if now := time.Now(); ledger.RoundExpiry(now) != ledger.RoundExpiry(now.Round(0)) {
		t.Error("RoundExpiry keeps the monotonic reading")
	}
}

func TestRoundExpiryNeverShortens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := time.Unix(rapid.Int64Range(-1e9, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		got := ledger.RoundExpiry(in)
		if gain := got.Sub(in); gain < 0 || gain >= time.Second {
			t.Errorf("RoundExpiry(%v) = %v, off by %v", in, got, gain)
		}
		if again := ledger.RoundExpiry(got); again != got {
			t.Errorf("RoundExpiry(%v) = %v: not stable", got, again)
		}
	})
}

func TestErrorsSurviveWrappingTwice(t *testing.T) {
	twice := func(err error) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)) }
	if !ledger.IsConflict(twice(&ledger.ConflictError{Keys: []string{"k"}})) {
		t.Error("a wrapped conflict is not found")
	}
	for _, err := range []error{nil, ledger.ErrNotFound, &ledger.InvalidError{}, errors.New("other")} {
		if ledger.IsConflict(err) {
			t.Errorf("IsConflict(%v)", err)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&ledger.ConflictError{Keys: []string{"a", "b/c"}}, "write ledger: changed meanwhile: a, b/c"},
		{&ledger.InvalidError{Reason: "list limit of 0, at least 1"}, "ledger: list limit of 0, at least 1"},
		{&ledger.InvalidError{Key: "a\n", Reason: "key holds a control character"}, `ledger record "a\n": key holds a control character`},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
