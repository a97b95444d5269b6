package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// schema is what the ledger's own item says of the records. One that an older
// program would damage, or misread, gets the next number.
const schema = 1

const (
	identityAttribute = "identity"
	schemaAttribute   = "schema"
)

// newerError is a table that a later program has made or changed.
type newerError struct{ schema int64 }

func (e *newerError) Error() string {
	return fmt.Sprintf("it has schema %d, this program knows schema %d", e.schema, schema)
}

// Open opens the ledger in a table that is there already (see [Table]); it
// makes a ledger of an empty one, and any number of processes may do so at
// once. Records expire by clk.
//
// The client must not be one that forbids or records changes (see the package
// cloud/call): the ledger is what Drover notes them in.
//
// A table with other keys, or a newer schema than this program knows, is
// refused and left as it is.
func Open(ctx context.Context, client *dynamodb.Client, table string, clk clock.Clock) (*Ledger, error) {
	l := &Ledger{client: client, table: table, clock: clk, backoff: cloud.NewBackoff(0)}
	identity, err := l.establish(ctx)
	if cloud.Code(err) == "ValidationException" { // in words that differ by what is wrong
		err = failure.WithHint(cloud.Classify(err), "name another table: a ledger's has the partition key %s and the sort key %s, both strings", PartitionKey, SortKey)
	}
	if err != nil {
		return nil, l.explain(ctx, "open", err)
	}
	l.identity = identity
	return l, nil
}

// establish reads the identity, and gives one to a table that has none. By
// answering, DynamoDB says that the table exists and has the names and types
// of keys that it was asked with.
func (l *Ledger) establish(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	own, err := l.own(ctx)
	if err != nil {
		return "", err
	}
	if len(own) == 0 {
		if err := l.found(ctx); err != nil {
			return "", err
		}
		if own, err = l.own(ctx); err != nil { // it may be somebody else's
			return "", err
		}
	}
	known, isNumber := numberAt(own, schemaAttribute)
	identity, isText := textAt(own, identityAttribute)
	switch {
	case !isNumber || !isText:
		return "", fmt.Errorf("item %q: %w", itself, errForeign)
	case known > schema:
		return "", &newerError{known}
	}
	return identity, nil
}

// own reads the ledger's own item.
func (l *Ledger) own(ctx context.Context) (item, error) {
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(l.table),
		Key:            item{PartitionKey: text(itself), SortKey: text(itself)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// found writes the ledger's own item unless there is one.
func (l *Ledger) found(ctx context.Context) error {
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(l.table),
		Item: item{
			PartitionKey:      text(itself),
			SortKey:           text(itself),
			schemaAttribute:   number(schema),
			identityAttribute: text("dynamodb-" + rand.Text()),
		},
		ConditionExpression: aws.String("attribute_not_exists(" + PartitionKey + ")"),
	})
	var there *types.ConditionalCheckFailedException
	if errors.As(err, &there) {
		return nil
	}
	return err
}
