package fleetfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// FuzzParse: whatever the bytes are, the result is a fleet or problems that can
// be shown, and the same again.
func FuzzParse(f *testing.F) {
	for _, archive := range archives(f) {
		f.Add(section(archive, "fleet.yaml"))
	}
	for _, seed := range []string{
		"\ufeffversion: 1\r\n", "a: \x00", "\xff\xfe", "? |\n a\n: - b", "[[[", "!!map {a: &b [*b]}", "'': \"\\x00\"", "- - - -", "---\n---\n",
	} {
		f.Add([]byte(seed))
	}
	parse := fleetfile.Parser(kinds)
	f.Fuzz(func(t *testing.T, data []byte) {
		fleet, err := parse(data)
		if err == nil {
			if fleet.Name == "" || fleet.Region == "" || fleet.Notify.Topic == "" {
				t.Errorf("a fleet without name, region or topic: %+v", fleet)
			}
			return
		}
		found := problems(err)
		if len(found) == 0 || failure.ClassOf(err) != failure.Stop {
			t.Fatalf("%v is not a problem of the file", err)
		}
		for i, p := range found {
			if p.File != "fleet.yaml" || p.Line < 1 || p.Column < 1 || p.Got == "" || p.Wanted == "" || strings.ContainsAny(p.String(), "\n\r\t\x00") {
				t.Errorf("problem %q cannot be shown", p)
			}
			if i > 0 && (p == found[i-1] || p.Line < found[i-1].Line) {
				t.Errorf("problem %q follows %q", p, found[i-1])
			}
		}
		if _, again := parse(data); again == nil || again.Error() != err.Error() {
			t.Errorf("first:\n%v\nthen:\n%v", err, again)
		}
	})
}

func TestDepthIsBounded(t *testing.T) {
	const deep = 10_000
	for _, unit := range []string{"[", "{a: ", "- "} {
		_, err := fleetfile.Parse("fleet.yaml", []byte(strings.Repeat(unit, deep)), kinds)
		if found := problems(err); len(found) != 1 || found[0].Got != "more than 100 levels" {
			t.Errorf("%q %d times: got %v", unit, deep, err)
		}
	}
}

func TestByteOrderMarkAndLineEnds(t *testing.T) {
	_, err := fleetfile.Parse("fleet.yaml", []byte("\ufeffversion: 1\r\nfleet: é\r\nregion: ü\r\nnotify: {ü: 1, é: 2}\r\nautomations: {}\r\n"), kinds)
	var got []string
	for _, p := range problems(err) {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Path))
	}
	want := []string{"2:8 fleet", "3:9 region", "4:9 notify.topic", `4:10 notify["ü"]`, `4:16 notify["é"]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(`
version: 1
fleet: f
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  b: { kind: keeper, account: "123456789012", keep: 1 }
  a: { kind: keeper, account: "123456789012", keep: 1 }
`), kinds)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if a, ok := fleet.Find(name); !ok || a.Name != name || a.Fleet != "f" {
			t.Errorf("Find(%q) = %v, %v", name, a, ok)
		}
	}
	if a, ok := fleet.Find("c"); ok {
		t.Errorf("found %v", a)
	}
}
