package dynamodb

import (
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/ledger"
)

// verdict is what an answer says of a transaction.
type verdict int

const (
	done             verdict = iota
	changedMeanwhile         // conditions did not hold
	refused                  // it did not happen, because of something that passes
	underWay                 // it is happening: the same request tells what becomes of it
	failed                   // anything else; it may have happened
)

// judge reads an answer. changed are the keys whose conditions did not hold.
func judge(err error, writes []ledger.Write, name string) (_ verdict, changed []string) {
	if err == nil {
		return done, nil
	}
	var progress *types.TransactionInProgressException
	if errors.As(err, &progress) {
		return underWay, nil
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != len(writes) {
		return failed, nil
	}
	passes := false
	for i, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "None", "":
		case "ConditionalCheckFailed":
			if by, ok := textAt(reason.Item, writeAttribute); ok && by == name {
				return done, nil
			}
			changed = append(changed, writes[i].Key)
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			passes = true
		default:
			return failed, nil
		}
	}
	switch {
	case passes: // the conditions on such records have not been looked at
		return refused, nil
	case len(changed) == 0:
		return failed, nil
	}
	slices.Sort(changed)
	return changedMeanwhile, changed
}
