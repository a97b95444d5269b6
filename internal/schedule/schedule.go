// Package schedule reads the schedules of EventBridge, rate(1 day) and
// cron(0 6 * * ? *), and says when they fire.
//
// A time zone moves with its daylight saving time as EventBridge Scheduler does
// it: what would fire at a time that a day leaves out does not fire that day, and
// what would fire at a time that a day has twice fires at the first.
//
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
package schedule

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Lambda's and Windows' machines have no time zones of their own

	"github.com/hashicorp/cronexpr"
)

// Schedule says when something recurs. It is immutable. The zero value never
// fires; make one with [Every] or [Parse].
type Schedule struct {
	expression string
	location   *time.Location
	rate       time.Duration        // 0 for cron
	cron       *cronexpr.Expression // nil for rate
}

// Every is a rate. Rates are whole minutes, rounded down, at least one.
func Every(d time.Duration) Schedule {
	d = max(d.Truncate(time.Minute), time.Minute)
	n, unit := int(d/time.Minute), "minute"
	switch {
	case d%(24*time.Hour) == 0:
		n, unit = int(d/(24*time.Hour)), "day"
	case d%time.Hour == 0:
		n, unit = int(d/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return Schedule{expression: fmt.Sprintf("rate(%d %s)", n, unit), location: time.UTC, rate: d}
}

// Parse reads an expression as EventBridge has it. The zone is a name of the IANA
// database, such as Europe/Berlin; empty is UTC. The error says what was wanted.
func Parse(expression, zone string) (Schedule, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" { // which differs from machine to machine
		return Schedule{}, fmt.Errorf("%w: got %q", ErrZone, zone)
	}
	s := Schedule{expression: expression, location: location}
	kind, inner, ok := strings.Cut(strings.TrimSuffix(expression, ")"), "(")
	if !ok || !strings.HasSuffix(expression, ")") {
		return Schedule{}, fmt.Errorf("%w: got %q", ErrExpression, expression)
	}
	switch kind {
	case "rate":
		s.rate, err = parseRate(inner)
	case "cron":
		s.cron, err = parseCron(inner)
	default:
		err = ErrExpression
	}
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: got %q", err, expression)
	}
	return s, nil
}

// What is wrong with a schedule that cannot be read.
var (
	ErrZone       = errors.New("wanted the name of a time zone, such as Europe/Berlin")
	ErrExpression = errors.New("wanted rate(VALUE UNIT) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)")
	ErrRate       = errors.New("wanted a rate such as rate(1 day), rate(12 hours) or rate(5 minutes): a whole number from 1 on, and the unit in the plural if it is not 1")
	ErrFields     = errors.New("wanted six fields in cron(…): minutes, hours, day of month, month, day of week, year")
	ErrDays       = errors.New("wanted ? for the day of month or for the day of week, and the other one to be something else")
	ErrNever      = errors.New("wanted a time that ever comes")
)

var rateForm = regexp.MustCompile(`^([1-9][0-9]{0,5}) (minute|hour|day)(s?)$`)

func parseRate(inner string) (time.Duration, error) {
	m := rateForm.FindStringSubmatch(inner)
	if m == nil {
		return 0, ErrRate
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || (n == 1) != (m[3] == "") {
		return 0, ErrRate
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, nil
}

// parseCron reads the six fields. Their syntax is the library's but for these:
// EventBridge counts the days of the week from 1 for Sunday, knows no names but
// those of three letters, wants ? for exactly one of the days, and has L alone for
// Saturday, the last day of the week.
func parseCron(inner string) (*cronexpr.Expression, error) {
	fields := strings.Fields(inner)
	if len(fields) != 6 {
		return nil, ErrFields
	}
	minutes, hours, monthDay, month, weekDay, year := fields[0], fields[1], fields[2], strings.ToUpper(fields[3]), strings.ToUpper(fields[4]), fields[5]
	if (monthDay == "?") == (weekDay == "?") {
		return nil, ErrDays
	}
	for _, f := range []struct {
		text string
		form *regexp.Regexp
		name string
	}{
		{minutes, timeForm, "minutes"},
		{hours, timeForm, "hours"},
		{monthDay, monthDayForm, "day of month"},
		{month, monthForm, "month"},
		{weekDay, weekDayForm, "day of week"},
		{year, timeForm, "year"},
	} {
		if !f.form.MatchString(f.text) {
			return nil, fmt.Errorf("wanted another %s than %q", f.name, f.text)
		}
	}
	weekDay = translateDays(weekDay)
	c, err := cronexpr.Parse(strings.Join([]string{"0", minutes, hours, monthDay, month, weekDay, year}, " "))
	if err != nil {
		return nil, fmt.Errorf("wanted another cron expression (%w)", err)
	}
	if c.Next(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, ErrNever
	}
	return c, nil
}

const (
	listOf      = `(%s)(,(%s))*`
	monthNames  = `JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC`
	weekDays    = `[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT`
	numberRange = `\*(/[0-9]+)?|[0-9]+(-[0-9]+)?(/[0-9]+)?`
)

var (
	timeForm     = form(numberRange)
	monthDayForm = form(`\?|L|LW|[0-9]+W|` + numberRange)
	monthForm    = form(`\*(/[0-9]+)?|([0-9]+|` + monthNames + `)(-([0-9]+|` + monthNames + `))?(/[0-9]+)?`)
	weekDayForm  = form(`\?|L|(` + weekDays + `)L|(` + weekDays + `)#[1-5]|\*(/[0-9]+)?|(` + weekDays + `)(-(` + weekDays + `))?(/[0-9]+)?`)
	dayNumber    = regexp.MustCompile(`(^|[,-])([1-7])`)
)

func form(entry string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(listOf, "%s", entry) + "$")
}

// translateDays writes the days of the week as the library has them.
func translateDays(field string) string {
	if field == "L" {
		return "6"
	}
	return dayNumber.ReplaceAllStringFunc(field, func(m string) string {
		n := m[len(m)-1] - 1
		return m[:len(m)-1] + string(n)
	})
}

// Next is the first time after t at which the schedule fires; zero if it never
// does again. A rate fires one interval after t.
func (s Schedule) Next(t time.Time) time.Time {
	if s.cron == nil {
		if s.rate == 0 {
			return time.Time{}
		}
		return t.Add(s.rate)
	}
	// The library is asked about a clock on the wall that knows no daylight saving
	// time; which moments those are in the zone is decided here.
	wall := onTheWall(t.In(s.location))
	for {
		if wall = s.cron.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		next, ok := s.first(wall)
		if ok && next.After(t) {
			return next
		}
	}
}

// First is when a schedule that begins now fires first: a rate at once.
func (s Schedule) First(now time.Time) time.Time {
	if s.rate > 0 {
		return now
	}
	return s.Next(now)
}

// After is when a schedule that was due then, and fires now, is due next. What was
// missed in between is not made good. A rate keeps its pace.
func (s Schedule) After(due, now time.Time) time.Time {
	if s.rate == 0 {
		return s.Next(now)
	}
	missed := max(0, now.Sub(due)) / s.rate
	return due.Add((missed + 1) * s.rate)
}

// onTheWall is what a clock shows at t, as a time in UTC.
func onTheWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// first is the first moment at which clocks in the zone show a time, if they ever do.
func (s Schedule) first(wall time.Time) (time.Time, bool) {
	y, m, d := wall.Date()
	at := time.Date(y, m, d, wall.Hour(), wall.Minute(), 0, 0, s.location)
	if !onTheWall(at).Equal(wall) {
		return time.Time{}, false
	}
	// Of two moments Go does not say which it takes. Clocks are put back by at most
	// two hours.
	for earlier := at.Add(-2 * time.Hour); earlier.Before(at); earlier = earlier.Add(15 * time.Minute) {
		if onTheWall(earlier).Equal(wall) {
			return earlier, true
		}
	}
	return at, true
}

// Expression is what EventBridge is told.
func (s Schedule) Expression() string { return s.expression }

// Zone is the name of the time zone, empty for UTC and for rates, which have none.
func (s Schedule) Zone() string {
	if s.cron == nil || s.location == time.UTC || s.location.String() == "UTC" {
		return ""
	}
	return s.location.String()
}

// IsZero says whether it is the zero value.
func (s Schedule) IsZero() bool { return s.expression == "" }

// String is for people.
func (s Schedule) String() string {
	if zone := s.Zone(); zone != "" {
		return s.expression + " in " + zone
	}
	return s.expression
}
