package automation

import (
	"errors"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/failure"
)

// Approval is that a person wants a run to go on.
type Approval struct {
	By  string    `json:"by"` // whoever approved it
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

func (a Approval) String() string {
	s := "approved by " + a.By
	if a.Why != "" {
		s += ": " + a.Why
	}
	return s
}

// Approved is what a step returns at Do that a person is to approve: nil once
// somebody has approved the run. Until then the error waits, the person is told
// with a notice, and after the limit, counted from when the step first asked, the
// error stops. What is to be approved is named for that person, such as "the first
// machine of image ami-1".
//
// The step must declare that it Asks, and its own Limit should be the longer one. An
// approval is the run's: it may come before it is asked for, and a plan that is made
// anew is not asked about again. So a step that asks comes right before what it asks
// about, and one after it that finds the world changed stops, rather than to replan,
// if a person ought to look again.
func (e Env) Approved(what string, limit time.Duration) error {
	if e.Approval != nil {
		return nil
	}
	now, asked := e.Clock.Now(), e.Asked
	if asked.IsZero() {
		asked = now
	}
	u := &Unapproved{What: what, Run: e.Run.ID, Until: asked.Add(limit)}
	if !now.Before(u.Until) {
		return u.GiveUp(limit)
	}
	return failure.Waitf(time.Time{}, "%w", u)
}

// Unapproved is the error of a step that waits until a person approves the run.
// It is wrapped in one that waits.
type Unapproved struct {
	What  string    // is to be approved
	Run   string    // its id
	Until time.Time // when the step gives up
}

func (u *Unapproved) Error() string {
	return fmt.Sprintf("a person to approve %s: drover approve %s", u.What, u.Run)
}

// GiveUp is the error when that has taken too long.
func (u *Unapproved) GiveUp(after time.Duration) error {
	return failure.WithHint(failure.Stopf("nobody has approved %s within %s", u.What, Duration(after)), "drover retry %s, which asks again", u.Run)
}

// unheard is err, unless that waits for an approval which nobody would read.
func unheard(err error, step string, asks bool) error {
	var u *Unapproved
	if asks || !errors.As(err, &u) {
		return err
	}
	return failure.Stopf("%s asks for approval of %s, and only steps that declare so are asked about, at Do", step, u.What)
}
