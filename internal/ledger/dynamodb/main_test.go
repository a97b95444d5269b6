package dynamodb

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/ledger"
)

// The suite that every ledger passes, and whatever else a server can witness,
// is in /conformance: over the wire, against servers that nobody here wrote.
// Here is what no such server does when asked, answered by script.

var (
	start = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	never time.Time
)

// request is as much of a transaction on the wire as these tests look at.
type request struct {
	ConsistentRead     bool
	ClientRequestToken string
	TransactItems      []struct {
		Put *struct {
			Item                                map[string]struct{ S, N string }
			ExpressionAttributeValues           map[string]struct{ N string }
			ReturnValuesOnConditionCheckFailure string
		}
	}
}

// put is the first write of a transaction.
func (r request) put(t *testing.T) (item map[string]struct{ S, N string }) {
	t.Helper()
	if len(r.TransactItems) == 0 || r.TransactItems[0].Put == nil {
		t.Fatalf("request %+v does not begin with a put", r)
	}
	return r.TransactItems[0].Put.Item
}

// answer is a status and a body, or an error in their place.
type answer struct {
	status int
	body   string
	err    error
}

var errLost = errors.New("connection reset by peer")

func refuse(code string) answer {
	return answer{status: http.StatusBadRequest, body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"words"}`}
}

// cancel is what DynamoDB says of a transaction that it did not do. Reasons
// are JSON, one for each write.
func cancel(reasons ...string) answer {
	return answer{status: http.StatusBadRequest, body: `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",` +
		`"Message":"Transaction cancelled","CancellationReasons":[` + strings.Join(reasons, ",") + `]}`}
}

// script answers each request, and keeps them all.
type script struct {
	t      *testing.T
	answer func(n int, r request) answer // n counts from 1
	seen   []request
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		s.t.Errorf("request %s: %v", body, err)
	}
	s.seen = append(s.seen, r)
	a := s.answer(len(s.seen), r)
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Header: http.Header{},
		ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// scripted is a ledger that talks to a script.
func scripted(t *testing.T, clk clock.Clock, answer func(n int, r request) answer) (*Ledger, *script) {
	s := &script{t: t, answer: answer}
	client := dynamodb.NewFromConfig(aws.Config{
		Region:      "us-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient:  &http.Client{Transport: s},
		Retryer:     func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) },
	})
	return &Ledger{client: client, table: "fleet", clock: clk, backoff: cloud.NewBackoff(1), identity: "dynamodb-test"}, s
}

func create(key string) ledger.Write { return ledger.Create(key, json.RawMessage(`{}`), never) }
