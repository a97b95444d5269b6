package groupfollowstemplate

import (
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/event"
)

// lag is how old an event may be for a read not to know of it yet. Of an older
// one the read knows better: what was made is gone again.
const lag = time.Minute

// doubtful names what an event says was made and the read does not show, if it
// would matter.
func doubtful(c Config, s State, events []event.Event, now time.Time) string {
	for _, e := range events {
		if now.Sub(e.Time) > lag {
			continue
		}
		if name, tags, ok := createdGroup(e); ok && c.chooses(name, tags) {
			if _, there := s.group(name); !there {
				return "the group " + name
			}
		}
		if v, ok := createdVersion(e); ok {
			if t, used := s.template(Group{Template: v.Template}); used && t.Newest < v.Number {
				return fmt.Sprintf("version %d of %s", v.Number, v.Template)
			}
		}
	}
	return ""
}
