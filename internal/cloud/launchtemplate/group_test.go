package launchtemplate

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fill gives every field of a type a value, lists two elements: also the fields
// that a later version of the SDK may bring.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprint(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		panic("fill: " + v.Type().String())
	}
}

func full() *types.MixedInstancesPolicy {
	var p types.MixedInstancesPolicy
	n := 0
	fill(reflect.ValueOf(&p).Elem(), &n)
	p.InstancesDistribution.DistributionSegments = nil
	return &p
}

var internals = cmpopts.IgnoreUnexported(
	types.MixedInstancesPolicy{}, types.LaunchTemplate{}, types.LaunchTemplateSpecification{}, types.LaunchTemplateOverrides{},
	types.InstancesDistribution{}, types.DistributionSegment{}, types.InstanceRequirements{}, types.AcceleratorCountRequest{},
	types.AcceleratorTotalMemoryMiBRequest{}, types.BaselineEbsBandwidthMbpsRequest{}, types.BaselinePerformanceFactorsRequest{},
	types.CpuPerformanceFactorRequest{}, types.PerformanceFactorReferenceRequest{}, types.MemoryGiBPerVCpuRequest{},
	types.MemoryMiBRequest{}, types.NetworkBandwidthGbpsRequest{}, types.NetworkInterfaceCountRequest{},
	types.TotalLocalStorageGBRequest{}, types.VCpuCountRequest{},
)

// TestAPolicyIsKept: of everything that a policy can hold, only the version is
// another, and templates are named once.
func TestAPolicyIsKept(t *testing.T) {
	was := full()
	in := Update(types.AutoScalingGroup{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: was, LaunchTemplate: &types.LaunchTemplateSpecification{}}, "$Latest")
	if diff := cmp.Diff(full(), was, internals); diff != "" {
		t.Errorf("what was read was changed:\n%s", diff)
	}
	want := full()
	want.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("$Latest")
	want.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName = nil
	for i := range want.LaunchTemplate.Overrides {
		want.LaunchTemplate.Overrides[i].LaunchTemplateSpecification.LaunchTemplateName = nil
	}
	if diff := cmp.Diff(want, in.MixedInstancesPolicy, internals); diff != "" {
		t.Error(diff)
	}
	if in.LaunchTemplate != nil {
		t.Error("the template was given beside the policy")
	}
}

// TestSegmentsAreKept: a request that gives On-Demand capacity takes them away.
func TestSegmentsAreKept(t *testing.T) {
	was := full()
	was.InstancesDistribution.DistributionSegments = []types.DistributionSegment{{}}
	got := Update(types.AutoScalingGroup{MixedInstancesPolicy: was}, "1").MixedInstancesPolicy.InstancesDistribution
	want := *was.InstancesDistribution
	want.OnDemandBaseCapacity, want.OnDemandPercentageAboveBaseCapacity = nil, nil
	if diff := cmp.Diff(&want, got, internals); diff != "" || was.InstancesDistribution.OnDemandBaseCapacity == nil {
		t.Error(diff)
	}
}

func TestUpdateNamesATemplateOnce(t *testing.T) {
	for _, test := range []struct{ id, name, wantID, wantName string }{
		{"lt-1", "one", "lt-1", ""},
		{"lt-1", "", "lt-1", ""},
		{"", "one", "", "one"},
	} {
		spec := &types.LaunchTemplateSpecification{Version: aws.String("1")}
		if test.id != "" {
			spec.LaunchTemplateId = aws.String(test.id)
		}
		if test.name != "" {
			spec.LaunchTemplateName = aws.String(test.name)
		}
		in := Update(types.AutoScalingGroup{AutoScalingGroupName: aws.String("web"), LaunchTemplate: spec}, "7")
		got := in.LaunchTemplate
		if aws.ToString(got.LaunchTemplateId) != test.wantID || aws.ToString(got.LaunchTemplateName) != test.wantName || *got.Version != "7" {
			t.Errorf("%q, %q: got %q, %q, %q", test.id, test.name, aws.ToString(got.LaunchTemplateId), aws.ToString(got.LaunchTemplateName), *got.Version)
		}
		if in.MixedInstancesPolicy != nil || *spec.Version != "1" {
			t.Error("more was changed")
		}
	}
}

// TestUpdateTemplate: one template moves wherever a group names it, in overrides too, and
// what was read stays as it was.
func TestUpdateTemplate(t *testing.T) {
	spec := func(id, version string) *types.LaunchTemplateSpecification {
		return &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String(id), LaunchTemplateName: aws.String("name of " + id), Version: aws.String(version)}
	}
	group := func() types.AutoScalingGroup {
		return types.AutoScalingGroup{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: &types.MixedInstancesPolicy{
			LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: spec("lt-1", "3"), Overrides: []types.LaunchTemplateOverrides{
				{InstanceType: aws.String("m5.large")},
				{InstanceType: aws.String("m6g.large"), LaunchTemplateSpecification: spec("lt-2", "7")},
				{InstanceType: aws.String("m5.xlarge"), LaunchTemplateSpecification: spec("lt-1", "3")},
			}},
			InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(1)},
		}}
	}
	named := func(in *autoscaling.UpdateAutoScalingGroupInput) (all []string) {
		for _, s := range Specs(types.AutoScalingGroup{LaunchTemplate: in.LaunchTemplate, MixedInstancesPolicy: in.MixedInstancesPolicy}) {
			if s.LaunchTemplateName != nil {
				t.Errorf("%s is named twice", *s.LaunchTemplateId)
			}
			all = append(all, *s.LaunchTemplateId+" "+*s.Version)
		}
		return all
	}
	for _, test := range []struct {
		template string
		want     []string
	}{
		{"lt-1", []string{"lt-1 9", "lt-2 7", "lt-1 9"}},
		{"lt-2", []string{"lt-1 3", "lt-2 9", "lt-1 3"}},
		{"lt-3", []string{"lt-1 3", "lt-2 7", "lt-1 3"}},
	} {
		was := group()
		in := UpdateTemplate(was, test.template, "9")
		if diff := cmp.Diff(test.want, named(in)); diff != "" {
			t.Errorf("%s:\n%s", test.template, diff)
		}
		if diff := cmp.Diff(group().MixedInstancesPolicy, was.MixedInstancesPolicy, internals); diff != "" {
			t.Errorf("what was read was changed:\n%s", diff)
		}
		p := in.MixedInstancesPolicy
		if in.LaunchTemplate != nil || *in.AutoScalingGroupName != "web" || *p.InstancesDistribution.OnDemandBaseCapacity != 1 || *p.LaunchTemplate.Overrides[0].InstanceType != "m5.large" {
			t.Errorf("%+v", in)
		}
	}
	single := types.AutoScalingGroup{AutoScalingGroupName: aws.String("web"), LaunchTemplate: spec("lt-1", "$Latest")}
	if diff := cmp.Diff([]string{"lt-1 9"}, named(UpdateTemplate(single, "lt-1", "9"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"lt-1 $Latest"}, named(UpdateTemplate(single, "lt-2", "9"))); diff != "" {
		t.Error(diff)
	}
}
