package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// leaf is a scalar in an event.
type leaf struct {
	value any // string, json.Number, bool or nil
	at    position
}

// position says, of every array whose elements hold the leaf in an object or
// array of their own, which element it is: arrays are numbered, elements too.
// Scalar elements have no position: any of them stands for its array.
type position map[int]int

// with combines two positions, unless they lie in different elements of one array.
func (p position) with(q position) (position, bool) {
	both := maps.Clone(p)
	for array, element := range q {
		if other, ok := p[array]; ok && other != element {
			return nil, false
		}
		if both == nil {
			both = position{}
		}
		both[array] = element
	}
	return both, true
}

// matches says whether every field of a passes, all within the same elements
// of arrays. The absence of a field is judged within the elements that the
// fields before it, in the order of their paths, have settled on. Both is how
// EventBridge's own matcher, aws/event-ruler, does it.
func (a alternative) matches(leaves map[string][]leaf, at position) bool {
	if len(a) == 0 {
		return true
	}
	f, rest := a[0], a[1:]
	found, settled := false, false
	for _, l := range leaves[f.path] {
		both, ok := at.with(l.at)
		if !ok {
			continue
		}
		found = true
		narrower := len(both) > len(at)
		if settled && !narrower || !f.passes(l.value) {
			continue
		}
		if rest.matches(leaves, both) {
			return true
		}
		// Another leaf that settles no more would only repeat the answer.
		settled = settled || !narrower
	}
	return !found && f.passes(missing{}) && rest.matches(leaves, at)
}

func (f field) passes(leaf any) bool { return anyPasses(f.tests, leaf) }

// explain says whether a matches, and otherwise blames the first field without
// which the fields so far would match.
func (a alternative) explain(leaves map[string][]leaf) (why string, ok bool) {
	for i, f := range a {
		if !a[:i+1].matches(leaves, nil) {
			return f.explain(leaves[f.path]), false
		}
	}
	return "", true
}

func (f field) explain(leaves []leaf) string {
	if len(leaves) == 0 {
		return fmt.Sprintf("%s is missing, wanted %s", f.path, f.wanted())
	}
	var values []string
	for _, l := range leaves {
		values = append(values, node{value: l.value}.String())
		if f.passes(l.value) {
			return fmt.Sprintf("%s is %s, but not in the same element of an array as the other fields", f.path, values[len(values)-1])
		}
	}
	return fmt.Sprintf("%s is %s, wanted %s", f.path, strings.Join(values, ", "), f.wanted())
}

// wanted is the values as JSON, for people.
func (f field) wanted() string { return strings.Join(f.values, " or ") }

// Flat is an event taken apart. That takes far longer than to hold a pattern
// against it: who has many patterns does it once. It is immutable, as is what
// the event refers to.
type Flat struct {
	Event
	leaves map[string][]leaf
	err    error
}

// Flatten takes an event apart. Names are joined by dots, as EventBridge does: a
// field "a.b" is the same as a field b in a. No pattern matches an event that is
// not valid.
func Flatten(e Event) Flat {
	leaves, err := leavesOf(e)
	return Flat{Event: e, leaves: leaves, err: err}
}

// leavesOf lists the leaves of an event by path. A name that is there twice gives
// both leaves, which is why the text is read and not a map.
func leavesOf(e Event) (map[string][]leaf, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	root, err := text(data).value(0)
	if err != nil {
		return nil, err
	}
	f := flattener{leaves: map[string][]leaf{}}
	f.add(root, "", nil)
	return f.leaves, nil
}

type flattener struct {
	leaves map[string][]leaf
	arrays int
}

func (f *flattener) add(n node, path string, at position) {
	switch v := n.value.(type) {
	case members:
		for _, m := range v {
			f.add(m.value, join(path, m.name), at)
		}
	case elements:
		f.arrays++
		array := f.arrays
		for i, element := range v {
			within := at
			switch element.value.(type) {
			case members, elements:
				within, _ = at.with(position{array: i})
			}
			f.add(element, path, within)
		}
	default:
		f.leaves[path] = append(f.leaves[path], leaf{value: v, at: at})
	}
}
