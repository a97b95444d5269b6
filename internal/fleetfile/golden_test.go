package fleetfile_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

var update = flag.Bool("update", false, "write what the tests find into testdata")

// TestGolden holds every testdata/*.txtar against what becomes of the fleet
// file in it: its problems, or the fleet.
func TestGolden(t *testing.T) {
	parse := fleetfile.Parser(kinds)
	for path, archive := range archives(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			name, got := "fleet", ""
			fleet, err := parse(section(archive, "fleet.yaml"))
			if err != nil {
				name, got = "problems", err.Error()+"\n"
				if class := failure.ClassOf(fmt.Errorf("a: %w", fmt.Errorf("b: %w", err))); class != failure.Stop {
					t.Errorf("class %v, wanted stop", class)
				}
			} else {
				got = summary(fleet)
			}
			if *update {
				archive.Files = []txtar.File{archive.Files[0], {Name: name, Data: []byte(got)}}
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(section(archive, name)), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		})
	}
}

func archives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	archives := map[string]*txtar.Archive{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		archives[path] = archive
	}
	return archives
}

func section(archive *txtar.Archive, name string) []byte {
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return archive.Files[i].Data
}

func summary(f *fleetfile.Fleet) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s in %s, notices to %s\n", f.Name, f.Region, f.Notify.Topic)
	for _, a := range f.Automations {
		fmt.Fprintf(&b, "%s: %s in %s %s\n", a.Name, a.Kind.Name, a.Region, a.Config)
		if when, ok := a.When(); ok {
			for _, t := range a.Triggers() {
				fmt.Fprintf(&b, "  %s: %s\n", t.Name, t.Pattern)
			}
			for _, d := range when.Dropped {
				fmt.Fprintf(&b, "  not %s: %s\n", d.Trigger.Name, d.Why)
			}
		}
	}
	return b.String()
}

func problems(err error) []fleetfile.Problem {
	var e *fleetfile.Error
	if !errors.As(err, &e) {
		return nil
	}
	return e.Problems
}
