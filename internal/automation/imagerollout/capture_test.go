package imagerollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/imagerollout"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// captured is a world with an instance that runs, and the request for its image.
func captured(t *testing.T) (*clock.Virtual, *simec2.Service, *ec2.Client, func() *imagerollout.Capture) {
	t.Helper()
	c := clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 30, 0, time.UTC))
	sim := simec2.New(simec2.Times{})
	world := awssim.New(c, awssim.Options{}, sim)
	client := cloud.New(world.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: c}).EC2
	base := sim.AddImage(simec2.Image{Name: "base"})
	out, err := client.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: &base, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(subnet(t, client))})
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	auto, problems, err := automation.Define(imagerollout.Kind).Configure("prod", "web", "us-west-1", json.RawMessage(`{"group": "web #1", "source": {"backups": {}}}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return c, sim, client, func() *imagerollout.Capture {
		return &imagerollout.Capture{Automation: auto, Ledger: "here", Instance: *out.Instances[0].InstanceId, Began: c.Now()}
	}
}

func subnet(t *testing.T, client *ec2.Client) string {
	t.Helper()
	vpc, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Subnet.SubnetId
}

// await takes the image, for as long as that waits.
func await(t *testing.T, c *clock.Virtual, client *ec2.Client, capture *imagerollout.Capture) error {
	t.Helper()
	for begun := c.Now(); c.Now().Sub(begun) < 5*time.Hour; {
		err := capture.Take(t.Context(), client, c.Now())
		if err == nil || failure.ClassOf(err) != failure.Wait {
			return err
		}
		if wait := failure.Until(err).Sub(c.Now()); wait < 15*time.Second {
			t.Fatalf("looks again after %s", wait)
		}
		c.Advance(failure.Until(err).Sub(c.Now()))
	}
	t.Fatal("it is waited for for ever")
	return nil
}

// TestCaptureTwice: the same request within the minute finds the image that it has
// begun, and a later one makes another.
func TestCaptureTwice(t *testing.T) {
	c, _, client, request := captured(t)
	first, same := request(), request()
	if err := first.Take(t.Context(), client, c.Now()); failure.ClassOf(err) != failure.Wait {
		t.Fatal(err)
	}
	if err := await(t, c, client, same); err != nil || same.Image != first.Image || !same.Adopted || first.Adopted {
		t.Fatalf("%v; first %s, adopted %t; then %s, adopted %t", err, first.Image, first.Adopted, same.Image, same.Adopted)
	}
	other := request()
	if err := await(t, c, client, other); err != nil || other.Image == first.Image || other.Adopted {
		t.Fatalf("%v; first %s, later %s", err, first.Image, other.Image)
	}
	shown, err := client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{first.Image}})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range shown.Images[0].Tags {
		tags[*tag.Key] = *tag.Value
	}
	want := "web -1-of-" + first.Instance + "-20260301-0301"
	if name := *shown.Images[0].Name; name != want || tags["drover:fleet"] != "prod" || tags["drover:automation"] != "web" || tags["drover:ledger"] != "here" || tags["drover:source"] != "" {
		t.Errorf("it is called %q, with the tags %v", name, tags)
	}
}

// TestCaptureOfATakenName: somebody else's image is not rolled out for what it is called.
func TestCaptureOfATakenName(t *testing.T) {
	c, sim, client, request := captured(t)
	capture := request()
	foreign := sim.AddImage(simec2.Image{Name: capture.Name()})
	err := await(t, c, client, capture)
	if err == nil || capture.Image != "" || !strings.Contains(err.Error(), foreign) {
		t.Errorf("%v, image %q", err, capture.Image)
	}
}

// TestCaptureOfADeregisteredName: a name is taken for a while, which is not waited for.
func TestCaptureOfADeregisteredName(t *testing.T) {
	c, _, client, request := captured(t)
	first, same := request(), request()
	if err := await(t, c, client, first); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &first.Image}); err != nil {
		t.Fatal(err)
	}
	if err := await(t, c, client, same); err == nil || same.Image != "" || len(failure.Hints(err)) == 0 {
		t.Errorf("%v, image %q", err, same.Image)
	}
}
