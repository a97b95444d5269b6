package imagerollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/failure"
)

// deploys is a rollout of which the builder gets one document, and no refresh.
func deploys(edit ...func(*Document)) func(*Config) {
	return func(c *Config) {
		d := Document{Name: "Deploy"}
		for _, e := range edit {
			e(&d)
		}
		c.Builder.Prepare = []Document{d}
	}
}

// preparing is a rollout whose builder is about to be prepared.
func preparing(t *testing.T, edit ...func(*Config)) *rollout {
	t.Helper()
	w := newWorld(t)
	w.backUp()
	return w.begin(w.config(edit...)).upTo(stepPrepare)
}

// sent are the documents that were sent, in order.
func (w *world) sent() string {
	var names []string
	for _, c := range w.ssm.Commands() {
		names = append(names, *c.DocumentName)
	}
	return strings.Join(names, ", ")
}

func TestDocumentsAreSentOneAfterTheOther(t *testing.T) {
	r := preparing(t)
	r.must(r.do(stepPrepare))
	if got := r.sent(); got != "Deploy, AWSEC2-RunSysprep" {
		t.Errorf("sent: %s", got)
	}
	first := r.ssm.Invocations()[0]
	if second := r.ssm.Commands()[1]; second.RequestedDateTime.Before(first.RequestedDateTime.Add(3 * time.Minute)) {
		t.Error("the second was sent before the first had ended")
	}
	if got := r.ssm.Commands()[0].Parameters["commands"]; len(got) != 1 || got[0] != "deploy.ps1" {
		t.Errorf("parameters %q", got)
	}
	if got := r.builder().State.Name; got != types.InstanceStateNameStopped {
		t.Errorf("the builder is %s", got)
	}
	if n := r.calls(opStop); n != 0 {
		t.Error("a builder was stopped that stops itself")
	}
}

// TestABuilderIsStopped: if its last document does not stop it, and also without any.
func TestABuilderIsStopped(t *testing.T) {
	for _, edit := range []func(*Config){deploys(), func(c *Config) { c.Builder.Prepare = nil }} {
		r := preparing(t, edit)
		r.must(r.do(stepPrepare))
		if got := r.builder().State.Name; got != types.InstanceStateNameStopped {
			t.Errorf("the builder is %s", got)
		}
	}
}

// TestADocumentIsSentOnce: whatever becomes of the attempt that sent it.
func TestADocumentIsSentOnce(t *testing.T) {
	t.Run("the answer is lost", func(t *testing.T) {
		r := preparing(t, deploys())
		r.lose(opSend, 1)
		err := r.do(stepPrepare)
		r.is(err, failure.Retry, "run Deploy on ")
		r.turn.Attempt++
		r.must(r.resume(time.Minute, prepare))
		if got := r.sent(); got != "Deploy" {
			t.Errorf("sent: %s", got)
		}
	})
	t.Run("the attempt dies, and what it knew with it", func(t *testing.T) {
		r := preparing(t, deploys())
		before := r.turn.State
		before.Commands = append([]Command(nil), before.Commands...)
		r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
		for r.calls(opSend) == 0 {
			if err := r.once(prepare); failure.ClassOf(err) != failure.Wait {
				t.Fatal(err)
			}
			r.clock.Advance(time.Minute)
		}
		r.turn.State = before
		r.turn.Attempt++
		r.must(r.resume(time.Minute, prepare))
		if got := r.sent(); got != "Deploy" {
			t.Errorf("sent: %s", got)
		}
	})
	t.Run("it arrives late", func(t *testing.T) {
		r := preparing(t, deploys())
		late := true
		r.sim.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation != opSend || !late {
				return awssim.Fault{}
			}
			late = false
			return awssim.FailLate(30*time.Second, broken())
		})
		err := r.do(stepPrepare)
		r.is(err, failure.Retry, "run Deploy on ")
		r.turn.Attempt++
		r.must(r.resume(time.Second, prepare))
		if got := r.sent(); got != "Deploy" {
			t.Errorf("sent: %s", got)
		}
	})
	t.Run("it never arrived", func(t *testing.T) {
		r := preparing(t, deploys())
		fails := true
		r.sim.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation != opSend || !fails {
				return awssim.Fault{}
			}
			fails = false
			return awssim.FailBefore(broken())
		})
		err := r.do(stepPrepare)
		r.is(err, failure.Retry, "run Deploy on ")
		r.turn.Attempt++
		r.is(r.once(prepare), failure.Wait, "certainty that Deploy was not sent to ")
		doubted := r.clock.Now()
		r.must(r.resume(time.Second, prepare))
		if got := r.ssm.Commands(); len(got) != 1 || got[0].RequestedDateTime.Before(doubted.Add(settling)) {
			t.Errorf("sent: %s, while it was in doubt", r.sent())
		}
	})
	t.Run("it was refused for now", func(t *testing.T) {
		r := preparing(t, deploys())
		refused := 0
		r.sim.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation != opSend || refused > 0 {
				return awssim.Fault{}
			}
			refused++
			return awssim.FailBefore(awssim.Fail(400, "InvalidInstanceId", "Instances not in a valid state"))
		})
		err := r.do(stepPrepare)
		r.is(err, failure.Retry, "run Deploy on ")
		r.turn.Attempt++
		began := r.clock.Now()
		r.is(r.once(prepare), failure.Wait, "Deploy to succeed, on ") // nothing is in doubt
		if got := r.sent(); got != "Deploy" || r.clock.Now() != began {
			t.Errorf("sent: %s", got)
		}
	})
}

// TestVerifyingIsSentOnce: though the attempt dies that sent it, and what it knew with it.
func TestVerifyingIsSentOnce(t *testing.T) {
	r := preparing(t, deploys(), tested).upTo(stepVerify)
	before := r.turn.State
	before.Commands = slices.Clone(before.Commands)
	r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
	for r.sent() != "Deploy, Smoke" {
		if err := r.once(verify); failure.ClassOf(err) != failure.Wait {
			t.Fatal(err)
		}
		r.clock.Advance(time.Minute)
	}
	r.turn.State = before
	r.turn.Attempt++
	r.must(r.resume(time.Minute, verify))
	if got := r.sent(); got != "Deploy, Smoke" {
		t.Errorf("sent: %s", got)
	}
}

func TestAnAgentIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.backUp()
	r := w.begin(w.config(deploys())).upTo(stepBoot)
	r.ssm.SetAgent(r.turn.Values["launch.builder"], false)
	r.must(r.do(stepBoot))
	r.clock.Advance(10 * time.Minute) // it is missed
	began := r.clock.Now()
	r.turn.Attempt, r.turn.Since = 1, began
	r.is(r.once(prepare), failure.Wait, "to come online")
	r.clock.Advance(5 * time.Minute)
	r.ssm.SetAgent(r.turn.Values["launch.builder"], true)
	r.must(r.resume(time.Minute, prepare))
	if got := r.sent(); got != "Deploy" {
		t.Errorf("sent: %s", got)
	}
}

func TestAnAgentNeverComesOnline(t *testing.T) {
	w := newWorld(t)
	w.backUp()
	r := w.begin(w.config(deploys())).upTo(stepBoot)
	r.ssm.SetAgent(r.turn.Values["launch.builder"], false)
	r.must(r.do(stepBoot))
	r.clock.Advance(10 * time.Minute)
	began := r.clock.Now()
	err := r.do(stepPrepare)
	r.is(err, failure.Stop, "has not come online within 20m")
	if hints := failure.Hints(err); len(hints) == 0 || !strings.Contains(hints[0], "instance profile builder") {
		t.Errorf("hints %q", hints)
	}
	if lasted := r.clock.Now().Sub(began); lasted < agentLimit || lasted > agentLimit+mostPoll {
		t.Errorf("given up after %s", lasted)
	}
	if n := r.calls(opSend); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
}

// TestHowDocumentsEnd is what becomes of a builder whose document behaves like this.
func TestHowDocumentsEnd(t *testing.T) {
	stopped := func(d *Document) { d.Ends = EndsStopped }
	limited := func(d *Document) { d.Limit = automation.Duration(10 * time.Minute) }
	brief := func(d *Document) { d.Parameters = map[string][]string{"executionTimeout": {"120"}} }
	for _, test := range []struct {
		name      string
		behaviour simssm.Behaviour
		document  func(*Document)
		want      string // what the error says; empty: there is none
	}{
		{"success", simssm.Behaviour{Takes: time.Minute}, nil, ""},
		{"failure", simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Output: "deploying", Error: "no such package\n"}, nil, " is Failed: no such package"},
		{"failure, told on standard output", simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Output: "it did not work"}, nil, " is Failed: it did not work"},
		{"silent failure", simssm.Behaviour{Takes: time.Minute, ExitCode: 1}, nil, " is Failed: it has said nothing"},
		{"failure of much to say", simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Error: strings.Repeat("é", 1000) + " the end"}, nil, " is Failed: …éé"},
		{"failure where it was to stop", simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Error: "sysprep: access denied"}, stopped, " is Failed: sysprep: access denied"},
		{"stopped", simssm.Behaviour{End: simssm.ShutsDown, Takes: time.Minute}, stopped, ""},
		{"stopped, having told", simssm.Behaviour{End: simssm.ReportsThenShutsDown, Takes: time.Minute, Lingers: 5 * time.Minute}, stopped, ""},
		{"stopped when it should not", simssm.Behaviour{End: simssm.ShutsDown, Takes: time.Minute}, nil, " is stopped, while Deploy ran on it: it is InProgress"},
		{"it hangs", simssm.Behaviour{End: simssm.Hangs}, limited, " has not ended within 10m: it is InProgress"},
		{"it succeeds, and does not stop", simssm.Behaviour{Takes: time.Minute}, func(d *Document) { stopped(d); limited(d) }, " has not ended within 10m: it is Success"},
		{"it times out", simssm.Behaviour{End: simssm.Hangs}, brief, " is ExecutionTimedOut"},
		{"it is not delivered", simssm.Behaviour{End: simssm.NeverDelivered}, brief, " is DeliveryTimedOut"},
	} {
		t.Run(test.name, func(t *testing.T) {
			edit := test.document
			if edit == nil {
				edit = func(*Document) {}
			}
			r := preparing(t, deploys(edit))
			r.ssm.Behave("Deploy", test.behaviour)
			err := r.do(stepPrepare)
			if test.want == "" {
				r.must(err)
				if got := r.builder().State.Name; got != types.InstanceStateNameStopped {
					t.Errorf("the builder is %s", got)
				}
				return
			}
			r.is(err, failure.Stop, test.want)
			if len(err.Error()) > 1200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestABuilderGoes: somebody terminates it, while a document runs on it.
func TestABuilderGoes(t *testing.T) {
	r := preparing(t, deploys())
	r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
	r.is(r.once(prepare), failure.Wait, "Deploy to succeed")
	_, err := r.aws.EC2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{aws.ToString(r.builder().InstanceId)}})
	r.must(err)
	r.clock.Advance(time.Minute)
	r.is(r.resume(time.Minute, prepare), failure.Stop, "somebody else has terminated it")
}
