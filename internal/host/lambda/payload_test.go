package lambda

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// samples are what AWS really sent, recorded, or what it publishes.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "event", "testdata", "samples", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		if all[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Every sample is an event, a batch, or refused by its right name.
func TestSamplesAreToldApart(t *testing.T) {
	counts := map[string]int{}
	for name, data := range samples(t) {
		p, err := parse(data)
		is := "refused"
		switch {
		case err != nil:
			var e *Error
			if !errors.As(err, &e) || e.Type != TypePayload || failure.ClassOf(err) != failure.Stop {
				t.Errorf("%s: %v, want the type %s and the class stop", name, err, TypePayload)
			}
		case p.event != nil:
			is = "event"
		case p.records != nil:
			is = "records"
		default:
			t.Errorf("%s: neither an event nor records nor refused", name)
		}
		counts[is]++
		want := "event"
		switch prefix, _, _ := strings.Cut(name, "-"); {
		case prefix == "wrapped", prefix == "dlq" && name != "dlq-lambda-async-on-failure-destination.json":
			want = "records"
		case slices.Contains([]string{"dlq", "direct", "pattern", "config", "transformed"}, prefix), strings.HasPrefix(name, "cloudtrail-record-"):
			want = "refused"
		}
		if is != want {
			t.Errorf("%s: taken for %s, want %s (%v)", name, is, want, err)
		}
	}
	for _, is := range []string{"event", "records", "refused"} {
		if counts[is] < 3 {
			t.Errorf("%d samples were %s: is this test looking at anything?", counts[is], is)
		}
	}
}

func TestPayloads(t *testing.T) {
	const e = `{"detail-type": "Drover Sweep", "source": "drover", "detail": {"automation": "sdwan"}}`
	for _, test := range []struct {
		name, data string
		words      []string // of the error; none: it is taken
	}{
		{"event", e, nil},
		{"plan", `{"plan": ` + e + `}`, nil},
		{"turn", `{"run": "20260301-120000-01234567", "step": "move"}`, nil},
		{"nothing", ``, []string{"an empty text"}},
		{"text", `"text"`, []string{"a string", `{"plan": EVENT}`}},
		{"array", `[` + e + `]`, []string{"an array"}},
		{"null", `null`, []string{"null"}},
		{"empty", `{}`, []string{"without detail-type", `{"run": ID, "step": NAME}`, "SQS or SNS"}},
		{"half a turn", `{"run": "x"}`, []string{"unknown payload"}},
		{"more than a turn", `{"run": "x", "step": "y", "state": {}}`, []string{"unknown payload"}},
		{"an empty turn", `{"run": "", "step": "y"}`, []string{"the id of a run"}},
		{"a turn of numbers", `{"run": 7, "step": "y"}`, []string{"the id of a run"}},
		{"plan of nothing", `{"plan": {}}`, []string{"plan:", "without detail-type"}},
		{"plan and more", `{"plan": ` + e + `, "run": "x"}`, []string{"unknown payload"}},
		{"broken event", `{"detail-type": 7, "source": "aws.ec2"}`, []string{"detail-type: got 7", "detail: got no such member"}},
		{"no records", `{"Records": []}`, []string{"none"}},
		{"records of others", `{"Records": [{"eventSource": "aws:s3"}]}`, []string{`got "aws:s3", wanted "aws:sqs" or "aws:sns"`}},
		{"mixed records", `{"Records": [{"eventSource": "aws:sqs"}, {"EventSource": "aws:sns"}]}`, []string{"Records[1]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse([]byte(test.data))
			if err == nil {
				if test.words != nil {
					t.Error("it is taken")
				}
				return
			}
			if test.words == nil {
				t.Fatal(err)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error lacks %q: %v", w, err)
				}
			}
		})
	}
}

// FuzzParse: whatever it is given, it says what it is or why it is refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}`))
	f.Add([]byte(`{"run": "x", "step": "y"}`))
	f.Add([]byte(`{"plan": {"detail-type": "x", "source": "y", "detail": {}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(data)
		given := 0
		for _, is := range []bool{p.event != nil, p.plan != nil, p.turn != nil, p.records != nil} {
			if is {
				given++
			}
		}
		var e *Error
		if err == nil && given != 1 || err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %d payloads, %v", data, given, err)
		}
		if p.event != nil {
			if _, err := event.Parse(data); err != nil {
				t.Errorf("%q is no event: %v", data, err)
			}
		}
	})
}
