package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/schedule"
)

func TestEvery(t *testing.T) {
	for every, want := range map[time.Duration]string{
		30 * time.Second:  "rate(1 minute)",
		time.Minute:       "rate(1 minute)",
		90 * time.Second:  "rate(1 minute)",
		5 * time.Minute:   "rate(5 minutes)",
		60 * time.Minute:  "rate(1 hour)",
		90 * time.Minute:  "rate(90 minutes)",
		2 * time.Hour:     "rate(2 hours)",
		24 * time.Hour:    "rate(1 day)",
		36 * time.Hour:    "rate(36 hours)",
		119 * time.Second: "rate(1 minute)",
	} {
		s := schedule.Every(every)
		if s.Expression() != want {
			t.Errorf("every %s: %s, want %s", every, s, want)
		}
		// What is printed means the same when it is read.
		again, err := schedule.Parse(s.Expression(), "")
		if now := time.Now(); err != nil || !again.Next(now).Equal(s.Next(now)) {
			t.Errorf("%s: read again it fires at %s, not %s (%v)", s, again.Next(now), s.Next(now), err)
		}
	}
}

// The dates are of 2026: March 29 and October 25 are when Berlin's clocks change,
// March 8 and November 1 when New York's do.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		expression, zone, after string
		want                    []string
	}{
		{"rate(1 day)", "Europe/Berlin", "2026-11-21T06:00:00Z", []string{"2026-11-22T06:00:00Z"}},
		{"cron(0 6 * * ? *)", "", "2026-11-21T06:00:00Z", []string{"2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z"}},
		{"cron(0 6 * * ? *)", "", "2026-11-21T05:59:59.9Z", []string{"2026-11-21T06:00:00Z"}},
		{"cron(0/15 * * * ? *)", "", "2026-11-21T23:31:00Z", []string{"2026-11-21T23:45:00Z", "2026-11-22T00:00:00Z"}},
		{"cron(0 6 * * ? *)", "Europe/Berlin", "2026-03-28T00:00:00Z", []string{"2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z"}},
		// 02:30 is left out on March 29, and is there twice on October 25.
		{"cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T00:00:00Z", []string{"2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"cron(30 1 * * ? *)", "America/New_York", "2026-11-01T05:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"cron(30 1 * * ? *)", "America/New_York", "2026-11-01T06:10:00Z", []string{"2026-11-02T06:30:00Z"}},
		{"cron(15 10 ? * 6L 2026-2027)", "", "2026-11-21T00:00:00Z", []string{"2026-11-27T10:15:00Z", "2026-12-25T10:15:00Z", "2027-01-29T10:15:00Z"}},
		{"cron(0 8 1 * ? *)", "", "2026-11-21T00:00:00Z", []string{"2026-12-01T08:00:00Z"}},
		{"cron(0 18 ? * MON-FRI *)", "", "2026-11-20T18:00:00Z", []string{"2026-11-23T18:00:00Z"}},
		{"cron(0 18 ? * 2-6 *)", "", "2026-11-20T18:00:00Z", []string{"2026-11-23T18:00:00Z"}},
		{"cron(0 0 ? * 3#1 *)", "", "2026-11-21T00:00:00Z", []string{"2026-12-01T00:00:00Z"}}, // the first Tuesday
		{"cron(0 0 ? * L *)", "", "2026-11-21T01:00:00Z", []string{"2026-11-28T00:00:00Z"}},   // Saturday
		{"cron(0 0 ? * 1,sat *)", "", "2026-11-21T01:00:00Z", []string{"2026-11-22T00:00:00Z", "2026-11-28T00:00:00Z"}},
		{"cron(0 0 L * ? *)", "", "2026-11-21T00:00:00Z", []string{"2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"}},
		{"cron(0 0 LW * ? *)", "", "2027-01-01T00:00:00Z", []string{"2027-01-29T00:00:00Z"}},
		{"cron(0 0 15W * ? *)", "", "2026-11-01T00:00:00Z", []string{"2026-11-16T00:00:00Z"}}, // the 15th is a Sunday
		{"cron(0 0 29 FEB ? *)", "", "2026-11-21T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
		{"cron(0 0 1 1 ? 2020)", "", "2026-11-21T00:00:00Z", []string{"never"}},
	} {
		s, err := schedule.Parse(c.expression, c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		at := parse(t, c.after)
		for _, want := range c.want {
			next := s.Next(at)
			got := "never"
			if !next.IsZero() {
				got = next.UTC().Format(time.RFC3339)
			}
			if got != want {
				t.Errorf("%s after %s: %s, want %s", s, at, got, want)
				break
			}
			at = next
		}
	}
}

func parse(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		expression, zone string
		want             error
	}{
		{"", "", schedule.ErrExpression},
		{"daily", "", schedule.ErrExpression},
		{"@daily", "", schedule.ErrExpression},
		{"at(2026-11-21T06:00:00)", "", schedule.ErrExpression},
		{"rate(1 day", "", schedule.ErrExpression},
		{"rate(0 minutes)", "", schedule.ErrRate},
		{"rate(1 days)", "", schedule.ErrRate},
		{"rate(2 day)", "", schedule.ErrRate},
		{"rate(30 seconds)", "", schedule.ErrRate},
		{"rate(1.5 hours)", "", schedule.ErrRate},
		{"cron(0 6 * * *)", "", schedule.ErrFields},
		{"cron(0 0 6 * * ? *)", "", schedule.ErrFields},
		{"cron(0 6 * * * *)", "", schedule.ErrDays},
		{"cron(0 6 ? * ? *)", "", schedule.ErrDays},
		{"cron(0 6 31 2 ? *)", "", schedule.ErrNever},
		{"cron(0 6 * * ? *)", "Mars/Olympus", schedule.ErrZone},
		{"cron(0 6 * * ? *)", "Local", schedule.ErrZone},
	} {
		if _, err := schedule.Parse(c.expression, c.zone); !errors.Is(err, c.want) {
			t.Errorf("%q in %q: %v, want %v", c.expression, c.zone, err, c.want)
		}
	}
	for _, expression := range []string{
		"cron(61 6 * * ? *)", "cron(0 24 * * ? *)", "cron(0 6 32 * ? *)", "cron(0 6 * 13 ? *)", "cron(0 6 ? * 0 *)", "cron(0 6 ? * 8 *)",
		"cron(0 6 ? * MON#6 *)", "cron(0 6 ? * monday *)", "cron(0 6 L-3 * ? *)", "cron(0 6 * * ? 1969)", "cron(? 6 * * ? *)", "cron(0 6 * ? ? *)",
		"cron(a b c d ? f)", "cron(0 6 , * ? *)",
	} {
		if _, err := schedule.Parse(expression, ""); err == nil || !strings.Contains(err.Error(), "wanted") || !strings.Contains(err.Error(), "got") {
			t.Errorf("%s: %v, want it refused with what was wanted and got", expression, err)
		}
	}
}

func TestZero(t *testing.T) {
	var s schedule.Schedule
	if !s.IsZero() || !s.Next(time.Now()).IsZero() || s.Zone() != "" {
		t.Error("the zero schedule fires")
	}
}

// Whatever the zone: the next time is later, the schedule fires at it, and it does
// not fire in between.
func TestNextIsTheNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Antarctica/Troll"}).Draw(t, "zone")
		expression := rapid.SampledFrom([]string{"cron(30 2 * * ? *)", "cron(0/20 * * * ? *)", "cron(15 1 ? * SUN *)", "cron(0 0 1 * ? *)"}).Draw(t, "expression")
		s, err := schedule.Parse(expression, zone)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		at := start.Add(time.Duration(rapid.Int64Range(0, int64(365*24*time.Hour)).Draw(t, "after")))
		next := s.Next(at)
		if !next.After(at) {
			t.Fatalf("%s after %s: %s", s, at, next)
		}
		between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))-1).Draw(t, "between")))
		if got := s.Next(between); !got.Equal(next) {
			t.Fatalf("%s: after %s comes %s, but after %s, before that, %s", s, at, next, between, got)
		}
	})
}

func TestMissed(t *testing.T) {
	due := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	daily, err := schedule.Parse("cron(0 6 * * ? *)", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s         schedule.Schedule
		late      time.Duration
		want      time.Duration // after it was due
		wantFirst time.Duration
	}{
		{schedule.Every(time.Hour), 0, time.Hour, 0},
		{schedule.Every(time.Hour), time.Second, time.Hour, 0},
		{schedule.Every(time.Hour), 3*time.Hour + time.Minute, 4 * time.Hour, 0},
		{daily, time.Minute, 24 * time.Hour, 24 * time.Hour},
		{daily, 50 * time.Hour, 72 * time.Hour, 72 * time.Hour},
	} {
		now := due.Add(c.late)
		if got := c.s.After(due, now); !got.Equal(due.Add(c.want)) {
			t.Errorf("%s, %s late: next after %s, want %s", c.s, c.late, got.Sub(due), c.want)
		}
		first := due.Add(c.wantFirst)
		if c.wantFirst == 0 {
			first = now
		}
		if got := c.s.First(now); !got.Equal(first) {
			t.Errorf("%s: first at %s, want %s", c.s, got, first)
		}
	}
}
