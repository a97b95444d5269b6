package imagerollout

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"

	"github.com/droverhq/drover/internal/automation"
	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/failure"
)

// TestCleanUp: the recovery point of the image that was rolled out goes, and no other.
func TestCleanUp(t *testing.T) {
	w := newWorld(t)
	for n := range 3 { // more than a page, of the same instance
		_, err := w.backup.AddCompletedJob(simbackup.Job{Instance: w.members()[0]}, t0.Add(-time.Duration(n+1)*time.Minute))
		w.must(err)
	}
	r := w.begin(w.config(cleaned)).upTo(stepCleanUp)
	r.must(r.do(stepCleanUp))
	left := w.backup.RecoveryPoints()
	for _, p := range left {
		if p.Image == source(r.plan) {
			t.Errorf("that of %s is left: %s", p.Image, p.Status)
		}
	}
	if len(left) != 2 {
		t.Errorf("%d recovery points are left", len(left))
	}
	r.must(r.do(stepCleanUp)) // again
	if n := r.asked(opRecovery); n != 1 {
		t.Errorf("%d deletions", n)
	}
}

func TestCleanUpIsRefused(t *testing.T) {
	w := newWorld(t)
	image := w.backUp()
	for _, p := range w.backup.RecoveryPoints() {
		w.must(w.backup.RefuseDeletion(p.ARN))
	}
	r := w.begin(w.config(cleaned)).upTo(stepCleanUp)
	err := r.do(stepCleanUp)
	r.is(err, failure.Stop, "image/"+image+" could not be deleted: ")
	if hints := failure.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "aws backup delete-recovery-point --backup-vault-name Default --recovery-point-arn ") {
		t.Errorf("hints %q", hints)
	}
}

// TestCleanUpHasNothingToDo: the recovery point is gone, or the image that somebody has
// asked for never had one.
func TestCleanUpHasNothingToDo(t *testing.T) {
	w := newWorld(t)
	w.backUp()
	r := w.begin(w.config(cleaned)).upTo(stepCleanUp)
	_, err := w.aws.Backup.DeleteRecoveryPoint(t.Context(), &backup.DeleteRecoveryPointInput{BackupVaultName: aws.String("Default"), RecoveryPointArn: aws.String(w.backup.RecoveryPoints()[0].ARN)})
	w.must(err)
	w.clock.Advance(10 * time.Minute)
	r.must(r.do(stepCleanUp))

	w = newWorld(t)
	hand := w.ec2.AddImage(simec2.Image{Name: "by hand", Created: w.clock.Now()})
	r = w.begin(w.config(cleaned, func(c *Config) { c.Pin = hand })).upTo(stepCleanUp)
	r.must(r.do(stepCleanUp))
	if n := r.asked("backup:ListRecoveryPointsByResource"); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestSuperseded(t *testing.T) {
	day := func(c *Config) { c.MinAge = automation.Duration(24 * time.Hour) }
	for _, test := range []struct {
		name   string
		config []func(*Config)
		newer  simec2.Image
		after  time.Duration
		asked  bool
		tried  string // how a run has ended that tried the newer
		want   bool
	}{
		{name: "a newer image", after: lookEvery, want: true},
		{name: "it is not looked for all the time", after: lookEvery - time.Second},
		{name: "a person has asked for this one", after: lookEvery, asked: true},
		{name: "it is too young", config: []func(*Config){day}, after: lookEvery},
		{name: "it has failed before", after: lookEvery, tried: "rolled-back"},
		{name: "it was made by a rollout", newer: simec2.Image{Tags: map[string]string{tagSource: "ami-1", tagFrom: stamp(t0)}}, after: lookEvery},
		{name: "the source does not choose it", newer: simec2.Image{Name: "silver"}, after: lookEvery},
		{name: "it is for another architecture", newer: simec2.Image{Architecture: "arm64"}, after: lookEvery},
		{name: "it is older", newer: simec2.Image{Created: t0.Add(-48 * time.Hour)}, after: lookEvery},
		{name: "the window is open", config: []func(*Config){window("cron(0 3 ? * SAT *)", time.Hour)}, after: lookEvery, want: true},
		{name: "the window has closed", config: []func(*Config){window("cron(0 3 ? * SAT *)", 5*time.Minute)}, after: lookEvery},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			first := w.ec2.AddImage(simec2.Image{Name: "golden-1", Created: t0.Add(-12 * time.Hour)})
			named := func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} }
			c := w.config(append([]func(*Config){named}, test.config...)...)
			young := c
			young.MinAge = 0
			r := w.begin(young)
			r.turn.Config = c
			if test.asked {
				r.turn.State.Asked = first
			}
			w.clock.Advance(test.after)
			newer := test.newer
			if newer.Name == "" {
				newer.Name = "golden-2"
			}
			if newer.Created.IsZero() {
				newer.Created = w.clock.Now().Add(-time.Minute)
			}
			id := w.ec2.AddImage(newer)
			if test.tried != "" {
				r.turn.Tried = map[string]automation.Trial{id: {Run: "run-0", Outcome: test.tried, Ended: t0}}
			}
			err := r.once(superseded)
			if !test.want {
				r.must(err)
				return
			}
			r.is(err, failure.Stop, "superseded: "+id+" of ")
		})
	}
}

// TestSupersededByTheSecond: of two newer images, the newest of which is for another
// architecture.
func TestSupersededByTheSecond(t *testing.T) {
	w := newWorld(t)
	arm := w.armed()
	w.policy(at(w.template, "1"), at(arm, "1"))
	c := w.config(func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} })
	w.ec2.AddImage(simec2.Image{Name: "golden-1", Created: w.clock.Now()})
	r := w.begin(c)
	w.clock.Advance(lookEvery)
	second := w.ec2.AddImage(simec2.Image{Name: "golden-2", Created: w.clock.Now().Add(-2 * time.Minute)})
	w.ec2.AddImage(simec2.Image{Name: "golden-3", Architecture: "arm64", Created: w.clock.Now().Add(-time.Minute)})
	r.is(r.once(superseded), failure.Stop, "superseded: "+second+" of ")
}

// TestTheLastLook: before the version is made, at once; then nobody looks any more.
func TestTheLastLook(t *testing.T) {
	r := golden(t, stepTemplate)
	r.clock.Advance(time.Second)
	newer := r.ec2.AddImage(simec2.Image{Name: "golden-99", Created: r.clock.Now()})
	r.is(r.do(stepTemplate), failure.Stop, "superseded: "+newer+" of ")
	if n := r.calls(opVersion); n != 0 {
		t.Error("a version was made all the same")
	}

	r = golden(t, stepMove)
	r.ec2.AddImage(simec2.Image{Name: "golden-99", Created: r.clock.Now()})
	r.clock.Advance(time.Hour)
	r.must(r.do(stepMove))
	r.must(r.do(stepConfirm))
}

// TestARolloutIsRemembered: before it changes anything, which image it tries, and what
// it will lower.
func TestARolloutIsRemembered(t *testing.T) {
	w := newWorld(t)
	image := w.backUp()
	r := w.begin(w.config(lowered))
	r.must(r.do(stepApprove))
	for _, name := range []string{image, "max size 4 lowered to 2"} {
		if !r.turn.Trying[name] {
			t.Errorf("nobody will know of %q: %v", name, r.turn.Trying)
		}
	}
	if len(r.turn.Trying) != 2 {
		t.Errorf("it tries %v", r.turn.Trying)
	}
}
