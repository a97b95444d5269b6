package automation

import "time"

// Bounds of observing and deciding, which every run begins with.
const (
	PlanAttempt = 30 * time.Second
	PlanLimit   = 2 * time.Minute
	// MaxReplans is how often a run observes and decides anew.
	MaxReplans = 8
)

// What the longest run may write into the history of a Step Functions
// execution, which ends at 25,000 events (shared/facts/apis.md, section 10). A
// turn writes nine: five of its Task, two of the Choice, two of the Wait.
const (
	maxHistory    = 20_000
	eventsPerTurn = 9
	// eventsOfRun are those of an execution's begin and end, the Choice at its
	// begin, and of a Task whose function could not be reached.
	eventsOfRun = 100
)

// LongestHistory is the most events that a run can write into the history of
// its Step Functions execution. Nothing there waits for less than a second.
func (d Definition) LongestHistory() int {
	turns := (1 + MaxReplans) * turnsOf(PlanLimit, d.poll)
	for _, s := range d.Steps {
		turns += turnsOf(s.Limit, s.Poll) + MaxReplans
		for _, act := range []Act{Undo, Release} {
			if s.Has(act) {
				turns += turnsOf(s.Limit, s.Poll)
			}
		}
	}
	return eventsOfRun + turns*eventsPerTurn
}

// turnsOf bounds the turns within a limit: one at its begin, one after every
// poll, and one that finds it over. Where the poll is long there are beside them
// attempts after a failure, which follow each other faster at first.
func turnsOf(limit, poll time.Duration) int {
	turns := int(limit/max(poll, time.Second)) + 2
	for pause := time.Second / 4; pause < poll; pause *= 2 {
		turns++
	}
	return turns
}
