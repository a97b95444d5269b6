package ec2

// What CloudTrail has of requests and responses. The form of CreateImage is that of
// facts/events/cloudtrail-create-image-real.json, that of launch templates is what
// lib:29051427042 matches in a rule; of the other operations it is unverified. Not
// modelled: that user data is left out.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type members = map[string]any

// tagSpecifications are tags on creation as EC2's older operations have them.
func tagSpecifications(request members, specs []types.TagSpecification) members {
	if len(specs) == 0 {
		return request
	}
	delete(request, "tagSpecifications")
	items := make([]any, len(specs))
	for i, spec := range specs {
		items[i] = awssim.LowerCamel(spec)
	}
	request["tagSpecificationSet"] = members{"items": items}
	return request
}

func made(m *awssim.Moment, image *string) members {
	return members{"requestId": m.RequestID, "imageId": aws.ToString(image)}
}

func returned(m *awssim.Moment) members { return members{"requestId": m.RequestID, "_return": true} }

func createImageRecord(m *awssim.Moment, in *ec2.CreateImageInput, out *ec2.CreateImageOutput) (request, response any) {
	return tagSpecifications(awssim.LowerCamel(in).(members), in.TagSpecifications), made(m, out.ImageId)
}

func copyImageRecord(m *awssim.Moment, in *ec2.CopyImageInput, out *ec2.CopyImageOutput) (request, response any) {
	return tagSpecifications(awssim.LowerCamel(in).(members), in.TagSpecifications), made(m, out.ImageId)
}

func deregisterImageRecord(m *awssim.Moment, in *ec2.DeregisterImageInput, _ *ec2.DeregisterImageOutput) (request, response any) {
	return awssim.LowerCamel(in), returned(m)
}

func enableImageDeprecationRecord(m *awssim.Moment, in *ec2.EnableImageDeprecationInput, _ *ec2.EnableImageDeprecationOutput) (request, response any) {
	return members{"EnableImageDeprecationRequest": awssim.UpperCamel(in)}, members{"EnableImageDeprecationResponse": members{"requestId": m.RequestID, "return": true}}
}

func deleteSnapshotRecord(m *awssim.Moment, in *ec2.DeleteSnapshotInput, _ *ec2.DeleteSnapshotOutput) (request, response any) {
	return awssim.LowerCamel(in), returned(m)
}

func createLaunchTemplateRecord(m *awssim.Moment, in *ec2.CreateLaunchTemplateInput, out *ec2.CreateLaunchTemplateOutput) (request, response any) {
	return members{"CreateLaunchTemplateRequest": awssim.UpperCamel(in)},
		members{"CreateLaunchTemplateResponse": members{"requestId": m.RequestID, "launchTemplate": awssim.LowerCamel(out.LaunchTemplate)}}
}

// modifyLaunchTemplateRecord has the default version under its name in the query
// (serializers.go of the SDK).
func modifyLaunchTemplateRecord(m *awssim.Moment, in *ec2.ModifyLaunchTemplateInput, out *ec2.ModifyLaunchTemplateOutput) (request, response any) {
	asked := awssim.UpperCamel(in).(members)
	if in.DefaultVersion != nil {
		delete(asked, "DefaultVersion")
		asked["SetDefaultVersion"] = *in.DefaultVersion
	}
	return members{"ModifyLaunchTemplateRequest": asked},
		members{"ModifyLaunchTemplateResponse": members{"requestId": m.RequestID, "launchTemplate": awssim.LowerCamel(out.LaunchTemplate)}}
}

func deleteLaunchTemplateRecord(m *awssim.Moment, in *ec2.DeleteLaunchTemplateInput, out *ec2.DeleteLaunchTemplateOutput) (request, response any) {
	return members{"DeleteLaunchTemplateRequest": awssim.UpperCamel(in)},
		members{"DeleteLaunchTemplateResponse": members{"requestId": m.RequestID, "launchTemplate": awssim.LowerCamel(out.LaunchTemplate)}}
}

func createLaunchTemplateVersionRecord(m *awssim.Moment, in *ec2.CreateLaunchTemplateVersionInput, out *ec2.CreateLaunchTemplateVersionOutput) (request, response any) {
	return members{"CreateLaunchTemplateVersionRequest": awssim.UpperCamel(in)},
		members{"CreateLaunchTemplateVersionResponse": members{"requestId": m.RequestID, "launchTemplateVersion": awssim.LowerCamel(out.LaunchTemplateVersion)}}
}

func deleteLaunchTemplateVersionsRecord(m *awssim.Moment, in *ec2.DeleteLaunchTemplateVersionsInput, out *ec2.DeleteLaunchTemplateVersionsOutput) (request, response any) {
	answer := awssim.LowerCamel(out).(members)
	answer["requestId"] = m.RequestID
	return members{"DeleteLaunchTemplateVersionsRequest": awssim.UpperCamel(in)}, members{"DeleteLaunchTemplateVersionsResponse": answer}
}
