package script

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/droverhq/drover/internal/event"
)

// event reads the event of a step. What it leaves out is filled in when it comes.
func (c *checker) event(i int, at []string) {
	filled, _ := json.Marshal(c.filled(map[string]any(c.Steps[i].Event)))
	e, err := event.Parse(filled)
	if err != nil {
		for _, p := range each(err) {
			var wrong *event.ParseError
			if errors.As(p, &wrong) && wrong.Path != "" {
				c.Problem(append(at[:len(at):len(at)], wrong.Path), wrong.Got, wrong.Wanted)
				continue
			}
			c.Problem(at, p.Error(), "an event as EventBridge has it")
		}
		return
	}
	if c.events == nil {
		c.events = map[int]event.Event{}
	}
	if e.ID == "" {
		e.ID = fmt.Sprintf("00000000-0000-4000-9000-%012x", i)
	}
	c.events[i] = e
}

func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// filled puts ids for placeholders throughout a value.
func (c *checker) filled(value any) any {
	switch v := value.(type) {
	case string:
		return c.names.fill(v)
	case []any:
		for i := range v {
			v[i] = c.filled(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = c.filled(v[key])
		}
	}
	return value
}
