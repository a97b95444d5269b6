package fleetfile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Mapping is a mapping that may have any keys. Whoever has one in a [Document]
// says what may be in it.
type Mapping map[string]any

// Document is a file of another format that is read as strictly as a fleet file,
// and whose problems read the same. What the schema cannot say its owner reports
// with [Document.Problem], and then asks for all of them with [Document.Err].
type Document struct {
	root   *node
	report *report
}

// Read reads a file whose format is the struct type T, with tags as the package's
// doc has them for configurations. If the file does not hold to T, the value is
// zero and the document has the problems; if it is not even YAML, the document is
// nil. The error is about T itself.
func Read[T any](file string, data []byte) (value T, d *Document, err error) {
	form, err := object(reflect.TypeFor[T](), nil)
	r := &rules{index: map[string]*schema{}}
	if err == nil {
		err = r.compile(form)
	}
	if err != nil {
		return value, nil, failure.As(failure.Stop, fmt.Errorf("schema of %T: %w", value, err))
	}
	d = &Document{report: &report{file: file}}
	if d.root = read(data, d.report); d.root == nil {
		return value, d, nil
	}
	d.root.refusals(d.report)
	if len(d.report.problems) == 0 {
		r.validate(d.root, d.report)
	}
	if len(d.report.problems) > 0 {
		return value, d, nil
	}
	text, _ := json.Marshal(d.root.value)                // what read makes can be written
	if err := json.Unmarshal(text, &value); err != nil { // a number or duration that is too big for its type
		d.report.add(d.root.at, "", fmt.Sprintf("a value out of range (%v)", err), "a smaller one")
	}
	return value, d, nil
}

// Valid says whether there is no problem so far.
func (d *Document) Valid() bool { return len(d.report.problems) == 0 }

// Err wraps an [*Error] with all problems, or is nil if there are none.
func (d *Document) Err() error { return d.report.err() }

// Problem reports what is wrong with the value at a path. A value that is not
// there is where it would belong.
func (d *Document) Problem(path []string, got, wanted string) {
	n := d.root.find(path)
	d.report.add(n.at, printable(d.spell(path)), shorten(got), wanted)
}

// KeyProblem is Problem for a key of a mapping.
func (d *Document) KeyProblem(path []string, got, wanted string) {
	n := d.root.find(path)
	d.report.add(n.key, printable(d.spell(path)), shorten(got), wanted)
}

// Place says where the value at a path is, as a problem would: the path as people
// write it, and the position.
func (d *Document) Place(path []string) (spelled, place string) {
	n := d.root.find(path)
	return printable(d.spell(path)), fmt.Sprintf("%s:%d:%d", d.report.file, n.at.line, n.at.column)
}

// spell writes a path as problems do.
func (d *Document) spell(path []string) string {
	n := d.root
	for i, token := range path {
		child := n.children[token]
		if child == nil {
			return strings.TrimPrefix(n.path+"."+strings.Join(path[i:], "."), ".")
		}
		n = child
	}
	return n.path
}

// Keys are the keys of the mapping at a path, in the order of the file.
func (d *Document) Keys(path []string) []string {
	n := d.root
	for _, token := range path {
		if n = n.children[token]; n == nil {
			return nil
		}
	}
	var keys []string
	for key := range n.children {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := n.children[a].key, n.children[b].key
		return slices.Compare([]int{x.line, x.column}, []int{y.line, y.column})
	})
	return keys
}

// Fleet reads the fleet file that is the mapping at a key of the document, after
// every text in it was replaced. What is wrong with it are problems of the
// document; it is nil then.
func (d *Document) Fleet(key string, replace func(string) string, definitions []automation.Definition) (*Fleet, error) {
	rules, err := newRules(definitions)
	if err != nil {
		return nil, failure.As(failure.Stop, err)
	}
	n := d.root.children[key]
	n.replace(replace)
	before := len(d.report.problems)
	rules.validate(n, d.report)
	fleet := rules.configure(n, d.report)
	if len(d.report.problems) > before {
		return nil, nil
	}
	return fleet, nil
}

// replace replaces every text at n and below, but no key.
func (n *node) replace(f func(string) string) {
	switch v := n.value.(type) {
	case string:
		if replaced := f(v); replaced != v {
			n.value, n.text = replaced, replaced
		}
	case map[string]any:
		for key, child := range n.children {
			child.replace(f)
			v[key] = child.value
		}
	case []any:
		for i := range v {
			child := n.children[strconv.Itoa(i)]
			child.replace(f)
			v[i] = child.value
		}
	}
}
