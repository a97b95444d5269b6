package scenario_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

// An instance that is started comes to take commands, sysprep stops it, and what it was
// running as it is terminated never succeeds.
func TestSimulatedInstancesTakeCommands(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	clk := clock.NewVirtual(start)
	w := scenario.NewSimulated(clk, awssim.Options{})
	vpc, err := w.EC2.PlaceVPC(simec2.VPC{CIDR: "10.0.0.0/16"})
	subnet, err2 := w.EC2.PlaceSubnet("", vpc, "10.0.1.0/24", "us-west-1a")
	id, err3 := w.EC2.PlaceInstance(simec2.PlacedInstance{Subnet: subnet, Stopped: true, Tags: map[string]string{"role": "builder"}})
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	machines, commands := ec2.NewFromConfig(w.AWS()), ssm.NewFromConfig(w.AWS())
	w.Restrict(&iam.Policy{Version: "2012-10-17", Statement: []iam.Statement{
		{Effect: "Allow", Action: []string{"ec2:StartInstances", "ec2:TerminateInstances", "ssm:DescribeInstanceInformation"}, Resource: []string{"*"}},
		{Effect: "Allow", Action: []string{"ssm:SendCommand"}, Resource: []string{"arn:aws:ssm:us-west-1::document/*"}},
		{
			Effect: "Allow", Action: []string{"ssm:SendCommand"}, Resource: []string{"*"},
			Condition: map[string]map[string]iam.Values{"StringEquals": {"aws:ResourceTag/role": {"builder"}}},
		},
	}})
	send := func(document string) {
		t.Helper()
		_, err := commands.SendCommand(t.Context(), &ssm.SendCommandInput{
			DocumentName: &document, InstanceIds: []string{id}, Parameters: map[string][]string{"commands": {"date"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	up := func() {
		t.Helper()
		if _, err := machines.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}); err != nil {
			t.Fatal(err)
		}
		clk.Advance(47 * time.Second)
		for _, want := range []types.PingStatus{types.PingStatusConnectionLost, types.PingStatusOnline} {
			out, err := commands.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{})
			if err != nil || len(out.InstanceInformationList) != 1 || out.InstanceInformationList[0].PingStatus != want {
				t.Errorf("after %v: %v, %v; want %s", clk.Now().Sub(start), out, err, want)
			}
			clk.Advance(time.Second)
		}
	}
	clk.Advance(time.Hour)
	up()
	send(simssm.RunPowerShellScript)
	clk.Advance(11 * time.Second)
	if _, err := commands.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(simssm.RunSysprep), InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	clk.Advance(time.Hour)
	up()
	send(simssm.RunPowerShellScript)
	clk.Advance(2 * time.Second)
	if _, err := machines.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	clk.Advance(24 * time.Hour)
	w.Settle()

	var told []string
	for _, e := range w.Take() {
		if d, ok, err := event.AsInstanceStateChange(e); ok && err == nil {
			told = append(told, fmt.Sprint(d.State, " ", e.Time.Sub(start)))
		}
		if d, ok, err := event.AsCommandInvocationChange(e); ok && err == nil {
			told = append(told, fmt.Sprint(d.Document, " ", d.Status, " ", e.Time.Sub(start)))
		}
	}
	want := []string{
		"pending 1h0m0s", "running 1h0m8s",
		"AWS-RunPowerShellScript InProgress 1h0m50s", "AWS-RunPowerShellScript Success 1h0m52s",
		"AWSEC2-RunSysprep InProgress 1h1m1s", "stopping 1h4m1s", "stopped 1h4m21s",
		"pending 2h1m0s", "running 2h1m8s",
		"AWSEC2-RunSysprep Failed 2h1m48s", // unverified, see internal/awssim/ssm
		"AWS-RunPowerShellScript InProgress 2h1m50s", "shutting-down 2h1m51s", "terminated 2h1m56s",
		"AWS-RunPowerShellScript TimedOut 4h1m49s",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	_, err = commands.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(simssm.RunSysprep), InstanceIds: []string{id}})
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") { // its tags are gone with it
		t.Errorf("sent to an instance that is gone: %v", err)
	}
}
