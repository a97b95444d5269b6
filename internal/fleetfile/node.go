package fleetfile

import (
	"fmt"
	"regexp"
)

// node is a value of the file that knows where it was written.
type node struct {
	// at is where the value is. A block list or mapping is at its key, if it
	// has one: that line names it.
	at position
	// key is where the value's key is, in a mapping.
	key position
	// path is how problems name the value.
	path string
	// value is what JSON would make of it, nil for null.
	value any
	// text is a scalar as it was written, without quotes.
	text   string
	quoted bool
	// refused names what is written here if fleet files cannot have it; value
	// is nil then, which no schema allows.
	refused string
	// children are the members of a mapping by key and the items of a list by
	// index.
	children map[string]*node
}

// string is the text at a key of the mapping, empty if there is none.
func (n *node) string(key string) string {
	if child := n.children[key]; child != nil {
		text, _ := child.value.(string)
		return text
	}
	return ""
}

// find follows the tokens of a path as far as there are nodes.
func (n *node) find(tokens []string) *node {
	for _, token := range tokens {
		child := n.children[token]
		if child == nil {
			break
		}
		n = child
	}
	return n
}

// member is the path of a key of the mapping.
func (n *node) member(key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", n.path, key)
	case n.path == "":
		return key
	}
	return n.path + "." + key
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
