// Package dynamodb is the ledger in a DynamoDB table: what Drover keeps its
// memory in where several machines, or functions that come and go, share it.
//
// Callers may rely on this:
//
//   - Every write is one transaction, a single one too, and every read is
//     strongly consistent.
//   - A write whose answer was lost is not taken for somebody else's. The SDK
//     sends it again under the same token, and DynamoDB answers for ten
//     minutes as it did at first. Records also keep the name of the write that
//     made them, for servers that know no tokens (see Write).
//   - A write waits for the transactions of others at most ten seconds, or
//     until its context ends.
//   - A record is absent once the clock that the ledger was opened with
//     reaches its expiry, and DynamoDB removes it within days, for nothing.
//     Clocks of machines differ and an answer takes its time: what must not
//     overlap with what follows it, such as a lease, needs a margin of seconds.
//
// All records share one partition key, and their keys are the sort key: so
// every prefix is one range, in the order of its bytes, however it was cut.
// The price is the limit of a single partition, as long as DynamoDB has not
// split it under load: 1000 write units and 3000 read units a second, and
// bursts above that. A write costs two units for each record and each KB
// begun, a read one unit for each 4 KB: room for a hundred transactions a
// second of five small records each. Fleets that need more get a table each.
//
// The table is described by [Table], [TimeToLive] and [Recovery]; what a role
// must be allowed by [Needs]. A table that was restored from a backup is the
// same ledger as the one it was taken from: let only one of them be written to.
package dynamodb

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/ledger"
)

// Ledger is a handle on a table. Make one with [Open].
type Ledger struct {
	client   *dynamodb.Client
	table    string
	clock    clock.Clock
	backoff  *cloud.Backoff
	identity string
}

var _ ledger.Ledger = (*Ledger)(nil)

// Identity implements [ledger.Ledger].
func (l *Ledger) Identity(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", l.explain(ctx, "identify", err)
	}
	return l.identity, nil
}

// Get implements [ledger.Ledger].
func (l *Ledger) Get(ctx context.Context, key string) (ledger.Record, error) {
	if err := ledger.ValidateKey(key); err != nil {
		return ledger.Record{}, err
	}
	record, err := l.get(ctx, key)
	if err != nil {
		return ledger.Record{}, l.explain(ctx, "read", err)
	}
	if record.Key == "" || ledger.Expired(record.Expires, l.clock.Now()) {
		return ledger.Record{}, fmt.Errorf("get ledger record %q: %w", key, ledger.ErrNotFound)
	}
	return record, nil
}

// get returns the record at a key, expired or not, and the zero record if
// there is none.
func (l *Ledger) get(ctx context.Context, key string) (ledger.Record, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Record{}, err
	}
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(l.table),
		Key:            address(key),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil || len(out.Item) == 0 {
		return ledger.Record{}, err
	}
	return decode(out.Item)
}

// List implements [ledger.Ledger].
func (l *Ledger) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := ledger.ValidateList(prefix, after, limit); err != nil {
		return nil, err
	}
	list, err := l.list(ctx, prefix, after, limit)
	if err != nil {
		return nil, l.explain(ctx, "read", err)
	}
	return list, nil
}

func (l *Ledger) list(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	query, empty := l.query(prefix, after)
	if empty {
		return nil, nil
	}
	now := l.clock.Now()
	var list []ledger.Record
	for expired := 0; ; {
		// What is missing; and more with every expired record that was met, lest
		// a heap of them be read one by one.
		query.Limit = aws.Int32(int32(min(max(limit-len(list), 2*expired), math.MaxInt32)))
		out, err := l.client.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, item := range out.Items {
			record, err := decode(item)
			if err != nil {
				return nil, err
			}
			if ledger.Expired(record.Expires, now) {
				expired++
				continue
			}
			list = append(list, record)
			if len(list) == limit {
				return list, nil
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return list, nil
		}
		query.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// query asks for a prefix from behind a key on; empty says that nothing can be
// there. DynamoDB refuses to start outside of the range it is asked for.
func (l *Ledger) query(prefix, after string) (_ *dynamodb.QueryInput, empty bool) {
	query := &dynamodb.QueryInput{
		TableName:                 aws.String(l.table),
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String(PartitionKey + " = :partition"),
		ExpressionAttributeValues: item{":partition": text(records)},
	}
	if prefix != "" {
		*query.KeyConditionExpression += " AND begins_with(" + SortKey + ", :prefix)"
		query.ExpressionAttributeValues[":prefix"] = text(prefix)
	}
	switch {
	case after == "":
	case strings.HasPrefix(after, prefix):
		query.ExclusiveStartKey = address(after)
	case after > prefix:
		return nil, true
	}
	return query, false
}

// Close implements [ledger.Ledger]. The client is the caller's; there is
// nothing to release.
func (l *Ledger) Close() error { return nil }
