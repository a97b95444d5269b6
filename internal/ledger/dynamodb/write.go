package dynamodb

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// How long a write gives way to the transactions of others, in all, and how
// long between two tries. A transaction takes some milliseconds.
const (
	patience      = 10 * time.Second
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// Write implements [ledger.Ledger].
//
// It is sent as a transaction even when it is a single write, which DynamoDB
// would take for half the price: only a transaction has a token, and without
// one a write whose answer was lost cannot be told from a conflict once
// somebody has gone on from what it wrote.
//
// A transaction of deletes and expectations leaves no record that could name
// its write: for those the token is all there is.
func (l *Ledger) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := ledger.Validate(writes); err != nil {
		return err
	}
	err := ctx.Err()
	if err == nil {
		err = l.write(ctx, writes)
	}
	if err == nil || ledger.IsConflict(err) {
		return err
	}
	return l.explain(ctx, "write", err)
}

// write sends a transaction until it is decided.
//
// The time spent giving way is of the wall, whatever clock the ledger has: a
// virtual one does not make another process go on.
func (l *Ledger) write(ctx context.Context, writes []ledger.Write) error {
	name := rand.Text()
	request := l.transaction(name, 1, writes)
	var waited time.Duration
	for try := 1; ; try++ {
		_, err := l.client.TransactWriteItems(ctx, request)
		verdict, changed := judge(err, writes, name)
		switch verdict {
		case done:
			return nil
		case changedMeanwhile:
			return &ledger.ConflictError{Keys: changed}
		case failed:
			return err
		case refused, underWay:
		}
		if waited >= patience {
			return err
		}
		pause := l.backoff.Delay(try, shortestPause, longestPause)
		if sleepErr := (clock.Real{}).Sleep(ctx, pause); sleepErr != nil {
			return fmt.Errorf("%w: %w", sleepErr, err)
		}
		waited += pause
		if verdict == refused {
			// Nothing happened. What has expired meanwhile is absent meanwhile,
			// and a token stands for one request only.
			request = l.transaction(name, try+1, writes)
		}
	}
}

// transaction is the request of one try; name is that of the write.
func (l *Ledger) transaction(name string, try int, writes []ledger.Write) *dynamodb.TransactWriteItemsInput {
	now := l.clock.Now()
	actions := make([]types.TransactWriteItem, len(writes))
	for i, w := range writes {
		actions[i] = l.action(w, name, now)
	}
	// If the condition of the first record does not hold, it may be there by
	// this very write. One is enough: a transaction happens as a whole.
	for _, a := range actions {
		if a.Put != nil {
			a.Put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
			break
		}
	}
	return &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(fmt.Sprintf("%s-%d", name, try)),
		TransactItems:      actions,
	}
}

// The conditions under which a record is absent, and there at a version.
const (
	absent  = "attribute_not_exists(" + PartitionKey + ") OR " + ExpiryAttribute + " <= :now"
	present = versionAttribute + " = :version AND (attribute_not_exists(" + ExpiryAttribute + ") OR " + ExpiryAttribute + " > :now)"
)

func (l *Ledger) action(w ledger.Write, name string, now time.Time) types.TransactWriteItem {
	table, expression := aws.String(l.table), aws.String(absent)
	values := item{":now": number(now.Unix())} // expiries are whole seconds
	if version := condition(w); version != 0 {
		expression = aws.String(present)
		values[":version"] = number(version)
	}
	switch w.Op {
	case ledger.OpDelete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: table, Key: address(w.Key),
			ConditionExpression: expression, ExpressionAttributeValues: values,
		}}
	case ledger.OpExpect:
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: table, Key: address(w.Key),
			ConditionExpression: expression, ExpressionAttributeValues: values,
		}}
	default: // create and update
		return types.TransactWriteItem{Put: &types.Put{
			TableName: table, Item: encode(w, name),
			ConditionExpression: expression, ExpressionAttributeValues: values,
		}}
	}
}

// condition is the version that a write demands; 0 stands for absence.
func condition(w ledger.Write) int64 {
	if w.Op == ledger.OpCreate {
		return 0
	}
	return w.Version
}
