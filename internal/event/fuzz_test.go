package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// What is accepted can be written and read again without loss; what is refused
// says so as an error for a person.
func FuzzParse(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add([]byte("\ufeff{'version': '0'}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := event.Parse(data)
		if err != nil {
			if failure.ClassOf(err) != failure.Stop {
				t.Fatalf("class %v of %v", failure.ClassOf(err), err)
			}
			return
		}
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.Parse(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		// Writing takes the blanks out of a detail, so details are compared as values.
		if diff := cmp.Diff(values(t, e.Detail), values(t, again.Detail)); diff != "" {
			t.Error(diff)
		}
		e.Detail, again.Detail = nil, nil
		if diff := cmp.Diff(e, again); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParsePattern(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"$or":[{"a":[{"numeric":[">",0,"<=",5]}]},{"b":{"c":[{"anything-but":{"prefix":"x"}},null]}}]}`))
	f.Add([]byte(`{"a":[{"exists":false},{"suffix":"x"},3e2,true],"d.e":[{"anything-but":[1,2]}]}`))
	f.Add([]byte(`{"a":[{"wildcard":"a*\\*"},{"cidr":"10.0.0.0/24"},{"cidr":"2001:db8::/32"},"::1"],"b":[{"equals-ignore-case":"ß"}]}`))
	f.Add([]byte(`{"a":[{"prefix":{"equals-ignore-case":"x"}},{"anything-but":{"wildcard":["*x","\\\\"]}},{"anything-but":{"suffix":"y"}}]}`))
	e := withDetail(`{"a": [1, "x", null], "b": {"c": "xyz"}}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := event.ParsePattern(data)
		if err != nil {
			if failure.ClassOf(err) != failure.Stop {
				t.Fatalf("class %v of %v", failure.ClassOf(err), err)
			}
			return
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.ParsePattern(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if again.String() != p.String() || again.Match(e) != p.Match(e) {
			t.Errorf("%s became %s", p, again)
		}
		// A pattern that can be narrowed by another can be written and read like any.
		narrow, err := p.Narrow(event.MustPattern(`{"a":["x",1],"e":[{"prefix":"x"}]}`))
		if err != nil {
			return
		}
		if _, err := event.ParsePattern([]byte(narrow.String())); err != nil {
			t.Errorf("%s: %v", narrow, err)
		}
		if narrow.Match(e) && !p.Match(e) {
			t.Errorf("%s became %s", p, narrow)
		}
	})
}
