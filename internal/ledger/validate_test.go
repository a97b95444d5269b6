package ledger_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/ledger"
)

// sized is a JSON value of exactly n bytes.
func sized(n int) json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`)
}

// creates is n writes with values of the given size.
func creates(n, size int) []ledger.Write {
	var writes []ledger.Write
	for i := range n {
		writes = append(writes, ledger.Create("k"+strconv.Itoa(i), sized(size), time.Time{}))
	}
	return writes
}

func TestValidate(t *testing.T) {
	create := func(value string) []ledger.Write {
		return []ledger.Write{ledger.Create("k", json.RawMessage(value), time.Time{})}
	}
	for _, test := range []struct {
		name   string
		writes []ledger.Write
		want   string // part of the reason; empty: valid
	}{
		{"one of each", []ledger.Write{
			ledger.Create("a", json.RawMessage(`{}`), time.Time{}),
			ledger.Update("b", 1, json.RawMessage(`null`), time.Time{}),
			ledger.Delete("c", 1),
			ledger.Expect("d", 0),
			ledger.Expect("e", 7),
		}, ""},
		{"no write", nil, "at least one"},
		{"the most writes", creates(ledger.MaxWrites, 2), ""},
		{"one too many", creates(ledger.MaxWrites+1, 2), "at most 100"},
		{"the largest value", creates(1, ledger.MaxValue), ""},
		{"one byte too large", creates(1, ledger.MaxValue+1), "at most 350000"},
		{"the largest transaction", creates(10, ledger.MaxTotal/10), ""},
		{"larger than that", append(creates(10, ledger.MaxTotal/10), ledger.Create("z", sized(2), time.Time{})), "at most 3500000"},
		{"the same key twice", []ledger.Write{ledger.Expect("k", 1), ledger.Delete("k", 1)}, "twice"},
		{"an invalid key", []ledger.Write{ledger.Expect("", 1)}, "empty"},
		{"no value", create(""), "not JSON"},
		{"half a value", create(`{"a":`), "not JSON"},
		{"two values", create(`{} {}`), "not JSON"},
		{"a value that is not UTF-8", create("\"\xff\""), "not UTF-8"},
		{"an update of nothing", []ledger.Write{ledger.Update("k", 0, json.RawMessage(`{}`), time.Time{})}, "version it replaces"},
		{"an update without a value", []ledger.Write{ledger.Update("k", 1, nil, time.Time{})}, "not JSON"},
		{"a delete of nothing", []ledger.Write{ledger.Delete("k", 0)}, "version it removes"},
		{"a negative version", []ledger.Write{ledger.Expect("k", -1)}, "negative"},
		{"the zero write", []ledger.Write{{Key: "k"}}, "unknown operation"},
		{"an operation from elsewhere", []ledger.Write{{Op: ledger.OpExpect + 1, Key: "k"}}, "unknown operation"},
	} {
		wantInvalid(t, test.name, ledger.Validate(test.writes), test.want)
	}
}

func TestValidateKey(t *testing.T) {
	for _, test := range []struct{ key, want string }{
		{"k", ""},
		{"runs/fleet 1/r-ü€😀", ""},
		{strings.Repeat("k", ledger.MaxKey), ""},
		{strings.Repeat("k", ledger.MaxKey+1), "at most 512"},
		{strings.Repeat("ü", ledger.MaxKey/2) + "k", "at most 512"}, // bytes, not characters
		{"", "empty"},
		{"a\xff", "not UTF-8"},
		{"a\x00", "control"},
		{"a\nb", "control"},
		{"a\x7f", "control"},
	} {
		wantInvalid(t, test.key, ledger.ValidateKey(test.key), test.want)
	}
}

func TestValidateList(t *testing.T) {
	for _, test := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 1, ""},
		{"runs/", "anything", 1000, ""},
		{"runs/", "", 0, "at least 1"},
		{"runs/", "", -1, "at least 1"},
		{"runs\xff", "", 1, "not UTF-8"},
		{"runs/", "runs/\xff", 1, "not UTF-8"},
	} {
		wantInvalid(t, test.prefix+" "+test.after, ledger.ValidateList(test.prefix, test.after, test.limit), test.want)
	}
}

// wantInvalid wants an InvalidError whose reason has a part; none if empty.
func wantInvalid(t *testing.T, name string, err error, part string) {
	t.Helper()
	if part == "" {
		if err != nil {
			t.Errorf("%.40q: %v", name, err)
		}
		return
	}
	var invalid *ledger.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, part) {
		t.Errorf("%.40q: got %v, want an InvalidError that says %q", name, err, part)
	}
}
