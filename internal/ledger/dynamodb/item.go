package dynamodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/ledger"
)

// The attributes that the table itself knows.
const (
	PartitionKey    = "pk"      // string: one for all records, another for the ledger's own item
	SortKey         = "sk"      // string: the key of a record
	ExpiryAttribute = "expires" // number: seconds since 1970, missing for never; DynamoDB's time to live
)

// The other attributes. A value is kept as a string, so that a person can read
// it in the console; a map would lose digits of numbers.
const (
	versionAttribute = "version"
	valueAttribute   = "value"
	writeAttribute   = "write" // which write made the record
)

// The partitions.
const (
	records = "record"
	itself  = "ledger"
)

type item = map[string]types.AttributeValue

var errForeign = errors.New("not what Drover writes")

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// address is the primary key of a record.
func address(key string) item { return item{PartitionKey: text(records), SortKey: text(key)} }

// encode is the item that a create or an update leaves.
func encode(w ledger.Write, write string) item {
	encoded := address(w.Key)
	encoded[versionAttribute] = number(condition(w) + 1)
	encoded[valueAttribute] = text(string(w.Value))
	encoded[writeAttribute] = text(write)
	if expires := ledger.RoundExpiry(w.Expires); !expires.IsZero() {
		encoded[ExpiryAttribute] = number(expires.Unix())
	}
	return encoded
}

func decode(encoded item) (ledger.Record, error) {
	key, isText := textAt(encoded, SortKey)
	value, hasValue := textAt(encoded, valueAttribute)
	version, hasVersion := numberAt(encoded, versionAttribute)
	if !isText || !hasValue || !hasVersion {
		return ledger.Record{}, fmt.Errorf("item %q: %w", key, errForeign)
	}
	record := ledger.Record{Key: key, Version: version, Value: json.RawMessage(value)}
	if _, mortal := encoded[ExpiryAttribute]; mortal {
		seconds, ok := numberAt(encoded, ExpiryAttribute)
		if !ok {
			return ledger.Record{}, fmt.Errorf("expiry of item %q: %w", key, errForeign)
		}
		record.Expires = time.Unix(seconds, 0).UTC()
	}
	return record, nil
}

func textAt(i item, name string) (string, bool) {
	if s, ok := i[name].(*types.AttributeValueMemberS); ok {
		return s.Value, true
	}
	return "", false
}

func numberAt(i item, name string) (int64, bool) {
	s, ok := i[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s.Value, 10, 64)
	return n, err == nil
}
