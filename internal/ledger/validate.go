package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of every implementation. The numbers leave room under DynamoDB's:
// 400 KB an item, 100 actions and 4 MB a transaction.
const (
	MaxKey    = 512        // bytes of a key
	MaxValue  = 350 * 1000 // bytes of a value
	MaxWrites = 100        // writes in one transaction
	MaxTotal  = 3_500_000  // bytes of all values in one transaction
)

// Validate checks writes against the contract before anything is sent. Every
// implementation calls it first. Its error is an [InvalidError].
func Validate(writes []Write) error {
	if len(writes) == 0 {
		return &InvalidError{Reason: "a transaction needs at least one write"}
	}
	if len(writes) > MaxWrites {
		return &InvalidError{Reason: fmt.Sprintf("%d writes in one transaction, at most %d", len(writes), MaxWrites)}
	}
	seen := make(map[string]bool, len(writes))
	total := 0
	for _, w := range writes {
		if err := ValidateKey(w.Key); err != nil {
			return err
		}
		if seen[w.Key] {
			return &InvalidError{Key: w.Key, Reason: "appears twice in one transaction"}
		}
		seen[w.Key] = true
		if reason := w.fault(); reason != "" {
			return &InvalidError{Key: w.Key, Reason: reason}
		}
		total += len(w.Value)
	}
	if total > MaxTotal {
		return &InvalidError{Reason: fmt.Sprintf("%d bytes in one transaction, at most %d", total, MaxTotal)}
	}
	return nil
}

// fault is what is wrong with a write apart from its key; empty if nothing is.
func (w Write) fault() string {
	switch w.Op {
	case OpCreate:
		return valueFault(w.Value)
	case OpUpdate:
		if w.Version < 1 {
			return "an update needs the version it replaces"
		}
		return valueFault(w.Value)
	case OpDelete:
		if w.Version < 1 {
			return "a delete needs the version it removes"
		}
	case OpExpect:
		if w.Version < 0 {
			return "a negative version cannot be expected"
		}
	default:
		return "unknown operation"
	}
	return ""
}

func valueFault(value json.RawMessage) string {
	switch {
	case len(value) > MaxValue:
		return fmt.Sprintf("value of %d bytes, at most %d", len(value), MaxValue)
	case !utf8.Valid(value): // json.Valid lets it pass, DynamoDB does not
		return "value is not UTF-8"
	case !json.Valid(value):
		return "value is not JSON"
	}
	return ""
}

// ValidateKey checks one key: 1 to MaxKey bytes of UTF-8 without control
// characters. Its error is an [InvalidError].
func ValidateKey(key string) error {
	switch {
	case key == "":
		return &InvalidError{Reason: "a key cannot be empty"}
	case len(key) > MaxKey:
		return &InvalidError{Key: key, Reason: fmt.Sprintf("key of %d bytes, at most %d", len(key), MaxKey)}
	case !utf8.ValidString(key):
		return &InvalidError{Key: key, Reason: "key is not UTF-8"}
	case strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return &InvalidError{Key: key, Reason: "key holds a control character"}
	}
	return nil
}

// ValidateList checks the arguments of List: prefix and after are empty or
// well formed as keys, limit is positive. Its error is an [InvalidError].
func ValidateList(prefix, after string, limit int) error {
	for _, bound := range []string{prefix, after} {
		if bound == "" {
			continue
		}
		if err := ValidateKey(bound); err != nil {
			return err
		}
	}
	if limit < 1 {
		return &InvalidError{Reason: fmt.Sprintf("list limit of %d, at least 1", limit)}
	}
	return nil
}
