package scenario_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// TestBackupAndEC2 is what AWS Backup and EC2 have to do with each other: a job that
// completes tells of its image, which can be launched, which EC2 does not deregister, and
// which goes with its recovery point.
func TestBackupAndEC2(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	w := scenario.NewSimulated(clk, awssim.Options{})
	ctx := t.Context()
	clients := cloud.New(w.AWS(), w.Region(), cloud.Options{Clock: clk})
	vpc, err := w.EC2.PlaceVPC(simec2.VPC{CIDR: "10.0.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	subnet, err := w.EC2.PlaceSubnet("", vpc, "10.0.0.0/24", "us-west-1a")
	if err != nil {
		t.Fatal(err)
	}
	launch := func(image string) (string, error) {
		out, err := clients.EC2.RunInstances(ctx, &ec2.RunInstancesInput{
			ImageId: &image, InstanceType: types.InstanceTypeT3Micro, SubnetId: &subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("app"), Value: aws.String("web")}}}},
		})
		if err != nil {
			return "", err
		}
		return *out.Instances[0].InstanceId, nil
	}
	server, err := launch("ami-00000000000000abc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Backup.Start(simbackup.Job{Instance: server}); err == nil {
		t.Error("an instance that is pending is backed up")
	}
	clk.Advance(time.Hour)

	job, err := w.Backup.Start(simbackup.Job{Instance: server, Tags: map[string]string{"plan": "nightly"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Take()
	var told event.BackupJobStateChange
	for told.State != event.BackupCompleted {
		due, ok := w.NextDue()
		if !ok {
			t.Fatal("nothing more happens, and the job is not completed")
		}
		clk.Advance(due.Sub(clk.Now()))
		w.Settle()
		for _, e := range w.Take() {
			if d, ok, err := event.AsBackupJobStateChange(e); ok && err == nil {
				told = d
			}
		}
	}
	described, err := clients.Backup.DescribeBackupJob(ctx, &backup.DescribeBackupJobInput{BackupJobId: &job})
	if err != nil {
		t.Fatal(err)
	}
	image := w.Backup.Jobs()[0].Image
	arn := "arn:aws:ec2:us-west-1::image/" + image
	if told.Job != job || told.RecoveryPoint != arn || told.Resource != *described.ResourceArn || *described.RecoveryPointArn != arn {
		t.Errorf("the event says %+v, the job %s of %s", told, *described.RecoveryPointArn, *described.ResourceArn)
	}

	images, err := clients.EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{image}})
	if err != nil {
		t.Fatal(err)
	}
	tagged := func(key, value string) bool {
		return slices.ContainsFunc(images.Images[0].Tags, func(tag types.Tag) bool { return *tag.Key == key && *tag.Value == value })
	}
	if i := images.Images[0]; i.State != types.ImageStateAvailable || *i.SourceInstanceId != server || !tagged("app", "web") || !tagged("plan", "nightly") {
		t.Errorf("%+v", i)
	}
	if _, err := launch(image); err != nil {
		t.Errorf("launched from the image: %v", err)
	}
	if _, err := clients.EC2.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &image}); cloud.Code(err) != "AuthFailure" {
		t.Errorf("deregistered by EC2: %v", err)
	}

	if _, err := clients.Backup.DeleteRecoveryPoint(ctx, &backup.DeleteRecoveryPointInput{BackupVaultName: described.BackupVaultName, RecoveryPointArn: &arn}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AwaitImage(ctx, image, "deregistered"); err != nil {
		t.Error(err)
	}
	if _, err := launch(image); cloud.Code(err) != "InvalidAMIID.Unavailable" {
		t.Errorf("launched from an image that is gone: %v", err)
	}
}
