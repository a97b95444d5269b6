package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

var ok = answer{status: http.StatusOK, body: `{}`}

const (
	none      = `{"Code":"None"}`
	conflict  = `{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}`
	unmet     = `{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}`
	throttled = `{"Code":"ThrottlingError","Message":"Rate exceeded"}`
	invalid   = `{"Code":"ValidationError","Message":"Item size has exceeded the maximum allowed size"}`
)

// Whoever gives way comes back with the time by then and a token of its own,
// under the same name: what it asks for is not what it asked for before.
func TestWriteGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := scripted(t, clock.Real{}, func(n int, _ request) answer {
			return []answer{cancel(conflict, none), cancel(unmet, throttled), ok}[n-1]
		})
		if err := l.Write(t.Context(), create("a"), create("b")); err != nil {
			t.Fatal(err)
		}
		var tokens, names []string
		for _, r := range s.seen {
			put := r.put(t)
			tokens, names = append(tokens, r.ClientRequestToken), append(names, put[writeAttribute].S)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(tokens)))) != 3 {
			t.Errorf("tokens %q", tokens)
		}
		if len(slices.Compact(names)) != 1 {
			t.Errorf("names %q", names)
		}
	})
}

func TestWriteLooksAtTheClockAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewVirtual(start)
		l, s := scripted(t, clk, func(n int, _ request) answer {
			clk.Advance(time.Minute)
			return []answer{cancel(conflict), ok}[n-1]
		})
		if err := l.Write(t.Context(), create("a")); err != nil {
			t.Fatal(err)
		}
		for i, r := range s.seen {
			want := fmt.Sprint(start.Add(time.Duration(i) * time.Minute).Unix())
			if got := r.TransactItems[0].Put.ExpressionAttributeValues[":now"].N; got != want {
				t.Errorf("request %d was made at %s, want %s", i+1, got, want)
			}
		}
	})
}

func TestWriteUnderWayIsAskedForAgainAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The SDK asks three times before it says so.
		l, s := scripted(t, clock.Real{}, func(n int, _ request) answer {
			if n < 5 {
				return refuse("TransactionInProgressException")
			}
			return ok
		})
		if err := l.Write(t.Context(), create("a")); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.seen {
			if r.ClientRequestToken != s.seen[0].ClientRequestToken {
				t.Errorf("token %s, then %s", s.seen[0].ClientRequestToken, r.ClientRequestToken)
			}
		}
	})
}

func TestWriteGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := scripted(t, clock.Real{}, func(int, request) answer { return cancel(conflict) })
		began := time.Now()
		err := l.Write(t.Context(), create("a"))
		if waited := time.Since(began); waited < patience || waited > patience+longestPause {
			t.Errorf("gave up after %v", waited)
		}
		if ledger.IsConflict(err) || failure.ClassOf(err) != failure.Retry || cloud.Code(err) != "TransactionCanceledException" {
			t.Errorf("Write = %v", err)
		}
	})
}

func TestWriteStopsGivingWayWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancelled := context.WithTimeout(t.Context(), time.Second)
		defer cancelled()
		l, _ := scripted(t, clock.Real{}, func(int, request) answer { return cancel(conflict) })
		if err := l.Write(ctx, create("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Write = %v", err)
		}
	})
}

// A server that knows no tokens refuses our own write, because it is there.
func TestWriteKnowsItsOwnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			item string // found at the key, where %s is the name of our write
			ours bool
		}{
			{`,"Item":{"write":{"S":"%s"}}`, true},
			{`,"Item":{"write":{"S":"%s's"}}`, false},
			{`,"Item":{"%s":{"S":"x"}}`, false},
		} {
			l, s := scripted(t, clock.Real{}, func(n int, r request) answer {
				if n == 1 {
					return answer{err: errLost}
				}
				reason := strings.Replace(unmet, "}", fmt.Sprintf(test.item, r.put(t)[writeAttribute].S)+"}", 1)
				return cancel(reason, none)
			})
			err := l.Write(t.Context(), create("a"), ledger.Expect("b", 1))
			if test.ours && err != nil || !test.ours && !ledger.IsConflict(err) {
				t.Errorf("with %s there: %v", test.item, err)
			}
			if len(s.seen) != 2 {
				t.Errorf("%d requests, want 2", len(s.seen))
			}
		}
	})
}

func TestWriteThatIsNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := scripted(t, clock.Real{}, func(int, request) answer { return answer{err: errLost} })
		err := l.Write(t.Context(), create("a"))
		if err == nil || ledger.IsConflict(err) || failure.ClassOf(err) != failure.Retry || !strings.HasPrefix(err.Error(), "write ledger table fleet: ") {
			t.Errorf("Write = %v, which says that it did not happen", err)
		}
	})
}

func TestJudge(t *testing.T) {
	writes := []ledger.Write{create("b"), ledger.Expect("a", 1)}
	for _, test := range []struct {
		answer  answer
		want    verdict
		changed []string
	}{
		{ok, done, nil},
		{cancel(unmet, none), changedMeanwhile, []string{"b"}},
		{cancel(unmet, unmet), changedMeanwhile, []string{"a", "b"}},
		{cancel(none, conflict), refused, nil},
		{cancel(unmet, conflict), refused, nil}, // the other may not hold either
		{cancel(throttled, unmet), refused, nil},
		{cancel(none, `{"Code":"ProvisionedThroughputExceeded"}`), refused, nil},
		{cancel(unmet, invalid), failed, nil},
		{cancel(none, none), failed, nil},
		{cancel(unmet), failed, nil}, // of another transaction?
		{cancel(), failed, nil},
		{refuse("TransactionInProgressException"), underWay, nil},
		{refuse("IdempotentParameterMismatchException"), failed, nil},
		{refuse("ResourceNotFoundException"), failed, nil},
		{answer{err: errLost}, failed, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := scripted(t, clock.Real{}, func(int, request) answer { return test.answer })
			_, err := l.client.TransactWriteItems(t.Context(), l.transaction("name", 1, writes))
			got, changed := judge(err, writes, "name")
			if err != nil { // however it is wrapped
				again, _ := judge(fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)), writes, "name")
				if again != got {
					t.Errorf("%+v: wrapped twice it is %d, was %d", test.answer, again, got)
				}
			}
			if got != test.want || !slices.Equal(changed, test.changed) {
				t.Errorf("%+v: verdict %d about %q, want %d about %q", test.answer, got, changed, test.want, test.changed)
			}
		})
	}
}

func TestTransactionAsksForOneRecord(t *testing.T) {
	l, _ := scripted(t, clock.NewVirtual(start), nil)
	in := l.transaction("name", 7, []ledger.Write{ledger.Delete("d", 1), ledger.Expect("e", 0), create("a"), ledger.Update("u", 1, json.RawMessage(`{}`), never)})
	var asked []int
	for i, a := range in.TransactItems {
		if a.Put != nil && a.Put.ReturnValuesOnConditionCheckFailure != "" {
			asked = append(asked, i)
		}
	}
	if !slices.Equal(asked, []int{2}) {
		t.Errorf("asked for the records of writes %v, want the first create or update, 2", asked)
	}
	if *in.ClientRequestToken != "name-7" {
		t.Errorf("token %s", *in.ClientRequestToken)
	}
	// A real name and the most tries there can be must fit into a token.
	if n := len("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") + len(fmt.Sprint(patience/shortestPause)); n > 36 {
		t.Errorf("tokens of %d characters, at most 36", n)
	}
}
