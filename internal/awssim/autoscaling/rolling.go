package autoscaling

// The life of an instance refresh: it ends instances, and the group launches others
// in their place. What a percentage amounts to, when something counts as progress and
// the texts of reasons are unverified unless it says otherwise.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/event"
)

// run is how far a refresh has come.
type run struct {
	id         string   // of the refresh; empty if none is active
	todo       []string // the instances that are to be replaced
	back       bool     // rolling back
	waits      bool     // being cancelled, for instances that come and go
	left       int      // of todo, as it was last
	checkpoint int      // how many were reached
	paused     time.Time
	progressed time.Time
	baked      time.Time
}

// round marks the instances that a refresh launches, and those that its rollback does.
func (r run) round() string {
	if r.back {
		return r.id + " back"
	}
	return r.id
}

// target is what the group launches from now. While a refresh with a desired
// configuration is under way that is the desired one, for whatever reason something
// is launched (unverified).
func (t *tending) target() source {
	g := t.group
	if n, _ := g.running(types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusBaking); n >= 0 && g.run.id != "" {
		if d := g.refreshes[n].DesiredConfiguration; d != nil {
			return source{template: d.LaunchTemplate, policy: d.MixedInstancesPolicy}
		}
	}
	return source{template: g.LaunchTemplate, policy: g.MixedInstancesPolicy}
}

// refresh takes the active refresh one step further.
func (t *tending) refresh() {
	g := t.group
	n := slices.IndexFunc(g.refreshes, func(r types.InstanceRefresh) bool { return *r.InstanceRefreshId == g.run.id })
	if n < 0 || g.suspended("InstanceRefresh") {
		return
	}
	r := &g.refreshes[n]
	if r.Status == types.InstanceRefreshStatusPending {
		if !t.due(r.StartTime.Add(t.options.Times.Begin)) {
			return
		}
		t.begin(r)
	}
	switch r.Status {
	case types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusBaking:
		if a := r.Preferences.AlarmSpecification; a != nil {
			for _, name := range a.Alarms {
				if t.alarms[name] {
					t.fail(r, "The CloudWatch alarm "+name+" is in the ALARM state.")
					return
				}
			}
		}
		if r.Status == types.InstanceRefreshStatusInProgress {
			t.roll(r)
		} else if t.due(g.run.baked) {
			t.finish(r, types.InstanceRefreshStatusSuccessful, event.TypeRefreshSucceeded, "")
		}
	case types.InstanceRefreshStatusRollbackInProgress:
		t.roll(r)
	case types.InstanceRefreshStatusCancelling:
		now := t.survey(r)
		if g.run.waits && (now.fresh > 0 || now.missing > 0 || now.leaving > 0) && !t.due(t.deadline(now)) {
			return
		}
		t.finish(r, types.InstanceRefreshStatusCancelled, event.TypeRefreshCancelled, aws.ToString(r.StatusReason))
	default: // it has ended
	}
}

func (t *tending) begin(r *types.InstanceRefresh) {
	r.Status = types.InstanceRefreshStatusInProgress
	t.group.run.progressed = t.m.Now
	for _, i := range t.group.Instances {
		skipped := aws.ToBool(r.Preferences.SkipMatching) && t.matches(i)
		if i.LifecycleState != types.LifecycleStateTerminating && !skipped {
			t.group.run.todo = append(t.group.run.todo, *i.InstanceId)
		}
	}
	t.group.run.left = -1
	t.say(event.TypeRefreshStarted, 0, 0)
}

// matches says whether an instance is as it would be launched now: of the same
// template, version and type (doc of types.RefreshPreferences.SkipMatching).
func (t *tending) matches(i types.Instance) bool {
	spec, override := t.target().first()
	want, err := t.resolve(t.m, spec)
	if err != nil || *i.LaunchTemplate.LaunchTemplateId != want.ID || versionOf(i) != want.Number {
		return false
	}
	return override == nil || aws.ToString(override.InstanceType) == "" || *override.InstanceType == aws.ToString(i.InstanceType)
}

// survey is the group as a refresh sees it.
type survey struct {
	free    []int // to be replaced, those first that are of no use
	blocked string
	ready   int       // in service, healthy and warm
	fresh   int       // launched by this round and not ready
	missing int       // to be launched
	leaving int       // terminating
	warm    time.Time // when the last that is in service will be warm
	example string    // one that is not ready
}

func (t *tending) survey(r *types.InstanceRefresh) survey {
	g := t.group
	var now survey
	var useless []int
	for n, i := range g.Instances {
		own := g.members[*i.InstanceId]
		todo := slices.Contains(g.run.todo, *i.InstanceId)
		serves := i.LifecycleState == types.LifecycleStateInService && *i.HealthStatus == healthy
		switch {
		case i.LifecycleState == types.LifecycleStateTerminating:
			now.leaving++
			continue
		case own.round == g.run.round():
			warm := own.inService.Add(time.Duration(*r.Preferences.InstanceWarmup) * time.Second)
			if serves && !t.due(warm) {
				serves = false
				if warm.After(now.warm) {
					now.warm = warm
				}
			}
			if !serves && present(i) {
				now.fresh++
				now.example = *i.InstanceId
			}
		}
		if serves {
			now.ready++
		}
		if !todo {
			continue
		}
		switch free, why := t.free(r, i); {
		case free && serves:
			now.free = append(now.free, n)
		case free:
			useless = append(useless, n)
		case why != "":
			now.blocked = why
		}
	}
	now.free = append(useless, now.free...)
	if have, want := t.size(); have < want {
		now.missing = want - have
	}
	return now
}

// free says whether an instance may be replaced, or why the refresh waits for that; no
// reason is that it is ignored. Nothing is protected from a rollback (unverified). The
// text about a protected instance is that of another simulator (lib:70577708620).
func (t *tending) free(r *types.InstanceRefresh, i types.Instance) (free bool, why string) {
	p := r.Preferences
	switch {
	case t.group.run.back:
		return true, ""
	case i.LifecycleState == types.LifecycleStateStandby && p.StandbyInstances == types.StandbyInstancesIgnore:
		return false, ""
	case i.LifecycleState == types.LifecycleStateStandby && p.StandbyInstances == types.StandbyInstancesWait:
		return false, "Waiting for remaining instances to be available. For example: " + *i.InstanceId + " is in Standby."
	case aws.ToBool(i.ProtectedFromScaleIn) && p.ScaleInProtectedInstances == types.ScaleInProtectedInstancesIgnore:
		return false, ""
	case aws.ToBool(i.ProtectedFromScaleIn) && p.ScaleInProtectedInstances == types.ScaleInProtectedInstancesWait:
		return false, "Waiting for remaining instances to be available. For example: " + *i.InstanceId + " is protected. Remove instance scale-in protection to continue."
	}
	return true, ""
}

// share is rounded up: "rounded up to the nearest integer" was in the doc of
// MinHealthyPercentage once (api-evangelist/amazon-ec2-auto-scaling,
// ec2-auto-scaling-refresh-preferences-structure.json).
func share(of int, percent int32) int { return (of*int(percent) + 99) / 100 }

// roll replaces as many instances as it may at present.
func (t *tending) roll(r *types.InstanceRefresh) {
	g := t.group
	now := t.survey(r)
	waiting := len(now.free)
	if now.blocked != "" {
		waiting++
	}
	total := t.total(r)
	left := min(total, t.remaining(r)+now.fresh+now.missing)
	t.progress(r, left, total)

	// Until the next checkpoint, so many are replaced.
	limit, points := total, r.Preferences.CheckpointPercentages
	if !g.run.back && total > 0 && g.run.checkpoint < len(points) {
		limit = share(total, points[g.run.checkpoint])
		if total-left >= limit && now.fresh == 0 {
			g.run.checkpoint++
			t.say(event.TypeRefreshCheckpoint, points[g.run.checkpoint-1], aws.ToInt32(r.Preferences.CheckpointDelay))
			if g.run.checkpoint < len(points) {
				g.run.paused = t.m.Now.Add(time.Duration(*r.Preferences.CheckpointDelay) * time.Second)
			} else {
				t.done(r) // beyond the last checkpoint nothing is replaced (doc of CheckpointPercentages)
				return
			}
		}
	}
	if !t.due(g.run.paused) {
		r.StatusReason = aws.String(fmt.Sprintf("Waiting at the checkpoint of %d percent.", points[g.run.checkpoint-1]))
		return
	}
	if g.run.checkpoint < len(points) && !g.run.back {
		limit = share(total, points[g.run.checkpoint])
	}
	if left == 0 && waiting == 0 {
		t.done(r)
		return
	}

	room := limit - (total - t.remaining(r))
	ended := t.replace(r, now, room)
	r.StatusReason = nil
	switch {
	case len(now.free) == 0 && now.fresh == 0 && now.blocked != "":
		r.StatusReason = aws.String(now.blocked)
	case now.fresh > 0: // lib:9248525081
		r.StatusReason = aws.String("Waiting for remaining instances to be available. For example: " + now.example + " has insufficient data to evaluate its health with Amazon EC2.")
	}
	if ended {
		g.run.progressed = t.m.Now
	} else if t.due(t.deadline(now)) {
		t.fail(r, cmp.Or(aws.ToString(r.StatusReason), "The instance refresh made no progress."))
		return
	}
	t.due(t.deadline(now))
}

// replace ends instances, as many as leaves the group what it needs, and says whether
// there were any. If that would never be one, the wish for how many there may be at
// most decides (doc of types.RefreshPreferences.MaxHealthyPercentage): without it one
// goes while its replacement is launched, with it one is launched first.
func (t *tending) replace(r *types.InstanceRefresh, now survey, room int) (some bool) {
	g := t.group
	if g.suspended("Launch") || g.suspended("Terminate") {
		return false
	}
	desired := int(aws.ToInt32(g.DesiredCapacity))
	least, beyond := share(desired, *r.Preferences.MinHealthyPercentage), 0
	if most := r.Preferences.MaxHealthyPercentage; most != nil {
		if beyond = desired*int(*most)/100 - desired; beyond <= 0 && least >= desired {
			beyond = 1
		}
	}
	free := now.free[:max(min(len(now.free), room), 0)]
	for len(free) > 0 {
		i := g.Instances[free[0]]
		switch serves := i.LifecycleState == types.LifecycleStateInService && *i.HealthStatus == healthy; {
		case !serves:
		case now.ready > least, beyond == 0 && !some && now.fresh == 0 && now.missing == 0 && now.ready >= desired:
			now.ready--
		default:
			t.surge = min(beyond, len(free))
			return some
		}
		t.end(free[0], "an instance was taken out of service in response to an instance refresh.")
		some, free = true, free[1:]
	}
	return some
}

// remaining is how many instances are still to be replaced, but for those ignored.
func (t *tending) remaining(r *types.InstanceRefresh) int {
	n := 0
	for _, i := range t.group.Instances {
		if i.LifecycleState == types.LifecycleStateTerminating || !slices.Contains(t.group.run.todo, *i.InstanceId) {
			continue
		}
		if free, why := t.free(r, i); free || why != "" {
			n++
		}
	}
	return n
}

// total is how many instances are to be replaced in all, those ignored left out.
func (t *tending) total(r *types.InstanceRefresh) int {
	ignored := 0
	for _, i := range t.group.Instances {
		if slices.Contains(t.group.run.todo, *i.InstanceId) {
			if free, why := t.free(r, i); !free && why == "" && i.LifecycleState != types.LifecycleStateTerminating {
				ignored++
			}
		}
	}
	return len(t.group.run.todo) - ignored
}

// progress shows how far the refresh is. A rollback goes back down to zero (doc of
// types.InstanceRefresh.PercentageComplete).
func (t *tending) progress(r *types.InstanceRefresh, left, total int) {
	if left != t.group.run.left {
		t.group.run.left, t.group.run.progressed = left, t.m.Now
	}
	percent := 100
	if total > 0 {
		percent = (total - left) * 100 / total
	}
	if t.group.run.back {
		if total > 0 {
			percent = int(*r.RollbackDetails.PercentageCompleteOnRollback) * left / total
		} else {
			percent = 0
		}
	} else {
		r.InstancesToUpdate = aws.Int32(int32(left)) //nolint:gosec // there are few
	}
	r.PercentageComplete = aws.Int32(int32(percent)) //nolint:gosec // at most 100
}

// deadline is when a refresh gives up that gets no further.
func (t *tending) deadline(now survey) time.Time {
	since := t.group.run.progressed
	for _, other := range []time.Time{t.group.run.paused, now.warm} {
		if other.After(since) {
			since = other
		}
	}
	return since.Add(t.options.Times.Patience)
}

// done ends what has replaced all it was to replace.
func (t *tending) done(r *types.InstanceRefresh) {
	bake := time.Duration(aws.ToInt32(r.Preferences.BakeTime)) * time.Second
	switch {
	case t.group.run.back:
		t.finish(r, types.InstanceRefreshStatusRollbackSuccessful, event.TypeRefreshRollbackSucceeded, "")
	case bake > 0:
		r.Status, r.StatusReason = types.InstanceRefreshStatusBaking, nil
		t.group.run.baked = t.m.Now.Add(bake)
		t.say(event.TypeRefreshBaking, 0, 0)
		t.due(t.group.run.baked)
	default:
		t.finish(r, types.InstanceRefreshStatusSuccessful, event.TypeRefreshSucceeded, "")
	}
}

// fail ends what gets no further, or begins to undo it.
func (t *tending) fail(r *types.InstanceRefresh, reason string) {
	switch {
	case t.group.run.back:
		t.finish(r, types.InstanceRefreshStatusRollbackFailed, event.TypeRefreshRollbackFailed, reason)
	case aws.ToBool(r.Preferences.AutoRollback):
		t.rollBack(reason)
		t.next = t.m.Now
	default:
		t.finish(r, types.InstanceRefreshStatusFailed, event.TypeRefreshFailed, reason)
	}
}

// rollBack has the instances replaced again that were launched so far.
func (t *tending) rollBack(reason string) {
	g := t.group
	n := slices.IndexFunc(g.refreshes, func(r types.InstanceRefresh) bool { return *r.InstanceRefreshId == g.run.id })
	r := &g.refreshes[n]
	var todo []string
	for _, i := range g.Instances {
		if i.LifecycleState != types.LifecycleStateTerminating && g.members[*i.InstanceId].round == g.run.id {
			todo = append(todo, *i.InstanceId)
		}
	}
	r.Status, r.StatusReason = types.InstanceRefreshStatusRollbackInProgress, aws.String(reason)
	r.RollbackDetails = &types.RollbackDetails{
		RollbackReason: aws.String(reason), RollbackStartTime: aws.Time(t.m.Now),
		PercentageCompleteOnRollback: aws.Int32(aws.ToInt32(r.PercentageComplete)), InstancesToUpdateOnRollback: aws.Int32(aws.ToInt32(r.InstancesToUpdate)),
	}
	g.run = run{id: g.run.id, back: true, todo: todo, left: -1, progressed: t.m.Now}
	t.say(event.TypeRefreshRollbackStarted, 0, 0)
}

// finish ends a refresh. One that succeeded leaves the group with what it was for (doc
// of StartInstanceRefreshInput.DesiredConfiguration).
func (t *tending) finish(r *types.InstanceRefresh, as types.InstanceRefreshStatus, told, reason string) {
	r.Status, r.EndTime, r.StatusReason = as, aws.Time(t.m.Now), nil
	if reason != "" {
		r.StatusReason = aws.String(reason)
	}
	if d := r.DesiredConfiguration; d != nil && as == types.InstanceRefreshStatusSuccessful {
		t.group.LaunchTemplate, t.group.MixedInstancesPolicy = deep(d.LaunchTemplate), deep(d.MixedInstancesPolicy)
	}
	t.say(told, 0, 0)
	t.group.run, t.surge = run{}, 0
}

func (t *tending) say(what string, percentage, delay int32) {
	t.m.Emit(event.NewRefreshChange(t.m.Account(), t.m.Region(), event.RefreshChange{
		Type: what, ID: t.group.run.id, Group: t.group.name(), ARN: *t.group.AutoScalingGroupARN,
		Percentage: int(percentage), Delay: time.Duration(delay) * time.Second,
	}, t.m.Now.UTC().Truncate(time.Second)))
}
