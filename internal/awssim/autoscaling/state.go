package autoscaling

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

type (
	createInput  = autoscaling.CreateAutoScalingGroupInput
	createOutput = autoscaling.CreateAutoScalingGroupOutput
	updateInput  = autoscaling.UpdateAutoScalingGroupInput
	updateOutput = autoscaling.UpdateAutoScalingGroupOutput
	deleteInput  = autoscaling.DeleteAutoScalingGroupInput
	deleteOutput = autoscaling.DeleteAutoScalingGroupOutput
	tagsInput    = autoscaling.CreateOrUpdateTagsInput
	tagsOutput   = autoscaling.CreateOrUpdateTagsOutput

	suspendInput   = autoscaling.SuspendProcessesInput
	suspendOutput  = autoscaling.SuspendProcessesOutput
	resumeInput    = autoscaling.ResumeProcessesInput
	resumeOutput   = autoscaling.ResumeProcessesOutput
	protectInput   = autoscaling.SetInstanceProtectionInput
	protectOutput  = autoscaling.SetInstanceProtectionOutput
	standbyInput   = autoscaling.EnterStandbyInput
	standbyOutput  = autoscaling.EnterStandbyOutput
	returnInput    = autoscaling.ExitStandbyInput
	returnOutput   = autoscaling.ExitStandbyOutput
	startInput     = autoscaling.StartInstanceRefreshInput
	startOutput    = autoscaling.StartInstanceRefreshOutput
	cancelInput    = autoscaling.CancelInstanceRefreshInput
	cancelOutput   = autoscaling.CancelInstanceRefreshOutput
	rollbackInput  = autoscaling.RollbackInstanceRefreshInput
	rollbackOutput = autoscaling.RollbackInstanceRefreshOutput
)

// state is all there is: the groups in the order of their names. What a row
// holds is never changed, only replaced; what comes from a caller or goes to one
// is copied throughout.
type state struct {
	options Options
	groups  []*group
	alarms  map[string]bool // the names of those in ALARM
	unfit   map[string]bool // images of which no instance ever goes into service
}

func newState(o Options) *state {
	return &state{options: o, alarms: map[string]bool{}, unfit: map[string]bool{}}
}

// group is a group as it is shown, and its refreshes, newest first.
type group struct {
	types.AutoScalingGroup
	refreshes []types.InstanceRefresh

	staged   bool              // a scene has set its instances: nobody tends them
	members  map[string]member // what is not shown of its instances, by id
	failures int               // launches that failed since the last that did not
	retry    time.Time         // the next launch after such a failure
	wake     time.Time         // when it is tended next by itself
	run      run               // of the refresh that is active
}

func (g *group) name() string { return aws.ToString(g.AutoScalingGroupName) }

func (s *state) clone() *state {
	return &state{s.options, slices.Clone(s.groups), maps.Clone(s.alarms), maps.Clone(s.unfit)}
}

func (s *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *group, name string) int { return strings.Compare(g.name(), name) })
}

// get returns a group, of which the caller may replace members.
func (s *state) get(name string) (group, bool) {
	if i, found := s.find(name); found {
		return *s.groups[i], true
	}
	return group{}, false
}

// put adds a group or replaces the one of its name.
func (s *state) put(g group) {
	i, found := s.find(g.name())
	if found {
		s.groups[i] = &g
	} else {
		s.groups = slices.Insert(s.groups, i, &g)
	}
}

func (s *state) remove(name string) {
	if i, found := s.find(name); found {
		s.groups = slices.Delete(s.groups, i, i+1)
	}
}

// deep copies a value and everything it points to.
func deep[T any](v T) T {
	c := reflect.ValueOf(&v).Elem()
	isolate(c)
	return v
}

func isolate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(v.Type().Elem())
			c.Elem().Set(v.Elem())
			isolate(c.Elem())
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() {
			c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(c, v)
			for i := range c.Len() {
				isolate(c.Index(i))
			}
			v.Set(c)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				isolate(v.Field(i))
			}
		}
	default:
	}
}
