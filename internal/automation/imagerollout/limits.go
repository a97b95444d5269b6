package imagerollout

import "time"

// The longest that the parts of a rollout may take, whatever the fleet file says: a
// run is to fit into the history of a Step Functions execution, see
// automation.Definition.LongestHistory.
const (
	approvalLimit = 24 * time.Hour
	bootLimit     = time.Hour
	prepareLimit  = 4 * time.Hour
	verifyLimit   = time.Hour
	refreshLimit  = 8 * time.Hour
	// An image of a large volume takes hours.
	imageLimit = 4 * time.Hour
	// agentLimit is for an agent to come online once the status checks pass.
	agentLimit = 20 * time.Minute
)

const (
	// observePoll is for events that are ahead of what is read.
	observePoll = 4 * time.Second
	rereadFor   = 15 * time.Second
	// mostPoll is the longest time between two looks at what takes long.
	mostPoll = 4 * time.Minute
	// lookAgain is for waits until reads agree with what was written.
	lookAgain = 15 * time.Second
	// settling is for how long a read may not show what was made.
	settling = time.Minute
	// leaving is for how long machines may be there that are on their way out.
	leaving = 5 * time.Minute
	// deliveryTimeout, in seconds, is for how long Systems Manager tries to hand a
	// command to an agent that was online just before (facts/apis.md 3: 30 at least).
	deliveryTimeout = 300
)

// patience is how long to wait before the next look at something that has lasted for
// so long already: an eighth of that, within bounds. The step's poll is the least.
func patience(lasted time.Duration) time.Duration { return min(lasted/8, mostPoll) }

// self is EC2's word for the account that asks.
const self = "self"
