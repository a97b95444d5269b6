package view

import (
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Stopping says, in lines, what becomes of a live run that is asked to stop.
func Stopping(r *flow.Run, kinds []automation.Definition, now time.Time) []string {
	if r.Ending != nil {
		return []string{fmt.Sprintf("it stops already, and is about to end %s", r.Ending.Outcome)}
	}
	var lines []string
	if r.Owner != "" && !r.Telling && now.Before(r.Until) {
		lines = append(lines, fmt.Sprintf("first %s has until %s for the attempt that it is making at step %s", r.Owner, at(r.Until), r.Step))
	}
	steps := declared(r, kinds)
	undo := true
	for _, s := range steps {
		if m, _ := markOf(r, s.Name); s.Commit && !m.Done.IsZero() {
			undo = false
			lines = append(lines, fmt.Sprintf("nothing is undone any more: step %s is done", s.Name))
			break
		}
	}
	turns := takenBack(r, steps, undo)
	for _, t := range turns {
		lines = append(lines, "then "+stepText(t.act, t.step.Name, t.step.Title))
	}
	if undo && len(turns) == 0 {
		lines = append(lines, "nothing was begun that could be undone")
	}
	return lines
}
