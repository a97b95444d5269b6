package awssim

import (
	"slices"
	"time"
)

// agenda is what will happen by itself, in the order of its times; what is due
// at the same time happens in the order it was scheduled.
type agenda []item

type item struct {
	at     time.Time
	store  committer
	change func(*Moment)
}

func (a *agenda) add(i item) {
	at, _ := slices.BinarySearchFunc(*a, i.at, func(other item, t time.Time) int {
		if other.at.After(t) {
			return 1
		}
		return -1
	})
	*a = slices.Insert(*a, at, i)
}

// due takes the first item off the agenda if its time has come.
func (a *agenda) due(now time.Time) (item, bool) {
	if len(*a) == 0 || (*a)[0].at.After(now) {
		return item{}, false
	}
	first := (*a)[0]
	*a = slices.Delete(*a, 0, 1)
	return first, true
}
