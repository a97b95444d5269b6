package script

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
)

// rollout is a world in which somebody rolls an image out as Drover does, so that what
// comes of that shows in the names of the file.
type rollout struct {
	*stage
	t    *testing.T
	seen witness
	ec2  *ec2.Client
}

func newRollout(t *testing.T) *rollout {
	t.Helper()
	s, err := Parse("rollout.yaml", []byte(`
scenario: A rollout
fleet:
  version: 1
  fleet: shop
  region: us-west-1
  notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
  automations:
    api: { kind: group-follows-template, groups: [api], version: $Latest }
world:
  vpcs: { main: { subnets: { b: { id: subnet-0a1b2c3d4e5f60718 } } } }
  instances: { server: { image: plain, instance-profile: server, key-pair: ops, security-groups: [servers] } }
  images: { plain: { windows: true } }
  templates: { web: { versions: [plain], instance-profile: server, key-pair: ops, security-groups: [servers] } }
  groups: { web: { template: web, version: "1", min: 1, zones: [b] } }
  instance-profiles: [server]
  key-pairs: [ops]
  security-groups: { servers: { isolated: true } }
  documents: { Deploy: { shuts-down: true } }
steps: [{ at: 1m, say: nothing }]
`))
	if err != nil {
		t.Fatal(err)
	}
	st, err := newStage(t.Context(), s.file, s.start, s.fleet, s.names.clone())
	if err != nil {
		t.Fatal(err)
	}
	r := &rollout{stage: st, t: t, seen: witness{}, ec2: ec2.NewFromConfig(st.AWS())}
	r.seen.news(st)
	return r
}

// pass lets time pass until an hour later, and returns what is told meanwhile.
func (r *rollout) pass() (told []string) {
	end := r.clock.Now().Add(time.Hour)
	for {
		r.Settle()
		r.settleBoots()
		told = append(told, r.seen.news(r.stage)...)
		due, ok := r.NextDue()
		if !ok || due.After(end) {
			r.clock.Advance(end.Sub(r.clock.Now()))
			return told
		}
		r.clock.Advance(due.Sub(r.clock.Now()))
	}
}

func (r *rollout) do(do Do) {
	r.t.Helper()
	if _, what, err := r.stage.do(r.t.Context(), do); err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
}

func (r *rollout) launch(image string) string {
	r.t.Helper()
	out, err := r.ec2.RunInstances(awssim.WithActor(r.t.Context(), drover), &ec2.RunInstancesInput{
		ImageId: aws.String(r.image(image)), SubnetId: aws.String(r.names.id("main.b")), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeC5Large,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return *out.Instances[0].InstanceId
}

// golden makes an image of an instance as Drover calls and tags it.
func (r *rollout) golden(instance, source string) {
	r.t.Helper()
	id := r.image(source)
	_, err := r.ec2.CreateImage(r.t.Context(), &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("web-from-" + id), NoReboot: aws.Bool(true),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String(sourceTag), Value: aws.String("arn:aws:ec2:us-west-1::image/" + id)}}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rollout) want(what string, got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a rollout makes has names: builders count, an image is called as Drover calls it,
// with names for ids, and can be named by what it was made from. What is left of it is
// all there.
func TestWhatARolloutMakes(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	if len(r.left()) > 0 {
		t.Errorf("left at the beginning: %v", r.left())
	}
	r.do(Do{Backup: &Backup{Instance: "server", Name: "night-1"}})
	r.do(Do{Boots: &Boots{Image: "made-from:night-1", Unfit: true, NoAgent: true}})
	r.want("backup", r.pass(), []string{"image night-1 is available"})
	if !slices.ContainsFunc(r.EC2.Images(), func(i simec2.ImageView) bool {
		return i.ID == r.image("night-1") && strings.HasPrefix(i.Name, "AwsBackup_")
	}) {
		t.Errorf("night-1 is %s, which is no image of AWS Backup", r.image("night-1"))
	}

	built := r.launch("night-1")
	r.want("launch", r.pass(), []string{"builder/1 is pending, of night-1"})
	r.want("left", r.left(), []string{"builder/1", "night-1"})
	if _, err := ssm.NewFromConfig(r.AWS()).SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String("Deploy"), InstanceIds: []string{built}}); err != nil {
		t.Fatal(err)
	}
	r.golden(built, "night-1")
	r.want("build", r.pass(), []string{
		"Deploy is sent to builder/1", "image web-from-night-1 is pending",
		"builder/1 is stopped", "image web-from-night-1 is available",
	})
	if r.image("made-from:night-1") != r.image("web-from-night-1") || r.image("web-from-night-1") == "web-from-night-1" {
		t.Errorf("the image is %s, and the one made from night-1 %s", r.image("web-from-night-1"), r.image("made-from:night-1"))
	}

	// Instances of it boot as was said before there was one.
	tried := r.launch("made-from:night-1")
	r.pass()
	if _, err := ssm.NewFromConfig(r.AWS()).SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String("Deploy"), InstanceIds: []string{tried}}); err == nil {
		t.Error("an instance without an agent takes a command")
	}

	r.do(Do{FailImage: "The snapshot failed"})
	r.do(Do{Terminate: "builder/1"})
	r.golden(tried, "plain")
	r.want("failure", r.pass(), []string{
		"image web-from-plain is pending", "builder/1 is shutting-down", "image web-from-plain is failed: The snapshot failed",
	})
	r.want("left", r.left(), []string{"builder/2", "night-1", "web-from-night-1", "web-from-plain"})

	r.do(Do{DeregisterImage: "made-from:night-1"})
	point := "arn:aws:ec2:us-west-1::image/" + r.image("night-1")
	_, err := backup.NewFromConfig(r.AWS()).DeleteRecoveryPoint(t.Context(), &backup.DeleteRecoveryPointInput{BackupVaultName: aws.String("Default"), RecoveryPointArn: &point})
	if err != nil {
		t.Fatal(err)
	}
	r.want("deletion", r.pass(), []string{"image web-from-night-1 is deregistered", "image night-1 is deregistered"})
	left := r.left()
	if len(left) != 3 || left[0] != "builder/2" || !strings.HasPrefix(left[1], "snapshot snap-") || left[2] != "web-from-plain" {
		t.Errorf("left: %v", left)
	}
	for text, want := range map[string]string{
		point + " is gone": "night-1 is gone",
		"backup job 00000000-0000-4000-8000-000000000001 of arn:aws:ec2:us-west-1:123456789012:instance/" + r.instance("server"): "backup job #1 of server",
	} {
		if got := r.shown(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	if _, _, err := r.stage.do(t.Context(), Do{CreateVersion: &CreateVersion{Template: "web", Image: "made-from:night-2"}}); err == nil {
		t.Error("a version has an image that there is not")
	}
}

// What is in a world beside ids: what instances are launched with, and where.
func TestWhatInstancesAreLaunchedWith(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	for name, subnet := range map[string]string{"server": r.names.id("main.a"), "web/1": "subnet-0a1b2c3d4e5f60718"} {
		out, err := r.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{r.instance(name)}})
		if err != nil {
			t.Fatal(err)
		}
		i := out.Reservations[0].Instances[0]
		if *i.SubnetId != subnet || *i.KeyName != "ops" || *i.SecurityGroups[0].GroupId != r.names.id("servers") || i.Platform != types.PlatformValuesWindows ||
			i.IamInstanceProfile == nil || !strings.HasSuffix(*i.IamInstanceProfile.Arn, "/server") {
			t.Errorf("%s: %+v", name, i)
		}
	}
	groups, err := r.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{r.names.id("servers")}})
	if err != nil || len(groups.SecurityGroups[0].IpPermissionsEgress) > 0 {
		t.Errorf("the security group is %+v, %v", groups, err)
	}
	for _, name := range []string{"ops", "others"} {
		_, err := r.ec2.DescribeKeyPairs(t.Context(), &ec2.DescribeKeyPairsInput{KeyNames: []string{name}})
		if known := err == nil; known != (name == "ops") {
			t.Errorf("key pair %s: %v", name, err)
		}
	}
}

func TestDocumentsAndBoots(t *testing.T) {
	t.Parallel()
	minute := automation.Duration(time.Minute)
	for name, c := range map[string]struct {
		document string
		says     Document
		want     simssm.Behaviour
	}{
		"at once":          {"Deploy", Document{Says: "done"}, simssm.Behaviour{Output: "done"}},
		"fails":            {"Deploy", Document{Fails: "no", Takes: minute}, simssm.Behaviour{Takes: time.Minute, Error: "no", ExitCode: 1}},
		"exit code":        {"Deploy", Document{Fails: "no", ExitCode: 31}, simssm.Behaviour{Error: "no", ExitCode: 31}},
		"hangs":            {"Deploy", Document{Hangs: true}, simssm.Behaviour{End: simssm.Hangs}},
		"lost":             {"Deploy", Document{Lost: true}, simssm.Behaviour{End: simssm.NeverDelivered}},
		"shuts down":       {"Deploy", Document{ShutsDown: true}, simssm.Behaviour{End: simssm.ShutsDown}},
		"sysprep":          {simssm.RunSysprep, Document{Takes: minute}, simssm.Behaviour{End: simssm.ShutsDown, Takes: time.Minute}},
		"sysprep as usual": {simssm.RunSysprep, Document{}, simssm.Usual(simssm.RunSysprep)},
		"sysprep that fails": {
			simssm.RunSysprep,
			Document{Fails: "exit 31"},
			simssm.Behaviour{Takes: simssm.Usual(simssm.RunSysprep).Takes, Error: "exit 31", ExitCode: 1},
		},
	} {
		if got := c.says.behaviour(c.document); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	all := Boots{Image: "web", Checks: minute, Impaired: true, NoAgent: true, Stops: 2 * minute, Unfit: true}
	if got, want := all.boot(), (simec2.Boot{Checks: time.Minute, Impaired: true, Agentless: true, Stops: 2 * time.Minute}); got != want {
		t.Errorf("boots %+v, want %+v", got, want)
	}
	for b, want := range map[Boots]string{all: "slowly, and fail their status checks, without an agent, and stop by themselves, and never come into service", {Image: "web"}: "as usual"} {
		if got := b.words(); got != want {
			t.Errorf("boots %q, want %q", got, want)
		}
	}
}

// TestTimelines holds what is told of groups and machines against what was: UPDATE=1
// writes it anew.
func TestTimelines(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"groups", "machines"} {
		timeline, _ := play(t, examples(t)[name], false)
		var b strings.Builder
		for _, m := range timeline {
			fmt.Fprintf(&b, "%s %-8s %s\n", m.At.Format(time.TimeOnly), m.Who, strings.Join(append([]string{m.What}, m.More...), "\n                  "))
			for _, group := range slices.Sorted(maps.Keys(m.Groups)) {
				fmt.Fprintf(&b, "                  %s: %s\n", group, m.Groups[group])
			}
		}
		path := filepath.Join("testdata", name+".txt")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if diff := cmp.Diff(string(want), b.String()); diff != "" || err != nil {
			t.Errorf("%s is told otherwise (-want +got): %v\n%s", name, err, diff)
		}
	}
}
