package imagerollout

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/iam"
)

// TestDecideNamesWhatTheAuditNames: every change of a plan with everything is named as
// the audit names the call that makes it.
func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	group, builder := aws.String("web"), []string{newBuilder}
	at := func(version string) *scaling.LaunchTemplateSpecification {
		return &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String(version)}
	}
	inputs := map[string]any{
		"autoscaling:SuspendProcesses":        &autoscaling.SuspendProcessesInput{AutoScalingGroupName: group, ScalingProcesses: processes},
		"autoscaling:ResumeProcesses":         &autoscaling.ResumeProcessesInput{AutoScalingGroupName: group, ScalingProcesses: processes},
		"hold":                                &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, MaxSize: aws.Int32(2)},
		"let-go":                              &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, MaxSize: aws.Int32(4)},
		"pin":                                 &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, LaunchTemplate: at("3")},
		"move":                                &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, LaunchTemplate: at(newNumber)},
		"ec2:ModifyLaunchTemplate":            &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String("lt-1"), DefaultVersion: aws.String(newNumber)},
		"autoscaling:StartInstanceRefresh":    &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: group, DesiredConfiguration: &scaling.DesiredConfiguration{LaunchTemplate: at(newNumber)}},
		"launch":                              &ec2.RunInstancesInput{ImageId: aws.String("ami-2")},
		"try":                                 &ec2.RunInstancesInput{ImageId: aws.String(newImage)},
		"ec2:ModifyInstanceAttribute":         &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(newBuilder), BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{{DeviceName: aws.String("/dev/sdf")}}},
		"ec2:StopInstances":                   &ec2.StopInstancesInput{InstanceIds: builder},
		"ec2:TerminateInstances":              &ec2.TerminateInstancesInput{InstanceIds: builder},
		"ec2:CreateImage":                     &ec2.CreateImageInput{InstanceId: aws.String(newBuilder), Name: aws.String("web-from-ami-2")},
		"ec2:CreateLaunchTemplateVersion":     &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(newImage)}},
		"ec2:DeleteLaunchTemplateVersions":    &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-1"), Versions: []string{"2"}},
		"prepare":                             &ssm.SendCommandInput{DocumentName: aws.String("Deploy"), InstanceIds: builder},
		"verify":                              &ssm.SendCommandInput{DocumentName: aws.String("Smoke"), InstanceIds: []string{newInstance}},
		"backup:DeleteRecoveryPoint":          &backup.DeleteRecoveryPointInput{RecoveryPointArn: aws.String("arn:aws:ec2:us-west-1::image/ami-2")},
		"ec2:TerminateInstances of the trial": &ec2.TerminateInstancesInput{InstanceIds: []string{newInstance}},
	}
	running := func(c *Config) { c.Builder.Prepare = c.Builder.Prepare[:1] }
	var all []automation.Change
	for _, p := range []automation.Plan{
		decide(config(running, tested, processed, cleaned, keep(1)), state(func(s *State) { s.Images[0].Stays = true }), t0),
		decide(config(lowered), state(on(versionDefault, 1)), t0),
		decide(config(pinned), state(on(versionLatest, 3)), t0),
	} {
		all = append(all, p.Changes...)
	}
	named := map[string]bool{}
	for name, input := range inputs {
		resource, to := call.Effect(input)
		same := func(c automation.Change) bool {
			return c.Resource == resource && c.To == to && (name == c.Step || name == c.Operation || name == c.Operation+" of the trial")
		}
		if !slices.ContainsFunc(all, same) {
			t.Errorf("the audit names %s %q -> %q, and no plan does", name, resource, to)
		}
		named[name] = true
	}
	for _, c := range all {
		if !named[c.Step] && !named[c.Operation] {
			t.Errorf("of %s it is not known what the audit says", c.Operation)
		}
		if !call.Mutates(c.Operation) {
			t.Errorf("%s changes nothing", c.Operation)
		}
	}
}

// TestDecideIsPure holds what decides to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	const version = "github.com/droverhq/drover/internal/automation/version"
	kindtest.Imports(t, "decide.go", "fmt", "slices", "strconv", "strings", "time", "github.com/droverhq/drover/internal/schedule")
	kindtest.Imports(t, "change.go", "cmp", "fmt", "slices", "strconv", "strings", version)
	kindtest.Imports(t, "state.go", "cmp", "slices", "strings", "time", version)
}

func everything(c *Config) {
	c.Builder.Role, c.Builder.Key = "/service/builder", "operators"
	c.Hold, c.Recovery = HoldProcesses, RecoveryDelete
	c.Try = &Try{Verify: &Document{Name: "Smoke"}}
	c.Refresh = &Refresh{Floating: FloatingPin, Alarms: []string{"errors"}}
}

func TestNeedsAreMeaningful(t *testing.T) {
	for name, c := range map[string]Config{
		"usual": config(), "with everything": config(everything), "without a builder": config(bare), "by the maximum": config(lowered),
		"a refresh of a number": config(refreshed), "a builder that is left as it is": config(func(c *Config) { c.Builder.Prepare, c.Builder.Profile = nil, "" }),
	} {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, c) })
	}
}

func TestNeedsAreNarrow(t *testing.T) {
	for name, test := range map[string]struct {
		config     Config
		has, lacks []string // texts of the policy
	}{
		"without a builder": {config(bare), nil, []string{"ssm:", "ec2:CreateImage", "ec2:TerminateInstances", "autoscaling:StartInstanceRefresh", "autoscaling:SuspendProcesses", "backup:"}},
		"held by processes": {config(processed), []string{`"autoscaling:SuspendProcesses"`, `autoScalingGroup:*:autoScalingGroupName/web"`}, []string{"autoscaling:StartInstanceRefresh"}},
		"a refresh of a number": {
			config(refreshed),
			[]string{`"autoscaling:StartInstanceRefresh"`, `"autoscaling:RollbackInstanceRefresh"`},
			[]string{"autoscaling:UpdateAutoScalingGroup", "ec2:ModifyLaunchTemplate"},
		},
		"documents": {config(), []string{`:document/AWSEC2-RunSysprep"`, `:document/Deploy"`}, []string{"document/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			kindtest.PolicySays(t, kindtest.Policy(t, Kind, test.config, iam.Vars{Region: "us-west-1", Account: "123456789012"}), test.has, test.lacks)
		})
	}
}

// TestThePolicyEnds shows what the policy does not allow: above all, nothing on
// machines and images that no rollout has made.
func TestThePolicyEnds(t *testing.T) {
	const account = "123456789012"
	policy := kindtest.Policy(t, Kind, config(everything), iam.Vars{Region: "us-west-1", Account: account})
	own := func(rest string) string { return "arn:aws:ec2:us-west-1:" + account + ":" + rest }
	group := func(name string) string {
		return "arn:aws:autoscaling:us-west-1:" + account + ":autoScalingGroup:00000000-0000-4000-8000-000000000001:autoScalingGroupName/" + name
	}
	const image = "arn:aws:ec2:us-west-1::image/ami-1"
	ofRun := map[string][]string{"aws:ResourceTag/drover:run": {"run-1"}}
	tagging := map[string][]string{"aws:RequestTag/drover:run": {"run-1"}}
	passing := func(to string) map[string][]string { return map[string][]string{"iam:PassedToService": {to}} }
	for _, test := range []struct {
		name    string
		request iam.Request
		allowed bool
	}{
		{"the group", iam.Request{Action: "autoscaling:StartInstanceRefresh", Resource: group("web")}, true},
		{"another group", iam.Request{Action: "autoscaling:StartInstanceRefresh", Resource: group("api")}, false},
		{"holding another group", iam.Request{Action: "autoscaling:SuspendProcesses", Resource: group("api")}, false},
		{"a builder", iam.Request{Action: "ec2:RunInstances", Resource: own("instance/*"), Context: tagging}, true},
		{"a machine that does not say whose it is", iam.Request{Action: "ec2:RunInstances", Resource: own("instance/*")}, false},
		{"the subnet", iam.Request{Action: "ec2:RunInstances", Resource: own("subnet/" + subnetID)}, true},
		{"another subnet", iam.Request{Action: "ec2:RunInstances", Resource: own("subnet/subnet-1")}, false},
		{"another security group", iam.Request{Action: "ec2:RunInstances", Resource: own("security-group/sg-1")}, false},
		{"another key pair", iam.Request{Action: "ec2:RunInstances", Resource: own("key-pair/root")}, false},
		{"terminating the builder", iam.Request{Action: "ec2:TerminateInstances", Resource: own("instance/i-1"), Context: ofRun}, true},
		{"terminating another machine", iam.Request{Action: "ec2:TerminateInstances", Resource: own("instance/i-1")}, false},
		{"the volumes of the builder", iam.Request{Action: "ec2:ModifyInstanceAttribute", Resource: own("instance/i-1"), Context: ofRun}, true},
		{"the volumes of another machine", iam.Request{Action: "ec2:ModifyInstanceAttribute", Resource: own("instance/i-1")}, false},
		{"imaging another machine", iam.Request{Action: "ec2:CreateImage", Resource: own("instance/i-1")}, false},
		{"a document on the builder", iam.Request{Action: "ssm:SendCommand", Resource: own("instance/i-1"), Context: map[string][]string{"ssm:resourceTag/drover:run": {"run-1"}}}, true},
		{"a document on another machine", iam.Request{Action: "ssm:SendCommand", Resource: own("instance/i-1")}, false},
		{"another document", iam.Request{Action: "ssm:SendCommand", Resource: "arn:aws:ssm:us-west-1::document/AWS-RunShellScript"}, false},
		{"an image of a run", iam.Request{Action: "ec2:DeregisterImage", Resource: image, Context: ofRun}, true},
		{"another image", iam.Request{Action: "ec2:DeregisterImage", Resource: image}, false},
		{"another snapshot", iam.Request{Action: "ec2:DeleteSnapshot", Resource: "arn:aws:ec2:us-west-1::snapshot/snap-1"}, false},
		{"tags of what is there", iam.Request{Action: "ec2:CreateTags", Resource: own("instance/i-1")}, false},
		{"a recovery point of an image", iam.Request{Action: "backup:DeleteRecoveryPoint", Resource: image}, true},
		{"a recovery point of something else", iam.Request{Action: "backup:DeleteRecoveryPoint", Resource: "arn:aws:backup:us-west-1:" + account + ":recovery-point:1"}, false},
		{"a role, to another service", iam.Request{Action: "iam:PassRole", Resource: "arn:aws:iam::" + account + ":role/service/builder", Context: passing("lambda.amazonaws.com")}, false},
	} {
		if got, why := policy.Allows(test.request); got != test.allowed {
			t.Errorf("%s: allowed %t, want %t: %s", test.name, got, test.allowed, why)
		}
	}
}

func TestClaims(t *testing.T) {
	kindtest.ClaimsSay(t, Kind, config(), "group: the template version of Auto Scaling groups, web")
}

// TestTheHistoryFits: a run of the longest limits fits into a Step Functions execution.
func TestTheHistoryFits(t *testing.T) {
	automation.Define(Kind) // it panics otherwise
}
