package awssim

import "time"

// Limit is one token bucket and what a call takes from it. Buckets of the same
// name are the same; they begin full and are refilled by the world's clock.
type Limit struct {
	Name      string
	Size      float64
	PerSecond float64
	Cost      float64
}

type bucket struct {
	tokens float64
	at     time.Time
}

// charge takes the tokens for a call from all its buckets, or from none.
func (w *World) charge(now time.Time, limits []Limit) bool {
	for _, l := range limits {
		if w.level(now, l) < l.Cost {
			return false
		}
	}
	for _, l := range limits {
		w.buckets[l.Name] = bucket{tokens: w.level(now, l) - l.Cost, at: now}
	}
	return true
}

// level is how many tokens a bucket holds.
func (w *World) level(now time.Time, l Limit) float64 {
	b, ok := w.buckets[l.Name]
	if !ok {
		return l.Size
	}
	return min(l.Size, b.tokens+now.Sub(b.at).Seconds()*l.PerSecond)
}
