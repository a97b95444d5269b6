package ec2

// What CloudTrail has of RunInstances, in the form of
// facts/events/cloudtrail-record-run-instances-real.json; of security groups the form
// is unverified. Not modelled: of the response, more than a few members of each
// instance.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/awssim"
)

// items is a list as EC2's older operations have it.
func items[T any](list []T, of func(T) any) members {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = of(v)
	}
	return members{"items": all}
}

// runInstancesRecord has the members that a request in the old form names
// otherwise, and hides user data ("<sensitiveDataRemoved>", CloudTrail's own
// word; unverified).
func runInstancesRecord(m *awssim.Moment, in *ec2.RunInstancesInput, out *ec2.RunInstancesOutput) (request, response any) {
	asked := tagSpecifications(awssim.LowerCamel(in).(members), in.TagSpecifications)
	first := members{}
	for _, name := range []string{"imageId", "minCount", "maxCount", "keyName"} {
		if v, ok := asked[name]; ok {
			first[name] = v
			delete(asked, name)
		}
	}
	asked["instancesSet"] = members{"items": []any{first}}
	if len(in.SecurityGroupIds) > 0 {
		delete(asked, "securityGroupIds")
		asked["groupSet"] = items(in.SecurityGroupIds, func(id string) any { return members{"groupId": id} })
	}
	rename := func(from, to string) {
		if list, ok := asked[from].([]any); ok {
			delete(asked, from)
			asked[to] = members{"items": list}
		}
	}
	rename("blockDeviceMappings", "blockDeviceMapping")
	rename("networkInterfaces", "networkInterfaceSet")
	if in.UserData != nil {
		asked["userData"] = "<sensitiveDataRemoved>"
	}
	instances := members{"items": []any{}}
	for _, i := range out.Instances {
		shown := members{
			"instanceId": aws.ToString(i.InstanceId), "imageId": aws.ToString(i.ImageId), "instanceType": i.InstanceType,
			"amiLaunchIndex": aws.ToInt32(i.AmiLaunchIndex), "subnetId": aws.ToString(i.SubnetId), "vpcId": aws.ToString(i.VpcId),
			"privateIpAddress": aws.ToString(i.PrivateIpAddress), "architecture": i.Architecture,
		}
		if i.State != nil {
			shown["instanceState"] = members{"code": aws.ToInt32(i.State.Code), "name": i.State.Name}
		}
		if i.ClientToken != nil {
			shown["clientToken"] = *i.ClientToken
		}
		instances["items"] = append(instances["items"].([]any), shown)
	}
	return asked, members{
		"requestId": m.RequestID, "reservationId": aws.ToString(out.ReservationId), "ownerId": aws.ToString(out.OwnerId), "groupSet": members{}, "instancesSet": instances,
	}
}

func createSecurityGroupRecord(m *awssim.Moment, in *ec2.CreateSecurityGroupInput, out *ec2.CreateSecurityGroupOutput) (request, response any) {
	answer := returned(m)
	answer["groupId"] = aws.ToString(out.GroupId)
	return tagSpecifications(awssim.LowerCamel(in).(members), in.TagSpecifications), answer
}

func revokeSecurityGroupEgressRecord(m *awssim.Moment, in *ec2.RevokeSecurityGroupEgressInput, _ *ec2.RevokeSecurityGroupEgressOutput) (request, response any) {
	asked := awssim.LowerCamel(in).(members)
	if list, ok := asked["ipPermissions"].([]any); ok {
		asked["ipPermissions"] = members{"items": list}
	}
	return asked, returned(m)
}
