package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/droverhq/drover/internal/awssim"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/scenario"
)

// estate INSTANCES: makes the group web and what a builder needs. It exports LT, BASE,
// SUBNET, SECURITY, and the group's instances, W0 and so on.
func estate(w *world, ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	e := w.stage.Estate(scenario.Estate{Instances: n})
	ts.Check(w.stage.Err())
	out, err := autoscaling.NewFromConfig(w.AWS()).DescribeAutoScalingGroups(context.Background(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web"}})
	ts.Check(err)
	for i, instance := range out.AutoScalingGroups[0].Instances {
		ts.Setenv(fmt.Sprintf("W%d", i), *instance.InstanceId)
	}
	for name, value := range map[string]string{"LT": e.Template, "BASE": e.Base, "SECURITY": e.Security, "SUBNET": w.stage.Subnets[0], "TOPIC": w.stage.Topic} {
		ts.Setenv(name, value)
	}
	w.Take() // the events of this are no part of the script
	w.told = len(w.Calls())
}

// backup: has the group's first instance backed up, exports IMAGE, and writes the event
// to backup.json.
func backup(w *world, ts *testscript.TestScript, _ []string) {
	image, told := w.stage.Backup()
	ts.Check(w.stage.Err())
	ts.Setenv("IMAGE", image)
	data, err := json.Marshal(told)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("backup.json"), append(data, '\n'), 0o600))
	w.told = len(w.Calls())
}

// image NAME: has an image of that name made, which takes four minutes, and exports IMAGE.
func image(w *world, ts *testscript.TestScript, args []string) {
	id, _ := w.stage.Image(args[0], "", nil)
	ts.Check(w.stage.Err())
	ts.Setenv("IMAGE", id)
	w.told = len(w.Calls())
}

// doom REASON: the next image that is begun fails for that.
func doom(w *world, _ *testscript.TestScript, args []string) { w.EC2.FailNextImage(args[0]) }

// document NAME fails OUTPUT, or NAME stops: what comes of a document from now on.
func document(w *world, ts *testscript.TestScript, args []string) {
	switch {
	case len(args) == 3 && args[1] == "fails":
		w.stage.Behave(args[0], simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Error: args[2]})
	case len(args) == 2 && args[1] == "stops":
		w.stage.Behave(args[0], simssm.Behaviour{Takes: time.Minute, End: simssm.ShutsDown})
	default:
		ts.Fatalf("usage: document NAME fails OUTPUT, or NAME stops")
	}
}

// lose OPERATION: AWS makes this call when it comes next, and its answer is lost.
func lose(w *world, _ *testscript.TestScript, args []string) {
	w.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation != args[0] {
			return awssim.Fault{}
		}
		w.Intercept(nil)
		return awssim.FailAfter(awssim.ConnectionReset())
	})
}

// refuse OPERATION: AWS refuses this call from now on; without an operation, none.
func refuse(w *world, _ *testscript.TestScript, args []string) {
	if len(args) == 0 {
		w.Intercept(nil)
		return
	}
	w.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation != args[0] {
			return awssim.Fault{}
		}
		return awssim.FailBefore(awssim.Fail(403, "AccessDenied", "not allowed"))
	})
}

// strand [volume] KEY=VALUE...: launches a machine with these tags, as a run has that is
// gone; or leaves its volume alone.
func strand(w *world, ts *testscript.TestScript, args []string) {
	spec := types.TagSpecification{ResourceType: types.ResourceTypeInstance}
	var devices []types.BlockDeviceMapping
	alone := args[0] == "volume"
	if alone {
		args, spec.ResourceType = args[1:], types.ResourceTypeVolume
		devices = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{DeleteOnTermination: aws.Bool(false)}}}
	}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		spec.Tags = append(spec.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	client := ec2.NewFromConfig(w.AWS())
	out, err := client.RunInstances(context.Background(), &ec2.RunInstancesInput{
		ImageId: aws.String(ts.Getenv("BASE")), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: aws.String(ts.Getenv("SUBNET")), TagSpecifications: []types.TagSpecification{spec}, BlockDeviceMappings: devices,
	})
	ts.Check(err)
	if alone {
		_, err = client.TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}})
		ts.Check(err)
		w.clock.Advance(time.Minute)
	}
	w.told = len(w.Calls())
}
