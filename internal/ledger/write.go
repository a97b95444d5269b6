package ledger

import (
	"encoding/json"
	"time"
)

// Write is one conditional change. Build one with [Create], [Update],
// [Delete] or [Expect]; the zero value is invalid.
type Write struct {
	Op      Op
	Key     string
	Version int64 // the version that must be there; unused by OpCreate
	Value   json.RawMessage
	Expires time.Time
}

// Op is what a write does.
type Op int

// The operations. The zero Op is invalid.
const (
	OpCreate Op = iota + 1 // the key must be absent
	OpUpdate               // the version must match
	OpDelete               // the version must match
	OpExpect               // the version must match (0: the key must be absent); nothing is changed
)

// Create writes a record that must not exist yet. An expiry that has passed
// already is no error: the record is absent at once.
func Create(key string, value json.RawMessage, expires time.Time) Write {
	return Write{Op: OpCreate, Key: key, Value: value, Expires: expires}
}

// Update replaces the value and expiry of a record at the given version.
func Update(key string, version int64, value json.RawMessage, expires time.Time) Write {
	return Write{Op: OpUpdate, Key: key, Version: version, Value: value, Expires: expires}
}

// Delete removes a record at the given version.
func Delete(key string, version int64) Write {
	return Write{Op: OpDelete, Key: key, Version: version}
}

// Expect changes nothing; it makes the transaction fail unless the record is
// at the given version. Version 0 expects that there is no record.
func Expect(key string, version int64) Write {
	return Write{Op: OpExpect, Key: key, Version: version}
}
