package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// DurationPattern is the form in which fleet files write durations: Go's,
// without signs.
const DurationPattern = `^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$`

// Duration is a span of time in a configuration, written as "90s" or "1h30m".
type Duration time.Duration

// String prints the duration the way people write it: 5m, not 5m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes the duration as [Duration.String] does.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what [time.ParseDuration] reads, zero or more.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("duration: got %s, wanted a string such as \"90s\" or \"5m\"", data)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("duration: got %q, wanted such as \"90s\" or \"5m\"", s)
	}
	*d = Duration(v)
	return nil
}

// CheckSweep reports a member "sweep" that asks for a look more often than a schedule
// of EventBridge can cause one. Zero is what was left out.
func CheckSweep(every Duration) []Problem {
	if every == 0 || time.Duration(every) >= time.Minute {
		return nil
	}
	return []Problem{{Path: "sweep", Got: every.String(), Wanted: "1m or more, the shortest schedule EventBridge has"}}
}
