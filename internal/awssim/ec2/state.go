package ec2

import (
	"slices"
	"strings"
)

// state is all there is. Rows hold plain values; outputs are built from them
// afresh, so nothing a caller does to an output reaches the state.
type state struct {
	times       Times
	maxVersions int    // of a launch template
	keys        Keys   // nil: every key can be used
	doomed      string // why the next image fails that is begun; empty if it does not

	vpcs        table[vpc]
	subnets     table[subnet]
	gateways    table[gateway]
	prefixLists table[prefixList]
	routeTables table[routeTable]
	instances   table[instance]
	interfaces  table[networkInterface]
	addresses   table[address]
	templates   table[template]
	versions    table[templateVersion]
	images      table[image]
	snapshots   table[snapshot]
	groups      table[securityGroup]
	volumes     table[volume]
	profiles    table[profile]
	keyPairs    table[keyPair]
	boots       table[boot]
	tags        table[tagged]
	tokens      table[token]
}

func (s *state) clone() *state {
	return &state{
		times:       s.times,
		maxVersions: s.maxVersions,
		keys:        s.keys,
		doomed:      s.doomed,
		vpcs:        s.vpcs.clone(),
		subnets:     s.subnets.clone(),
		gateways:    s.gateways.clone(),
		prefixLists: s.prefixLists.clone(),
		routeTables: s.routeTables.clone(),
		instances:   s.instances.clone(),
		interfaces:  s.interfaces.clone(),
		addresses:   s.addresses.clone(),
		templates:   s.templates.clone(),
		versions:    s.versions.clone(),
		images:      s.images.clone(),
		snapshots:   s.snapshots.clone(),
		groups:      s.groups.clone(),
		volumes:     s.volumes.clone(),
		profiles:    s.profiles.clone(),
		keyPairs:    s.keyPairs.clone(),
		boots:       s.boots.clone(),
		tags:        s.tags.clone(),
		tokens:      s.tokens.clone(),
	}
}

// table is rows in the order of their ids. A row is never changed once it is
// in here, only replaced; and whoever replaces it builds new slices for it. So
// copying the table copies no row.
type table[T row] struct{ rows []*T }

type row interface{ key() string }

func (t *table[T]) clone() table[T] { return table[T]{slices.Clone(t.rows)} }

// get returns a copy of the row with an id, and whether there is one.
func (t *table[T]) get(id string) (T, bool) {
	if i, found := t.find(id); found {
		return *t.rows[i], true
	}
	var none T
	return none, false
}

// put adds a row or replaces the one with its id.
func (t *table[T]) put(row T) {
	i, found := t.find(row.key())
	if found {
		t.rows[i] = &row
	} else {
		t.rows = slices.Insert(t.rows, i, &row)
	}
}

func (t *table[T]) remove(id string) {
	if i, found := t.find(id); found {
		t.rows = slices.Delete(t.rows, i, i+1)
	}
}

// all copies the rows for which keep holds.
func (t *table[T]) all(keep func(T) bool) []T {
	var rows []T
	for _, r := range t.rows {
		if keep(*r) {
			rows = append(rows, *r)
		}
	}
	return rows
}

// first is the first row for which want holds.
func (t *table[T]) first(want func(T) bool) (T, bool) {
	for _, r := range t.rows {
		if want(*r) {
			return *r, true
		}
	}
	var none T
	return none, false
}

func (t *table[T]) find(id string) (int, bool) {
	return slices.BinarySearchFunc(t.rows, id, func(r *T, id string) int { return strings.Compare((*r).key(), id) })
}
