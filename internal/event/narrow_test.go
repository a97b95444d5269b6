package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/event"
)

func TestNarrow(t *testing.T) {
	for _, test := range []struct{ p, when, want string }{
		// A field in one of them.
		{`{"a":["x"]}`, `{"b":["y"]}`, `{"a":["x"],"b":["y"]}`},
		{`{"detail":{"a":["x"]}}`, `{"detail":{"b":{"c":[1]}}}`, `{"detail":{"a":["x"],"b":{"c":[1]}}}`},
		{`{"a":["x"]}`, `{"a":{"b":["y"]}}`, `{"a":["x"],"a.b":["y"]}`},
		// Literal values.
		{`{"a":["x","y",1]}`, `{"a":["z","y",1.0]}`, `{"a":["y",1]}`},
		{`{"a":[null,true]}`, `{"a":[true]}`, `{"a":[true]}`},
		{`{"a":["::1"]}`, `{"a":["0::1","x"]}`, `{"a":["::1"]}`},
		// Literal values that an operator chooses.
		{`{"a":["stopped","stopping","running"]}`, `{"a":[{"prefix":"stop"}]}`, `{"a":["stopped","stopping"]}`},
		{`{"a":[{"prefix":"web-"},"api"]}`, `{"a":["web-1","db"]}`, `{"a":["web-1"]}`},
		{`{"a":[{"exists":true}]}`, `{"a":[null,"x"]}`, `{"a":[null,"x"]}`},
		{`{"a":["10.0.0.1","10.0.1.1"]}`, `{"a":[{"cidr":"10.0.0.0/24"}]}`, `{"a":["10.0.0.1"]}`},
		{`{"a":["x","y"]}`, `{"a":[{"anything-but":"x"}]}`, `{"a":["y"]}`},
		// Two operators.
		{`{"a":[{"wildcard":"*x"}]}`, `{"a":[{"wildcard":"*x"}]}`, `{"a":[{"wildcard":"*x"}]}`},
		{`{"a":[{"wildcard":"*x"},{"wildcard":"*y"}]}`, `{"a":[{"wildcard":"*y"}]}`, `{"a":[{"wildcard":"*y"}]}`},
		{`{"a":[{"prefix":"web-"}]}`, `{"a":[{"prefix":"web-blue-"}]}`, `{"a":[{"prefix":"web-blue-"}]}`},
		{`{"a":[{"suffix":"-blue"}]}`, `{"a":[{"suffix":"e"}]}`, `{"a":[{"suffix":"-blue"}]}`},
		{`{"a":[{"exists":true}]}`, `{"a":[{"wildcard":"*x"}]}`, `{"a":[{"wildcard":"*x"}]}`},
		{`{"a":[{"exists":false}]}`, `{"a":[{"exists":false},"x"]}`, `{"a":[{"exists":false}]}`},
		{`{"a":[{"anything-but":["x"]}]}`, `{"a":[{"anything-but":"y"}]}`, `{"a":[{"anything-but":["x","y"]}]}`},
		{`{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":[{"cidr":"10.1.0.0/16"}]}`, `{"a":[{"cidr":"10.1.0.0/16"}]}`},
		// Alternatives.
		{`{"a":["x"]}`, `{"$or":[{"b":["y"]},{"c":["z"]}]}`, `{"$or":[{"b":["y"]},{"c":["z"]}],"a":["x"]}`},
		{`{"a":["x"]}`, `{"$or":[{"a":["y"]},{"c":["z"]}]}`, `{"a":["x"],"c":["z"]}`},
		{`{"a":["x","y"]}`, `{"$or":[{"a":["y"]},{"c":["z"]}]}`, `{"$or":[{"a":["y"]},{"a":["x","y"],"c":["z"]}]}`},
		{`{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"$or":[{"a":["x"]},{"a":["x"],"b":["y"]},{"b":["y"]}]}`},
		{`{"$or":[{"a":["x"]},{"a":["x"],"b":["y"]}]}`, `{"c":["z"]}`, `{"a":["x"],"c":["z"]}`},
	} {
		narrow, err := event.MustPattern(test.p).Narrow(event.MustPattern(test.when))
		if err != nil || narrow.String() != test.want {
			t.Errorf("%s when %s: %s, %v\nwant %s", test.p, test.when, narrow, err, test.want)
		}
	}
}

func TestNarrowSaysWhyNot(t *testing.T) {
	for _, test := range []struct {
		p, when, want string
		never         bool
	}{
		{`{"detail":{"a":["x"]}}`, `{"detail":{"a":["y","z"]}}`, `detail.a: nothing is "y" or "z" as well as "x"`, true},
		{`{"a":[{"exists":false}]}`, `{"a":["y"]}`, `a: nothing is "y" as well as {"exists":false}`, true},
		{`{"a":[{"exists":false}]}`, `{"a":[{"anything-but":"y"}]}`, `a: nothing is {"anything-but":"y"} as well as {"exists":false}`, true},
		{`{"a":[{"prefix":"x"}]}`, `{"a":[{"prefix":"y"}]}`, `a: nothing is {"prefix":"y"} as well as {"prefix":"x"}`, true},
		{`{"a":[{"prefix":"x"}]}`, `{"a":[{"numeric":["=",5]}]}`, `a: nothing is {"numeric":["=",5]} as well as {"prefix":"x"}`, true},
		{`{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":["11.0.0.0"]}`, `a: nothing is "11.0.0.0" as well as {"cidr":"10.0.0.0/8"}`, true},
		{`{"a":["x"]}`, `{"$or":[{"a":["y"]},{"a":["z"]}]}`, `a: nothing is "y" as well as "x"`, true},
		{`{"a":[{"prefix":"x"}]}`, `{"a":[{"suffix":"y"}]}`, `a: one rule cannot ask for {"suffix":"y"} as well as {"prefix":"x"}`, false},
		{`{"a":[{"prefix":"10."}]}`, `{"a":["10.0.0.1"]}`, `a: one rule cannot ask for "10.0.0.1" as well as {"prefix":"10."}`, false},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":[{"anything-but":1}]}`, `a: one rule cannot ask for {"anything-but":1} as well as {"anything-but":"x"}`, false},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":[{"anything-but":{"prefix":"x"}}]}`, `a: one rule cannot ask for {"anything-but":{"prefix":"x"}} as well as {"anything-but":"x"}`, false},
		{`{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":[{"cidr":"2001:db8::/32"}]}`, `a: one rule cannot ask for {"cidr":"2001:db8::/32"} as well as {"cidr":"10.0.0.0/8"}`, false},
		{`{"a":[{"prefix":"x"},"z"]}`, `{"a":[{"suffix":"y"},"z"]}`, `a: one rule cannot ask for {"suffix":"y"} or "z" as well as {"prefix":"x"} or "z"`, false},
	} {
		_, err := event.MustPattern(test.p).Narrow(event.MustPattern(test.when))
		var conflict *event.ConflictError
		if !errors.As(err, &conflict) || err.Error() != test.want || conflict.Never != test.never {
			t.Errorf("%s when %s: %v\nwant %s", test.p, test.when, err, test.want)
		}
	}
	if _, err := event.PatternFor("s", "t").Narrow(event.Pattern{}); err == nil {
		t.Error("narrowed by the zero pattern")
	}
}

func TestNarrowMakesNoRuleThatEventBridgeRefuses(t *testing.T) {
	p := event.MustPattern(`{"a":["` + strings.Repeat("x", 2000) + `"]}`)
	_, err := p.Narrow(event.MustPattern(`{"b":["` + strings.Repeat("y", 2100) + `"]}`))
	refused(t, err, "got a pattern that makes a rule of 4119 characters, wanted a rule of at most 4096", "")
}

// values of a field, and leaves, with much in common.
var (
	leafText = rapid.SampledFrom([]string{"", "x", "xy", "X", "y", "yx", "10.0.0.1", "10.0.0.2", "010.0.0.1", "::1", "0::1"})
	leafAny  = rapid.OneOf(
		rapid.Map(leafText, boxed), rapid.Map(leafText, boxed),
		rapid.Map(rapid.IntRange(0, 3), boxed), rapid.Map(rapid.Bool(), boxed), rapid.Just[any](nil),
	)
	fieldValue = rapid.OneOf(leafAny, leafAny, rapid.Custom(func(t *rapid.T) any {
		name := rapid.SampledFrom([]string{
			"prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "exists", "numeric", "cidr", "anything-but-prefix", "prefix-ignore-case",
		}).Draw(t, "operator")
		switch name {
		case "exists":
			return map[string]any{name: rapid.Bool().Draw(t, "there")}
		case "numeric":
			return map[string]any{name: []any{rapid.SampledFrom([]string{"<", ">", "="}).Draw(t, "comparison"), rapid.IntRange(0, 3).Draw(t, "bound")}}
		case "cidr":
			return map[string]any{name: rapid.SampledFrom([]string{"10.0.0.0/30", "10.0.0.2/31", "::/0", "0.0.0.0/0"}).Draw(t, "range")}
		case "wildcard":
			return map[string]any{name: rapid.SampledFrom([]string{"*", "x*", "*x", "*.1"}).Draw(t, "wildcard")}
		case "anything-but":
			return map[string]any{name: rapid.OneOf(
				rapid.Map(rapid.SliceOfN(leafText, 1, 2), boxed), rapid.Map(leafText, boxed), rapid.Map(rapid.SliceOfN(rapid.IntRange(0, 3), 1, 2), boxed),
			).Draw(t, "excluded")}
		case "anything-but-prefix":
			return map[string]any{"anything-but": map[string]any{"prefix": []string{"x", "10."}}}
		case "prefix-ignore-case":
			return map[string]any{"prefix": map[string]any{"equals-ignore-case": leafText.Draw(t, "operand")}}
		}
		return map[string]any{name: leafText.Draw(t, "operand")}
	}))
	fieldName  = rapid.SampledFrom([]string{"a", "b", "c"})
	someFields = rapid.MapOfN(fieldName, rapid.SliceOfN(fieldValue, 1, 3), 1, 2)
	// somePattern is for the fields of a detail, now and then with alternatives.
	somePattern = rapid.Custom(func(t *rapid.T) event.Pattern {
		detail := map[string]any{}
		if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
			detail["$or"] = rapid.SliceOfN(someFields, 2, 3).Draw(t, "alternatives")
		} else {
			for name, values := range someFields.Draw(t, "fields") {
				detail[name] = values
			}
		}
		data, err := json.Marshal(map[string]any{"detail": detail})
		if err != nil {
			t.Fatal(err)
		}
		p, err := event.ParsePattern(data)
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
)

// TestANarrowedPatternMatchesWhatBothMatch: exactly that, as long as no field
// of the event is an array.
func TestANarrowedPatternMatchesWhatBothMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, when := somePattern.Draw(t, "pattern"), somePattern.Draw(t, "when")
		narrow, err := p.Narrow(when)
		var conflict *event.ConflictError
		if err != nil && !errors.As(err, &conflict) {
			t.Fatal(err)
		}
		for range 10 {
			e := eventWith(t, rapid.MapOfN(fieldName, leafAny, 0, 3).Draw(t, "detail"))
			both := p.Match(e) && when.Match(e)
			switch {
			case err == nil && narrow.Match(e) != both:
				t.Fatalf("%s when %s: %s matches %s: %t", p, when, narrow, e.Detail, !both)
			case err != nil && conflict.Never && both:
				t.Fatalf("%s when %s: %v, but both match %s", p, when, err, e.Detail)
			}
		}
		if err != nil {
			return
		}
		lists := rapid.MapOfN(fieldName, rapid.Map(rapid.SliceOfN(leafAny, 0, 3), boxed), 0, 3).Draw(t, "arrays")
		if e := eventWith(t, lists); narrow.Match(e) && (!p.Match(e) || !when.Match(e)) {
			t.Fatalf("%s when %s: %s matches %s, not both do", p, when, narrow, e.Detail)
		}
	})
}

// TestNarrowingBySelf changes nothing that matters.
func TestNarrowingBySelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := somePattern.Draw(t, "pattern")
		if strings.Contains(p.String(), "$or") {
			t.Skip("the combinations of its alternatives are more")
		}
		if narrow, err := p.Narrow(p); err != nil || narrow.String() != p.String() {
			t.Fatalf("%s became %s, %v", p, narrow, err)
		}
	})
}
