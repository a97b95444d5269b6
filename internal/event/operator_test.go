package event_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/event"
)

// wants is the pattern with one value for the field a.
func wantsOne(t *rapid.T, value any) event.Pattern {
	data, err := json.Marshal(map[string]any{"detail": map[string]any{"a": []any{value}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := event.ParsePattern(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func matchesLeaf(t *rapid.T, p event.Pattern, leaf any) bool {
	return p.Match(eventWith(t, map[string]any{"a": leaf}))
}

// TestWildcardIsARegularExpression holds the operator against another way to
// write it.
func TestWildcardIsARegularExpression(t *testing.T) {
	parts := rapid.SampledFrom([]string{"a", "b", "大", `\*`, `\\`, "*"})
	rapid.Check(t, func(t *rapid.T) {
		var pattern, expression strings.Builder
		before := ""
		for _, part := range rapid.SliceOfN(parts, 0, 8).Draw(t, "parts") {
			switch {
			case part != "*":
				expression.WriteString(regexp.QuoteMeta(strings.TrimPrefix(part, `\`)))
			case before == "*":
				continue // they must not stand next to each other
			default:
				expression.WriteString("(?s:.*)")
			}
			pattern.WriteString(part)
			before = part
		}
		leaf := rapid.StringMatching(`[ab大*\\]{0,8}`).Draw(t, "leaf")
		want := regexp.MustCompile(`\A` + expression.String() + `\z`).MatchString(leaf)
		p := wantsOne(t, map[string]any{"wildcard": pattern.String()})
		if matchesLeaf(t, p, leaf) != want {
			t.Fatalf("%s matches %q: %t, want %t", p, leaf, !want, want)
		}
		but := wantsOne(t, map[string]any{"anything-but": map[string]any{"wildcard": pattern.String()}})
		if matchesLeaf(t, but, leaf) == want {
			t.Fatalf("%s matches %q: %t, want %t", but, leaf, want, !want)
		}
	})
}

// TestCIDRHoldsWhatThePrefixHolds holds the operator against net/netip, within
// one family of addresses.
func TestCIDRHoldsWhatThePrefixHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		address := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7F, 0x80, 0xFF}), size, size), func(b []byte) netip.Addr {
			a, _ := netip.AddrFromSlice(b)
			return a
		})
		base, other := address.Draw(t, "base"), address.Draw(t, "other")
		if base.Is4In6() || other.Is4In6() {
			t.Skip("these are written with dots")
		}
		prefix := netip.PrefixFrom(base, rapid.IntRange(0, 8*size-1).Draw(t, "bits"))
		p := wantsOne(t, map[string]any{"cidr": prefix.String()})
		for _, a := range []netip.Addr{other, base} {
			for _, written := range []string{a.String(), a.StringExpanded(), strings.ToUpper(a.String())} {
				if got, want := matchesLeaf(t, p, written), prefix.Contains(a); got != want {
					t.Fatalf("%s matches %s: %t, want %t", p, written, got, want)
				}
			}
		}
		if exact := wantsOne(t, base.StringExpanded()); !matchesLeaf(t, exact, base.String()) || base != other && matchesLeaf(t, exact, other.String()) {
			t.Fatalf("%s does not match %s and it alone", exact, base)
		}
	})
}

// TestCaseThatIsIgnored: letters with one upper and one lower case are equal in
// either, whole, at the beginning and at the end.
func TestCaseThatIsIgnored(t *testing.T) {
	text := rapid.StringMatching(`[a-cA-C0-9éÉжЖ-]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		operand, leaf := text.Draw(t, "operand"), text.Draw(t, "leaf")
		small, whole := strings.ToLower(operand), strings.ToLower(leaf)
		ignoring := map[string]any{"equals-ignore-case": operand}
		for _, test := range []struct {
			value any
			want  bool
		}{
			{ignoring, small == whole},
			{map[string]any{"anything-but": ignoring}, small != whole},
			{map[string]any{"prefix": ignoring}, strings.HasPrefix(whole, small)},
			{map[string]any{"suffix": ignoring}, strings.HasSuffix(whole, small)},
		} {
			if p := wantsOne(t, test.value); matchesLeaf(t, p, leaf) != test.want {
				t.Fatalf("%s matches %q: %t", p, leaf, !test.want)
			}
		}
	})
}
