package imagebuilder

// A recipe and a pipeline that use every member the SDK has, for tests that nothing is
// lost on the way from one to another. Their own test fails when the SDK has a new one.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
)

const resources = "arn:aws:imagebuilder:us-west-1:123456789012:"

// EveryRecipeField is a request for a recipe that uses everything.
func EveryRecipeField(name, parent string) *imagebuilder.CreateImageRecipeInput {
	return &imagebuilder.CreateImageRecipeInput{
		ClientToken: aws.String("every-field"), Name: aws.String(name), ParentImage: aws.String(parent), SemanticVersion: aws.String("1.0.0"),
		Description: aws.String("uses everything"), WorkingDirectory: aws.String("C:/build"),
		AdditionalInstanceConfiguration: &types.AdditionalInstanceConfiguration{
			SystemsManagerAgent: &types.SystemsManagerAgent{UninstallAfterBuild: aws.Bool(false)}, UserDataOverride: aws.String("PHBvd2Vyc2hlbGw+"),
		},
		AmiTags: map[string]string{"ami": "yes"}, Tags: map[string]string{"recipe": "yes"},
		BlockDeviceMappings: []types.InstanceBlockDeviceMapping{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsInstanceBlockDeviceSpecification{
				DeleteOnTermination: aws.Bool(true), Encrypted: aws.Bool(true), Iops: aws.Int32(3000), KmsKeyId: aws.String("arn:aws:kms:us-west-1:123456789012:key/1"),
				SnapshotId: aws.String("snap-1"), Throughput: aws.Int32(125), VolumeSize: aws.Int32(50), VolumeType: types.EbsVolumeTypeGp3,
			}, NoDevice: aws.String(""), VirtualName: aws.String("ephemeral0")},
		},
		Components: []types.ComponentConfiguration{
			{ComponentArn: aws.String("arn:aws:imagebuilder:us-west-1:aws:component/update-windows/x.x.x"), Parameters: []types.ComponentParameter{
				{Name: aws.String("exclude"), Value: []string{"KB1", "KB2"}},
			}},
			{ComponentArn: aws.String(resources + "component/ssm-agent/1.0.0/1"), Parameters: []types.ComponentParameter{{Name: aws.String("n"), Value: []string{"v"}}}},
		},
	}
}

// EveryPipelineField is a pipeline of a recipe that uses everything but a container
// recipe, which would exclude the other.
func EveryPipelineField(name, recipe string) types.ImagePipeline {
	return types.ImagePipeline{
		Arn: aws.String(resources + "image-pipeline/" + nameIn(name)), Name: aws.String(name), ImageRecipeArn: aws.String(recipe),
		ConsecutiveFailures: aws.Int32(2), DateCreated: aws.String("2025-01-01T00:00:00.000Z"), DateUpdated: aws.String("2025-01-02T00:00:00.000Z"),
		DateLastRun: aws.String("2025-01-03T00:00:00.000Z"), DateNextRun: aws.String("2025-01-04T00:00:00.000Z"),
		Description: aws.String("uses everything"), Platform: types.PlatformLinux, Status: types.PipelineStatusEnabled, LastRunStatus: types.ImageStatusAvailable,
		InfrastructureConfigurationArn: aws.String(resources + "infrastructure-configuration/infra"), DistributionConfigurationArn: aws.String(resources + "distribution-configuration/dist"),
		EnhancedImageMetadataEnabled: aws.Bool(false), ExecutionRole: aws.String("arn:aws:iam::123456789012:role/builder"),
		ImageScanningConfiguration: &types.ImageScanningConfiguration{
			ImageScanningEnabled: aws.Bool(true), EcrConfiguration: &types.EcrConfiguration{ContainerTags: []string{"scan"}, RepositoryName: aws.String("scans")},
		},
		ImageTags:               map[string]string{"image": "yes"},
		ImageTestsConfiguration: &types.ImageTestsConfiguration{ImageTestsEnabled: aws.Bool(true), TimeoutMinutes: aws.Int32(90)},
		LoggingConfiguration:    &types.PipelineLoggingConfiguration{ImageLogGroupName: aws.String("/images"), PipelineLogGroupName: aws.String("/pipelines")},
		Schedule: &types.Schedule{
			AutoDisablePolicy: &types.AutoDisablePolicy{FailureCount: aws.Int32(3)}, ScheduleExpression: aws.String("cron(0 3 * * ? *)"), Timezone: aws.String("Europe/Berlin"),
			PipelineExecutionStartCondition: types.PipelineExecutionStartConditionExpressionMatchOnly,
		},
		Tags: map[string]string{"pipeline": "yes"},
		Workflows: []types.WorkflowConfiguration{{
			WorkflowArn: aws.String(resources + "workflow/test/mine/1.0.0/1"), OnFailure: types.OnWorkflowFailureAbort, ParallelGroup: aws.String("tests"),
			Parameters: []types.WorkflowParameter{{Name: aws.String("depth"), Value: []string{"full"}}},
		}},
	}
}
