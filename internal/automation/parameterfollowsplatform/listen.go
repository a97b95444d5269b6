package parameterfollowsplatform

import (
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// listen wants nothing: AWS sends no event about platform versions, about its own
// parameters or about images of others. Images and parameters of this account have
// events, but a schedule alone is easier to foresee than one that holds for some
// sources only.
func listen(Config) []automation.Trigger { return nil }

// about makes the parameter the subject: one run at a time writes it.
func about(c Config, _ event.Event) (automation.Subject, bool) {
	return automation.Subject{Key: "parameter " + c.Parameter, Mode: automation.Latest}, true
}
