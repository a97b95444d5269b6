package imagerollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/droverhq/drover/internal/automation/version"
)

// The steps and calls that a plan consists of, and how it names what they set.
// They are spelled out here because a decision knows no AWS; a test holds them
// against what the audit derives from the calls themselves.
const (
	stepApprove  = "approve"
	stepHold     = "hold"
	stepLaunch   = "launch"
	stepBoot     = "boot"
	stepPrepare  = "prepare"
	stepImage    = "create-image"
	stepReady    = "await-image"
	stepTry      = "try"
	stepVerify   = "verify"
	stepPin      = "pin"
	stepTemplate = "create-version"
	stepLetGo    = "let-go"
	stepMove     = "move"
	stepRefresh  = "refresh"
	stepConfirm  = "confirm"
	stepPrune    = "prune"
	stepCleanUp  = "clean-up"

	opSuspend   = "autoscaling:SuspendProcesses"
	opResume    = "autoscaling:ResumeProcesses"
	opUpdate    = "autoscaling:UpdateAutoScalingGroup"
	opRefresh   = "autoscaling:StartInstanceRefresh"
	opRun       = "ec2:RunInstances"
	opStop      = "ec2:StopInstances"
	opTerminate = "ec2:TerminateInstances"
	opModify    = "ec2:ModifyInstanceAttribute"
	opImage     = "ec2:CreateImage"
	opVersion   = "ec2:CreateLaunchTemplateVersion"
	opDefault   = "ec2:ModifyLaunchTemplate"
	opSend      = "ssm:SendCommand"
	opRecovery  = "backup:DeleteRecoveryPoint"

	valueBuilder  = "builder"
	valueImage    = "image"
	valueInstance = "instance"
	valueNumber   = "number"

	newBuilder  = "${" + stepLaunch + "." + valueBuilder + "}"
	newImage    = "${" + stepImage + "." + valueImage + "}"
	newInstance = "${" + stepTry + "." + valueInstance + "}"
	newNumber   = "${" + stepTemplate + "." + valueNumber + "}"

	launched   = "launched"
	stopped    = "stopped"
	terminated = "terminated"
	volumesGo  = "volumes deleted with it"
	deleted    = "deleted"
	// isSuspended and isResumed follow the processes that a change is about.
	isSuspended = " suspended"
	isResumed   = " resumed"
	maxSize     = "max size "
)

// processes are those by which a group grows by itself.
var processes = []string{"AlarmNotification", "ScheduledActions"}

// rollOut plans for an image to be rolled out to a template of the group.
func (d *decision) rollOut(i Image, target Template) {
	c, s := d.config, d.state
	why := fmt.Sprintf("%s of %s is the newest to be rolled out of %s", i.ID, moment(i.Created), d.chooser())
	switch {
	case s.Asked == i.ID:
		why = i.ID + " was asked for"
	case c.Pin == i.ID:
		why = "the fleet file pins the group to " + i.ID
	}
	if c.Approval > 0 {
		d.note("nothing is done before somebody approves it, within %s", c.Approval)
	}
	first := func(rest string) string { // only the first change says why the image
		defer func() { why = "" }()
		if why == "" {
			return rest
		}
		return strings.TrimSuffix(why+"; "+rest, "; ")
	}
	release := d.hold(first)
	golden := i.ID
	if b := c.Builder; b != nil {
		golden = newImage
		d.change(stepLaunch, opRun, i.ID, "", launched, first("a builder is launched from it, and terminated in the end"))
		for _, doc := range b.Prepare {
			d.change(stepPrepare, opSend, newBuilder, "", doc.Name, "the builder is prepared")
		}
		if !b.stopsItself() {
			d.change(stepPrepare, opStop, newBuilder, "", stopped, "its image is to be of a machine at rest")
		}
		d.change(stepImage, opImage, newBuilder, "", d.name(i), "what was prepared is the new image")
	}
	d.try()
	d.move(i, target, golden, first, release)
	d.prune(target)
	if i.isBackup() && c.Recovery == RecoveryKeep {
		d.note("%s stays: it belongs to AWS Backup, and goes with its recovery point", i.ID)
	}
	if c.Recovery == RecoveryDelete && i.isBackup() {
		d.change(stepCleanUp, opRecovery, "recovery point of "+i.ID, "", deleted, "the fleet file has recovery points deleted once their image is rolled out")
	}
}

// hold plans for the group not to grow meanwhile, and returns how that ends.
func (d *decision) hold(why func(string) string) (release func()) {
	g := d.state.Group
	const reason = "until the group has the new image, it is not to grow by itself"
	const over = "the new image is made, and the group may grow again"
	switch d.config.Hold {
	case HoldProcesses:
		var missing []string
		for _, p := range processes {
			if !slices.Contains(g.Suspended, p) {
				missing = append(missing, p)
			}
		}
		if list := strings.Join(missing, ", "); list != "" {
			d.change(stepHold, opSuspend, g.Name, "", list+isSuspended, why(reason))
			return func() { d.change(stepLetGo, opResume, g.Name, "", list+isResumed, over) }
		}
	case HoldMaxSize:
		// Never below what runs: lowering the maximum terminates what is above it.
		original, lowered := cmp.Or(g.Original, g.Max), g.least()
		if lowered < original {
			d.change(stepHold, opUpdate, g.Name, maxSize+strconv.Itoa(original), maxSize+strconv.Itoa(lowered), why(reason))
			return func() {
				d.change(stepLetGo, opUpdate, g.Name, maxSize+strconv.Itoa(lowered), maxSize+strconv.Itoa(original), over)
			}
		}
	case HoldNone:
	}
	return func() {}
}

// try plans for the new image to be tried.
func (d *decision) try() {
	t := d.config.Try
	if t == nil {
		return
	}
	d.change(stepTry, opRun, newImage, "", launched, "the new image is tried on an instance, which is terminated in the end")
	if t.Verify != nil {
		d.change(stepVerify, opSend, newInstance, "", t.Verify.Name, "the new image is to pass it before anything points at it")
	}
}

// move plans for the template to get the image, and the group the version.
func (d *decision) move(i Image, target Template, golden string, why func(string) string, release func()) {
	g, r := d.state.Group, d.config.Refresh
	here, there := d.launches(target, strconv.FormatInt(target.Number, 10)), d.launches(target, newNumber)
	if r != nil && target.floats() {
		d.change(stepPin, opUpdate, g.Name, d.launches(target, target.Version), here, "AWS can roll a refresh back to a number alone")
	}
	d.change(stepTemplate, opVersion, target.ID, cmp.Or(target.Current.ID, "no image"), golden, why(fmt.Sprintf("it is made from version %d", target.Number)))
	release()
	if d.config.Builder != nil {
		d.terminate(i, newBuilder)
	}
	if d.config.Try != nil {
		d.terminate(i, newInstance)
	}
	switch {
	case r != nil:
		d.change(stepRefresh, opRefresh, g.Name, here, there, "its instances are replaced by such with the new image")
		d.blocked()
		return
	case target.Version == versionDefault:
		d.change(stepMove, opDefault, target.ID+" default", version.Named(target.Default), "version "+newNumber, g.Name+" launches from the default version")
	case target.Version == versionLatest:
		d.note("%s launches from $Latest: it has the image as soon as the version is made", g.Name)
	default:
		d.change(stepMove, opUpdate, g.Name, here, there, "what it launches from now on has the new image")
	}
	if g.Running > 0 {
		d.note("the instances that run in %s stay as they are: the fleet file has no refresh", g.Name)
	}
}

// terminate plans for a machine to go, with all its volumes: those that the image says
// are to stay too.
func (d *decision) terminate(i Image, machine string) {
	if i.Stays {
		d.change(stepLetGo, opModify, machine, "", volumesGo, "its image has volumes that would stay behind")
	}
	d.change(stepLetGo, opTerminate, machine, "", terminated, "it has done its work")
}

// blocked tells of instances that a refresh does not replace as it does others.
func (d *decision) blocked() {
	r, g := d.config.Refresh, d.state.Group
	say := func(instances []string, are string, what Blocked, option string) {
		if len(instances) == 0 {
			return
		}
		then := map[Blocked]string{
			BlockedWait:   "the refresh waits an hour for that to change, and then fails",
			BlockedIgnore: "the refresh leaves them as they are", BlockedRefresh: "the refresh replaces them all the same", BlockedTerminate: "the refresh terminates them",
		}[what]
		d.note("%s %s: %s (%s: %s)", strings.Join(instances, " and "), are, then, option, what)
	}
	say(g.Protected, "of "+g.Name+" protected from scale-in", r.Protected, "refresh.protected")
	say(g.Standby, "of "+g.Name+" in standby", r.Standby, "refresh.standby")
}

// launches names what the group launches from once one of its templates is at a
// version.
func (d *decision) launches(target Template, number string) string {
	var all []string
	for _, t := range d.state.Templates {
		at := t.Version
		if t.ID == target.ID {
			at = number
		}
		all = append(all, "version "+at+" of "+t.ID)
	}
	return strings.Join(all, ", ")
}

// prune plans for old versions to go. The one that is about to be made counts as the
// newest; the one that the group launches from now is kept for the way back.
func (d *decision) prune(t Template) {
	old, _ := version.Surplus(t.Numbers, d.config.Keep-1, t.Uses, t.Number, t.Default)
	d.plan.Changes = append(d.plan.Changes, version.Deletions(stepPrune, t.ID, old, d.config.Keep)...)
}
