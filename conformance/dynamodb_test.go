//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
	"github.com/droverhq/drover/internal/ledger/ledgertest"
)

// A random history over the wire costs a thousand times one in memory. The
// command line, read later, can still ask for more.
func init() {
	if err := flag.Set("rapid.checks", "10"); err != nil {
		panic(err)
	}
}

// TestLedgerInDynamoDB holds the ledger in DynamoDB against the suite that
// every ledger passes, and against what can go wrong on the way, with each of
// the witnesses.
func TestLedgerInDynamoDB(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *database{
		"moto":           motoDatabase,
		"DynamoDB Local": localDatabase,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			t.Run("suite", func(t *testing.T) { ledgertest.Run(t, db.store) })
			t.Run("lost answers", func(t *testing.T) { losesAnswers(t, db) })
			t.Run("refused tables", func(t *testing.T) { refusesTables(t, db) })
			t.Run("many make one ledger", func(t *testing.T) { manyOpen(t, db) })
			t.Run("table", func(t *testing.T) { describesTable(t, db) })
		})
	}
}

// database is a server that speaks as DynamoDB does.
type database struct {
	url    string
	wire   *wire
	tokens bool // it knows a transaction by its token
	backup bool // it has point-in-time recovery
	tables atomic.Int64
}

func (db *database) client(w *wire) *sdk.Client { return sdk.NewFromConfig(w.config(db.url)) }

// table makes a new one.
func (db *database) table(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("ledger-%d", db.tables.Add(1))
	client := db.client(db.wire)
	if _, err := client.CreateTable(t.Context(), dynamodb.Table(name)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTimeToLive(t.Context(), dynamodb.TimeToLive(name)); err != nil {
		t.Fatal(err)
	}
	return name
}

// store implements [ledgertest.Store]. Every handle has a client, and so
// connections, of its own.
func (db *database) store(t testing.TB, clk clock.Clock) ledgertest.Opener {
	table := db.table(t)
	return func() (ledger.Ledger, error) {
		return dynamodb.Open(t.Context(), db.client(db.wire), table, clk)
	}
}

// losesAnswers has each kind of write lose its answer after it took effect.
func losesAnswers(t *testing.T, db *database) {
	value := json.RawMessage(`{"n":2}`)
	for _, test := range []struct {
		name   string
		writes []ledger.Write
		token  bool // only its token can tell
	}{
		{"create", []ledger.Write{ledger.Create("new", value, time.Time{})}, false},
		{"create over an expired one", []ledger.Write{ledger.Create("expired", value, time.Time{})}, false},
		{"update", []ledger.Write{ledger.Update("a", 1, value, time.Time{})}, false},
		{"all together", []ledger.Write{ledger.Delete("b", 1), ledger.Expect("c", 1), ledger.Update("a", 1, value, time.Time{})}, false},
		{"delete", []ledger.Write{ledger.Delete("a", 1)}, true},
	} {
		if test.token && !db.tokens {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			w := &wire{gate: db.wire.gate}
			table := db.table(t)
			l, err := dynamodb.Open(t.Context(), db.client(w), table, clock.Real{})
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"a", "b", "c"} {
				mustWrite(t, l, ledger.Create(key, json.RawMessage(`{}`), time.Time{}))
			}
			mustWrite(t, l, ledger.Create("expired", json.RawMessage(`{}`), time.Unix(0, 0)))
			w.lose("TransactWriteItems", 2)
			mustWrite(t, l, test.writes...)
			if w.lost("TransactWriteItems") != 2 {
				t.Error("no answer was lost")
			}
			// What was written once is there once; whoever comes second is told so.
			if got, err := l.Get(t.Context(), test.writes[len(test.writes)-1].Key); err == nil && got.Version != test.writes[len(test.writes)-1].Version+1 {
				t.Errorf("version %d after one write", got.Version)
			}
			if err := l.Write(t.Context(), test.writes...); !ledger.IsConflict(err) {
				t.Errorf("the same write by somebody else: %v, want a conflict", err)
			}
		})
	}
	t.Run("open", func(t *testing.T) {
		w := &wire{gate: db.wire.gate}
		w.lose("PutItem", 1)
		table := db.table(t)
		if got, want := identity(t, db.client(w), table), identity(t, db.client(db.wire), table); got != want {
			t.Errorf("the identity is %s, then %s", got, want)
		}
	})
	if db.tokens {
		t.Run("somebody went on", func(t *testing.T) { losesToSuccessor(t, db) })
	}
}

// losesToSuccessor has somebody go on from a record whose writer has not got
// its answer yet. Nothing is left then that names the first write.
func losesToSuccessor(t *testing.T, db *database) {
	table := db.table(t)
	other, err := dynamodb.Open(t.Context(), db.client(db.wire), table, clock.Real{})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{gate: db.wire.gate}
	l, err := dynamodb.Open(t.Context(), db.client(w), table, clock.Real{})
	if err != nil {
		t.Fatal(err)
	}
	w.lose("TransactWriteItems", 1)
	w.then = func() { mustWrite(t, other, ledger.Update("k", 1, json.RawMessage(`"other's"`), time.Time{})) }
	mustWrite(t, l, ledger.Create("k", json.RawMessage(`"ours"`), time.Time{}))
	if got, err := l.Get(t.Context(), "k"); err != nil || got.Version != 2 || string(got.Value) != `"other's"` {
		t.Errorf("there is %d %s, error %v", got.Version, got.Value, err)
	}
}

func mustWrite(t *testing.T, l ledger.Ledger, writes ...ledger.Write) {
	t.Helper()
	if err := l.Write(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
}

func identity(t *testing.T, client *sdk.Client, table string) string {
	t.Helper()
	l, err := dynamodb.Open(t.Context(), client, table, clock.Real{})
	if err != nil {
		t.Fatal(err)
	}
	name, err := l.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// refusesTables opens what is no ledger: in the words of the server.
func refusesTables(t *testing.T, db *database) {
	client := db.client(db.wire)
	other := dynamodb.Table("other-keys")
	other.KeySchema[0].AttributeName = aws.String("id")
	other.AttributeDefinitions[0].AttributeName = aws.String("id")
	numbers := dynamodb.Table("numbers")
	numbers.AttributeDefinitions[1].AttributeType = types.ScalarAttributeTypeN
	for _, table := range []*sdk.CreateTableInput{other, numbers} {
		if _, err := client.CreateTable(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	for table, hint := range map[string]string{
		"missing":    "aws dynamodb create-table --region us-west-1 --table-name missing --billing-mode PAY_PER_REQUEST",
		"other-keys": "partition key pk and the sort key sk",
		"numbers":    "partition key pk and the sort key sk",
	} {
		_, err := dynamodb.Open(t.Context(), client, table, clock.Real{})
		if err == nil || !strings.HasPrefix(err.Error(), "open ledger table "+table+": ") || failure.ClassOf(err) != failure.Stop {
			t.Errorf("open %s: %v", table, err)
		}
		if hints := strings.Join(failure.Hints(err), "; "); !strings.Contains(hints, hint) {
			t.Errorf("open %s: %v\nhints %q, want %q", table, err, hints, hint)
		}
	}
}

func manyOpen(t *testing.T, db *database) {
	table := db.table(t)
	identities := make(chan string)
	for range 8 {
		go func() {
			l, err := dynamodb.Open(context.WithoutCancel(t.Context()), db.client(db.wire), table, clock.Real{})
			if err != nil {
				identities <- err.Error()
				return
			}
			name, _ := l.Identity(context.Background())
			identities <- name
		}()
	}
	var all []string
	for range 8 {
		all = append(all, <-identities)
	}
	if slices.Sort(all); all[0] != all[7] || !strings.HasPrefix(all[0], "dynamodb-") {
		t.Errorf("identities %q", all)
	}
}

// describesTable reads back what a table was made with.
func describesTable(t *testing.T, db *database) {
	client, table := db.client(db.wire), db.table(t)
	ttl, err := client.DescribeTimeToLive(t.Context(), &sdk.DescribeTimeToLiveInput{TableName: aws.String(table)})
	if err != nil {
		t.Fatal(err)
	}
	if d := ttl.TimeToLiveDescription; d.TimeToLiveStatus != types.TimeToLiveStatusEnabled || aws.ToString(d.AttributeName) != dynamodb.ExpiryAttribute {
		t.Errorf("time to live is %s, by %s", d.TimeToLiveStatus, aws.ToString(d.AttributeName))
	}
	if !db.backup {
		return
	}
	backups, err := client.UpdateContinuousBackups(t.Context(), dynamodb.Recovery(table))
	if err != nil {
		t.Fatal(err)
	}
	if got := backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus; got != types.PointInTimeRecoveryStatusEnabled {
		t.Errorf("point-in-time recovery is %s", got)
	}
}
