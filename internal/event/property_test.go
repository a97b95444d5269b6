package event_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/event"
)

// detail draws an object of scalars, arrays and objects with few names, so
// that patterns and events of different draws have something in common.
func detail(depth int) *rapid.Generator[map[string]any] {
	return rapid.MapOfN(name, value(depth), 0, 4)
}

var (
	name   = rapid.SampledFrom([]string{"a", "b", "instance-id", "é", "x.y"})
	scalar = rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{"", "x", "xy", "running", "<&>", "“"}), boxed),
		rapid.Map(rapid.Float64Range(-5e9, 5e9), boxed),
		rapid.Map(rapid.Int64(), boxed),
		rapid.Map(rapid.Bool(), boxed),
		rapid.Just[any](nil),
	)
)

func boxed[T any](v T) any { return v }

func value(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{scalar, rapid.Map(rapid.SliceOfN(scalar, 0, 3), boxed)}
	if depth > 0 {
		kinds = append(kinds, rapid.Map(detail(depth-1), boxed))
	}
	return rapid.OneOf(kinds...)
}

// wants draws a pattern for some of the fields of an object; nil if it has no leaves.
func wants(t *rapid.T, object map[string]any) map[string]any {
	pattern := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(object)) { // drawn in one order, or a failure cannot be repeated
		switch v := object[name].(type) {
		case map[string]any:
			if inner := wants(t, v); inner != nil {
				pattern[name] = inner
			}
		case []any:
			if len(v) > 0 {
				pattern[name] = []any{rapid.SampledFrom(v).Draw(t, "element"), "another"}
			}
		default:
			pattern[name] = rapid.SampledFrom([][]any{{v}, {"another", v}, {map[string]any{"exists": true}}}).Draw(t, "values")
		}
	}
	if len(pattern) == 0 {
		return nil
	}
	return pattern
}

func eventWith(t *rapid.T, detail map[string]any) event.Event {
	data, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	return withDetail(string(data))
}

func patternFor(t *rapid.T, detail map[string]any) event.Pattern {
	data, err := json.Marshal(map[string]any{"detail": detail})
	if err != nil {
		t.Fatal(err)
	}
	p, err := event.ParsePattern(data)
	if err != nil {
		t.Skip("two names of one path")
	}
	return p
}

func TestAPatternOfAnEventsOwnValuesMatchesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := detail(2).Draw(t, "detail")
		wanted := wants(t, d)
		if wanted == nil {
			t.Skip("no leaves")
		}
		if why, ok := patternFor(t, wanted).Explain(event.Flatten(eventWith(t, d))); !ok {
			t.Fatal(why)
		}
	})
}

func TestAWrittenPatternMatchesTheSameEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := wants(t, detail(2).Draw(t, "one detail"))
		if wanted == nil {
			t.Skip("no leaves")
		}
		p := patternFor(t, wanted)
		again, err := event.ParsePattern([]byte(p.String()))
		if err != nil || again.String() != p.String() {
			t.Fatalf("%s became %s, %v", p, again, err)
		}
		e := eventWith(t, detail(2).Draw(t, "another detail"))
		before, one := p.Explain(event.Flatten(e))
		after, other := again.Explain(event.Flatten(e))
		if one != other || before != after {
			t.Fatalf("%s: %v %q, read again %v %q", p, one, before, other, after)
		}
	})
}
