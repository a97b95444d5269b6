package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// What lies outside of the range that is asked for must not be where to begin.
func TestQuery(t *testing.T) {
	l := &Ledger{table: "fleet"}
	for _, test := range []struct {
		prefix, after string
		condition     string
		from          string
		empty         bool
	}{
		{"", "", "pk = :partition", "", false},
		{"", "k", "pk = :partition", "k", false},
		{"k", "", "pk = :partition AND begins_with(sk, :prefix)", "", false},
		{"k", "a", "pk = :partition AND begins_with(sk, :prefix)", "", false},
		{"k", "k", "pk = :partition AND begins_with(sk, :prefix)", "k", false},
		{"k", "k/2", "pk = :partition AND begins_with(sk, :prefix)", "k/2", false},
		{"k/", "k", "pk = :partition AND begins_with(sk, :prefix)", "", false},
		{"k", "l", "", "", true},
		{"k/", "k0", "", "", true},
	} {
		in, empty := l.query(test.prefix, test.after)
		if empty != test.empty {
			t.Errorf("query %q after %q: empty %v", test.prefix, test.after, empty)
		}
		if empty {
			continue
		}
		from, _ := textAt(in.ExclusiveStartKey, SortKey)
		if got := aws.ToString(in.KeyConditionExpression); got != test.condition || from != test.from || !aws.ToBool(in.ConsistentRead) {
			t.Errorf("query %q after %q: %s from %q", test.prefix, test.after, got, from)
		}
	}
}

func TestForeignItems(t *testing.T) {
	whole := encode(create("k"), "name")
	if record, err := decode(whole); err != nil || record.Key != "k" || record.Version != 1 || string(record.Value) != "{}" {
		t.Errorf("decode = %+v, %v", record, err)
	}
	for _, name := range []string{SortKey, versionAttribute, valueAttribute} {
		part := encode(create("k"), "name")
		delete(part, name)
		if _, err := decode(part); !errors.Is(err, errForeign) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for name, value := range map[string]string{versionAttribute: "1.5", ExpiryAttribute: "1e3"} {
		other := encode(create("k"), "name")
		other[name] = text(value)
		if _, err := decode(other); !errors.Is(err, errForeign) {
			t.Errorf("with %s a string: %v", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	here := func(attributes string) answer {
		return answer{status: http.StatusOK, body: `{"Item":{"pk":{"S":"ledger"},"sk":{"S":"ledger"}` + attributes + `}}`}
	}
	denied := answer{status: http.StatusBadRequest, body: `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: u is not authorized to perform: dynamodb:GetItem"}`}
	for _, test := range []struct {
		answer answer
		want   string
		hint   string
	}{
		{here(`,"schema":{"N":"1"},"identity":{"S":"dynamodb-X"}`), "", ""},
		{here(`,"schema":{"N":"2"},"identity":{"S":"dynamodb-X"}`), "open ledger table fleet: it has schema 2, this program knows schema 1", "or a later one"},
		{here(`,"schema":{"S":"1"},"identity":{"S":"dynamodb-X"}`), `open ledger table fleet: item "ledger": not what Drover writes`, "name another table"},
		{here(``), `open ledger table fleet: item "ledger": not what Drover writes`, "name another table"},
		{refuse("ResourceNotFoundException"), "open ledger table fleet: ResourceNotFoundException: words", "`aws dynamodb create-table --region us-west-1 --table-name fleet --billing-mode PAY_PER_REQUEST" +
			" --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE`"},
		{refuse("ValidationException"), "open ledger table fleet: ValidationException: words", "partition key pk and the sort key sk"},
		{denied, "open ledger table fleet: AccessDeniedException: User: u is not authorized to perform: dynamodb:GetItem", "render policy"},
	} {
		synctest.Test(t, func(t *testing.T) {
			script, _ := scripted(t, clock.Real{}, func(int, request) answer { return test.answer })
			l, err := Open(t.Context(), script.client, "fleet", clock.Real{})
			if test.want == "" {
				if err != nil || l.identity != "dynamodb-X" {
					t.Errorf("Open = %+v, %v", l, err)
				}
				return
			}
			wrapped := fmt.Errorf("a: %w", fmt.Errorf("b: %w", err))
			if err == nil || err.Error() != test.want || failure.ClassOf(wrapped) != failure.Stop {
				t.Errorf("Open = %v, class %v; want %s", err, failure.ClassOf(wrapped), test.want)
			}
			if hints := failure.Hints(wrapped); len(hints) != 1 || !strings.Contains(hints[0], test.hint) {
				t.Errorf("%v: hints %q, want %q", err, hints, test.hint)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	l, _ := scripted(t, clock.Real{}, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx   context.Context
		err   error
		want  string
		class failure.Class
	}{
		{t.Context(), errors.New("other"), "read ledger table fleet: other", failure.Retry},
		{t.Context(), &smithy.GenericAPIError{Code: "ThrottlingException", Message: "slow down"}, "read ledger table fleet: ThrottlingException: slow down", failure.Retry},
		{t.Context(), &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "gone"}, "read ledger table fleet: ResourceNotFoundException: gone", failure.Stop},
		{ended, errLost, "read ledger table fleet: context canceled: connection reset by peer", failure.Retry},
		{ended, context.Canceled, "read ledger table fleet: context canceled", failure.Retry},
	} {
		err := l.explain(test.ctx, "read", test.err)
		if err.Error() != test.want || failure.ClassOf(err) != test.class {
			t.Errorf("got %q, class %v; want %q, class %v", err, failure.ClassOf(err), test.want, test.class)
		}
		if test.ctx.Err() != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%v hides that the context has ended", err)
		}
	}
}

// Needs is enough for a policy to be rendered from, and names no action that
// changes the table itself.
func TestNeeds(t *testing.T) {
	const arn = "arn:aws:dynamodb:us-west-1:123456789012:table/fleet"
	needs := Needs(arn)
	if len(needs) != 1 || !slices.Equal(needs[0].Resources, []string{arn}) || needs[0].Why == "" {
		t.Fatalf("Needs = %+v", needs)
	}
	for _, action := range needs[0].Actions {
		if strings.HasSuffix(action, "Table") || strings.Contains(action, "*") || !strings.HasPrefix(action, "dynamodb:") {
			t.Errorf("action %s", action)
		}
	}
}

// A table's own servers answer with what they have unless they are asked for
// the last word; no emulator does that.
func TestReadsAreConsistent(t *testing.T) {
	l, s := scripted(t, clock.Real{}, func(int, request) answer { return ok })
	if _, err := l.Get(t.Context(), "k"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if list, err := l.List(t.Context(), "k", "", 1); err != nil || len(list) != 0 {
		t.Errorf("List = %v, %v", list, err)
	}
	if _, err := Open(t.Context(), l.client, "fleet", clock.Real{}); !errors.Is(err, errForeign) {
		t.Errorf("Open = %v", err)
	}
	for i, r := range s.seen {
		if found := i == 3; r.ConsistentRead == found { // the fourth writes
			t.Errorf("request %d of %d: consistent %v", i+1, len(s.seen), r.ConsistentRead)
		}
	}
}
