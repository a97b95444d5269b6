// Package look lets many runs that wait share what they ask AWS. A run that wants to
// know how its machine is asks about all the machines that any run has asked about
// lately; the next run finds its answer there, and makes no call.
package look

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// Fresh is for how long an answer is as good as a call of one's own.
	Fresh = 10 * time.Second
	// remembered is for how long a resource is asked about along with others after
	// somebody wanted to know of it: longer than the longest pause between two looks.
	remembered = 10 * time.Minute
)

// Look shares looks at resources of one type. It is safe for concurrent use.
type Look[T any] struct {
	most     int
	describe func(ctx context.Context, ids []string) (map[string]T, error)

	mu     sync.Mutex
	wanted map[string]time.Time
	seen   map[string]answer[T]
}

// answer is what was seen of a resource; found is false if it was not shown.
type answer[T any] struct {
	value T
	found bool
	asked time.Time
}

// New makes a Look of a function that describes up to a number of resources with one
// request. What it does not return is not there.
func New[T any](most int, describe func(ctx context.Context, ids []string) (map[string]T, error)) *Look[T] {
	return &Look[T]{most: most, describe: describe, wanted: map[string]time.Time{}, seen: map[string]answer[T]{}}
}

// At says how a resource is: as it was asked for at most Fresh ago, and not before
// since. It reports false if AWS does not show the resource. An error is that of asking
// for this one alone: what is wrong with another is of no concern here.
func (l *Look[T]) At(ctx context.Context, id string, now, since time.Time) (value T, found bool, err error) {
	ids, a, known := l.want(id, now, since)
	if known {
		return a.value, a.found, nil
	}
	all, err := l.describe(ctx, ids)
	if err != nil && len(ids) > 1 && ctx.Err() == nil {
		ids = []string{id}
		all, err = l.describe(ctx, ids)
	}
	if err != nil {
		l.forget(id)
		return value, false, err
	}
	l.learn(ids, all, now)
	value, found = all[id]
	return value, found, nil
}

// want notes that a resource is wanted, and returns the answer if it is known, or else
// what to ask for: it and those that were wanted last.
func (l *Look[T]) want(id string, now, since time.Time) (ids []string, a answer[T], known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted[id] = now
	if a, ok := l.seen[id]; ok && !a.asked.Before(since) && now.Sub(a.asked) < Fresh && !now.Before(a.asked) {
		return nil, a, true
	}
	var others []string
	for other, at := range l.wanted {
		switch {
		case now.Sub(at) > remembered:
			delete(l.wanted, other)
			delete(l.seen, other)
		case other != id:
			others = append(others, other)
		}
	}
	slices.SortFunc(others, func(a, b string) int { return l.wanted[b].Compare(l.wanted[a]) })
	ids = append(ids, id)
	ids = append(ids, others[:min(len(others), l.most-1)]...)
	slices.Sort(ids)
	return ids, a, false
}

// forget has nobody else ask about a resource that fails their requests.
func (l *Look[T]) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wanted, id)
	delete(l.seen, id)
}

// learn keeps answers, unless a later one came first.
func (l *Look[T]) learn(ids []string, all map[string]T, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if l.seen[id].asked.After(asked) {
			continue
		}
		value, found := all[id]
		l.seen[id] = answer[T]{value: value, found: found, asked: asked}
	}
}
