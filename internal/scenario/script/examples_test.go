package script

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/cli/view"
)

// examples are the scenario files that are shipped, and those in testdata, which do
// what these do not.
func examples(t *testing.T) map[string]*Script {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "examples", "*.yaml"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("found %d examples, %v", len(paths), err)
	}
	more, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(more) == 0 {
		t.Fatalf("found %d files in testdata, %v", len(more), err)
	}
	paths = append(paths, more...)
	found := map[string]*Script{}
	for _, path := range paths {
		s, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(path), ".yaml")] = s
	}
	return found
}

func play(t *testing.T, s *Script, verbose bool) (timeline []Moment, r Report) {
	t.Helper()
	r, err := s.Play(t.Context(), Options{
		Tell: func(m Moment) { timeline = append(timeline, m) }, Summary: view.Summary, Verbose: verbose,
	})
	if err != nil {
		t.Fatal(err)
	}
	return timeline, r
}

// TestExamples plays every example, and again: it is as expected, and the same.
func TestExamples(t *testing.T) {
	t.Parallel()
	for name, s := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once, r := play(t, s, true)
			if r.Expected == 0 || r.Met != r.Expected || len(r.Differences) > 0 {
				t.Errorf("as expected: %d of %d\n%v", r.Met, r.Expected, r.Differences)
			}
			again, _ := play(t, s, true)
			if diff := cmp.Diff(once, again); diff != "" {
				t.Errorf("played twice (-once +again):\n%s", diff)
			}
		})
	}
}

// TestExamplesNeedDrover plays every example with a Drover that hears of nothing and
// never looks: what the file expects must not come about by itself.
func TestExamplesNeedDrover(t *testing.T) {
	t.Parallel()
	for name, s := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deaf := *s
			deaf.file.Sweeps = Never
			deaf.file.Steps = nil
			for _, step := range s.file.Steps {
				step.Events, step.Sweep = &Events{Lost: true}, nil
				if do := step.Do; do != nil && (do.Approve != "" || do.Cancel != "") {
					step.Do = nil // there is no run to approve or to cancel
				}
				deaf.file.Steps = append(deaf.file.Steps, step)
			}
			if _, r := play(t, &deaf, false); len(r.Differences) == 0 {
				t.Errorf("as expected without Drover: %d of %d", r.Met, r.Expected)
			}
		})
	}
}

// TestEveryExpectationCounts changes one expectation at a time: there is one
// difference then, at its place.
func TestEveryExpectationCounts(t *testing.T) {
	t.Parallel()
	for name, s := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, s, false)
			seen := 0
			for i := range s.file.Steps {
				seen += everyLeaf(&s.file.Steps[i].Expect, func(path string) { mustDiffer(t, s, fmt.Sprintf("steps[%d].expect%s", i, path)) })
			}
			seen += everyLeaf(&s.file.Expect, func(path string) { mustDiffer(t, s, "expect"+path) })
			if seen != r.Expected {
				t.Errorf("%d expectations were changed, and %d are counted", seen, r.Expected)
			}
		})
	}
}

func mustDiffer(t *testing.T, s *Script, path string) {
	t.Helper()
	_, r := play(t, s, false)
	if len(r.Differences) != 1 || !strings.HasPrefix(r.Differences[0].Path, path) {
		t.Errorf("%s was changed; the differences are %v", path, r.Differences)
	}
}

// everyLeaf changes each value within an expectation in turn, calls try, and puts it
// back. It returns how many there were.
func everyLeaf(e *Expect, try func(path string)) (n int) {
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		n += leaves(v.Field(i), v.Field(i).Set, "."+key, try)
	}
	return n
}

func leaves(v reflect.Value, set func(reflect.Value), path string, try func(string)) (n int) {
	change := func(to reflect.Value) int {
		old := reflect.ValueOf(v.Interface())
		set(to)
		try(path)
		set(old)
		return 1
	}
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return 0
		}
		return change(reflect.ValueOf("something else"))
	case reflect.Int:
		return change(reflect.ValueOf(int(v.Int()) + 1))
	case reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		if list, ok := v.Interface().(*[]string); ok { // one expectation, of all that there is
			more := append(slices.Clone(*list), "something else")
			return change(reflect.ValueOf(&more))
		}
		return change(reflect.ValueOf(new(int(v.Elem().Int()) + 1)))
	case reflect.Slice:
		for i := range v.Len() {
			n += leaves(v.Index(i), v.Index(i).Set, path, try)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			n += leaves(v.MapIndex(key), func(to reflect.Value) { v.SetMapIndex(key, to) }, path, try)
		}
	case reflect.Struct: // of a map, whose values cannot be set within
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		for i := range whole.NumField() {
			n += leaves(whole.Field(i), func(to reflect.Value) { whole.Field(i).Set(to); set(whole) }, path, try)
		}
	default:
		panic("no expectation has a " + v.Kind().String())
	}
	return n
}

// TestLong plays a week of sweeps: nothing piles up.
func TestLong(t *testing.T) {
	s := examples(t)["gateway-event-lost"]
	s.until = 7 * 24 * time.Hour
	if _, r := play(t, s, false); r.Runs < 2000 || r.Met != r.Expected {
		t.Errorf("%d runs, as expected %d of %d", r.Runs, r.Met, r.Expected)
	}
}
