package event_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/wildcard"
)

func TestWhereLike(t *testing.T) {
	named := event.PatternFor("aws.autoscaling", "made")
	for _, test := range []struct {
		patterns []string
		want     string // the field; empty: not narrowed
	}{
		{[]string{"web"}, `["web"]`},
		{[]string{"web", "api"}, `["web","api"]`},
		{[]string{"web-*", "api"}, `[{"prefix":"web-"},"api"]`},
		{[]string{"web-*-blue?"}, `[{"prefix":"web-"}]`},
		{[]string{"*-web"}, `[{"suffix":"-web"}]`},
		{[]string{"*web*"}, ""},
		{[]string{"web", "*"}, ""},
	} {
		want := named.String()
		if test.want != "" {
			want = `{"detail":{"name":` + test.want + `},"detail-type":["made"],"source":["aws.autoscaling"]}`
		}
		if got := named.WhereLike("detail.name", test.patterns...).String(); got != want {
			t.Errorf("%q: %s, want %s", test.patterns, got, want)
		}
	}
}

// TestWhereLikeLetsThroughWhatFits: no event that fits is lost.
func TestWhereLikeLetsThroughWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.StringMatching(`[ab*?]{1,5}`), 1, 3).Draw(t, "patterns")
		name := rapid.StringMatching(`[ab]{0,5}`).Draw(t, "name")
		detail, _ := json.Marshal(map[string]string{"name": name})
		e := event.Event{Source: "s", DetailType: "t", Detail: detail}
		for _, p := range patterns {
			if wildcard.Match(p, name) && !event.PatternFor("s", "t").WhereLike("detail.name", patterns...).Match(e) {
				t.Fatalf("%q fits %q, but the rule does not let it through", name, p)
			}
		}
	})
}
