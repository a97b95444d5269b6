package ec2

// What a launch template version holds. It is kept and shown as it was given;
// only RunInstances looks at it, see fromTemplate.

import (
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// templateData is source with the members that are given replaced, each as a
// whole (doc of ec2 CreateLaunchTemplateVersionInput.SourceVersion; that members
// within a member are not merged is unverified).
func templateData(m *awssim.Moment, source types.ResponseLaunchTemplateData, given *types.RequestLaunchTemplateData) (types.ResponseLaunchTemplateData, error) {
	if given == nil {
		return source, nil
	}
	var asked types.ResponseLaunchTemplateData
	if lost := transfer(reflect.ValueOf(&asked).Elem(), reflect.ValueOf(*given)); lost != "" {
		return source, m.NotModelled("parameter %q", "LaunchTemplateData."+lost)
	}
	to, from := reflect.ValueOf(&source).Elem(), reflect.ValueOf(asked)
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() && !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return source, nil
}

func copyData(data types.ResponseLaunchTemplateData) *types.ResponseLaunchTemplateData {
	c := new(types.ResponseLaunchTemplateData)
	transfer(reflect.ValueOf(c).Elem(), reflect.ValueOf(data))
	return c
}

// withoutSnapshots is the data that a new version inherits: snapshots in its
// block devices are not inherited (doc of ec2
// CreateLaunchTemplateVersionInput.SourceVersion).
func withoutSnapshots(data types.ResponseLaunchTemplateData) types.ResponseLaunchTemplateData {
	c := *copyData(data)
	for _, device := range c.BlockDeviceMappings {
		if device.Ebs != nil {
			device.Ebs.SnapshotId = nil
		}
	}
	return c
}

// transfer copies from to to, deeply, member by member of the same name: a request
// and its answer have different types for the same data. It returns the path of
// the first member that to cannot take, or "".
func transfer(to, from reflect.Value) string {
	if from.IsZero() {
		return ""
	}
	switch from.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return transfer(to.Elem(), from.Elem())
	case reflect.Slice:
		if from.Len() == 0 {
			return ""
		}
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			if lost := transfer(to.Index(i), from.Index(i)); lost != "" {
				return lost
			}
		}
		return ""
	case reflect.Struct:
		if from.Type() == reflect.TypeFor[time.Time]() {
			to.Set(from)
			return ""
		}
		return transferMembers(to, from)
	default:
		to.Set(from.Convert(to.Type()))
		return ""
	}
}

func transferMembers(to, from reflect.Value) string {
	for i := range from.NumField() {
		field, value := from.Type().Field(i), from.Field(i)
		if !field.IsExported() || value.IsZero() {
			continue
		}
		target := to.FieldByName(field.Name)
		if !target.IsValid() || target.Kind() != value.Kind() {
			return field.Name
		}
		if lost := transfer(target, value); lost != "" {
			return field.Name + "." + lost
		}
	}
	return ""
}
