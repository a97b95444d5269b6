package script

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/fleetfile"
)

// The reference in the guide stands between these lines.
const (
	begin = "<!-- the reference is made of doc tags: UPDATE=1 go test ./internal/scenario/script -->\n"
	end   = "<!-- end of the reference -->\n"
)

// TestReference holds the guide's reference against the types that files are read
// into: every key is there, and says what problems and editors say.
func TestReference(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "guide", "simulate.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s lacks the lines around its reference", path)
	}
	var b strings.Builder
	reference(&b, "The file", reflect.TypeFor[File]())
	want := b.String()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the guide's reference is out of date (-want +got):\n%s", diff)
	}
}

// reference writes a table of a struct's keys, and then those of the structs within.
func reference(b *strings.Builder, title string, t reflect.Type) {
	fmt.Fprintf(b, "\n### %s\n\n| key | |\n|---|---|\n", title)
	type part struct {
		title string
		t     reflect.Type
	}
	var within []part
	for f := range t.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		means := []string{f.Tag.Get("doc")}
		if v := f.Tag.Get("enum"); v != "" {
			means = append(means, "One of `"+strings.ReplaceAll(v, ",", "`, `")+"`.")
		}
		if v := f.Tag.Get("default"); v != "" && v != "false" {
			means = append(means, "Left out: `"+v+"`.")
		}
		if options == "" {
			means = append(means, "Required.")
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", key, strings.ReplaceAll(strings.Join(means, " "), "|", "\\|"))
		path := strings.TrimPrefix(title+"."+key, "The file.")
		inner := f.Type
		for {
			if k := inner.Kind(); k == reflect.Pointer {
				inner = inner.Elem()
			} else if k == reflect.Slice {
				inner, path = inner.Elem(), path+"[]"
			} else if k == reflect.Map && inner != reflect.TypeFor[fleetfile.Mapping]() {
				inner, path = inner.Elem(), path+".NAME"
			} else {
				break
			}
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[automation.Duration]() {
			within = append(within, part{path, inner})
		}
	}
	for _, p := range within {
		if strings.HasPrefix(p.title, "steps[].expect") {
			continue // as at the end of the file
		}
		reference(b, p.title, p.t)
	}
}
