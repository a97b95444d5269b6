package ec2

// The request token buckets of facts/apis.md 1.1. Not modelled: that others in
// the account draw on them too.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/awssim"
)

// rate is a size and a refill per second.
type rate struct{ size, perSecond float64 }

var (
	reading  = rate{100, 20} // paginated or filtered
	bare     = rate{50, 10}  // of the heavier listings: neither
	mutating = rate{50, 5}

	special = map[string]rate{
		"RunInstances":                    {5, 2},
		"StartInstances":                  {5, 2},
		"CreateNetworkInterface":          {100, 5},
		"DeleteNetworkInterface":          {100, 5},
		"ModifyNetworkInterfaceAttribute": {100, 5},
		"TerminateInstances":              {100, 5},
		"CopyImage":                       {100, 1},
		"CreateLaunchTemplateVersion":     {100, 5},
		"DeregisterImage":                 {100, 5},
		"ModifyLaunchTemplate":            {100, 5},
		"CreateTags":                      {100, 10},
		"DeleteTags":                      {100, 10},
	}
	starting = rate{1000, 2}  // instances, of RunInstances and StartInstances each
	ending   = rate{1000, 20} // instances, of StopInstances and TerminateInstances each
)

// limits are the buckets that a call takes from.
func limits(operation string, mutates bool, in any) []awssim.Limit {
	r, ok := special[operation]
	switch {
	case ok:
	case mutates:
		r = mutating
	case isBare(in):
		r, operation = bare, operation+" without filter and page"
	default:
		r = reading
	}
	buckets := []awssim.Limit{{Name: "ec2:" + operation, Size: r.size, PerSecond: r.perSecond, Cost: 1}}
	if n, r := resources(in); n > 0 {
		buckets = append(buckets, awssim.Limit{Name: "ec2:" + operation + " instances", Size: r.size, PerSecond: r.perSecond, Cost: float64(n)})
	}
	return buckets
}

// isBare says whether a call is one of the heavier listings, unfiltered and
// unpaginated.
func isBare(in any) bool {
	switch in := in.(type) {
	case *ec2.DescribeInstancesInput:
		return len(in.Filters)+len(in.InstanceIds) == 0 && in.MaxResults == nil
	case *ec2.DescribeInstanceStatusInput:
		return len(in.Filters)+len(in.InstanceIds) == 0 && in.MaxResults == nil
	case *ec2.DescribeNetworkInterfacesInput:
		return len(in.Filters)+len(in.NetworkInterfaceIds) == 0 && in.MaxResults == nil
	case *ec2.DescribeSnapshotsInput:
		return len(in.Filters)+len(in.SnapshotIds) == 0 && in.MaxResults == nil
	}
	return false
}

// resources is how many resource tokens a call takes, and of which bucket.
func resources(in any) (int, rate) {
	switch in := in.(type) {
	case *ec2.RunInstancesInput:
		return int(aws.ToInt32(in.MaxCount)), starting
	case *ec2.StartInstancesInput:
		return len(in.InstanceIds), starting
	case *ec2.StopInstancesInput:
		return len(in.InstanceIds), ending
	case *ec2.TerminateInstancesInput:
		return len(in.InstanceIds), ending
	}
	return 0, rate{}
}
