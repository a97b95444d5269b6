package imagerollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/automation/kindtest"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simkms "github.com/droverhq/drover/internal/awssim/kms"
	"github.com/droverhq/drover/internal/event"
)

// inspected are what keeps a rollout from being planned, and what is noted beside it.
func (w *world) inspected(c Config, events ...event.Event) (stuck, noted string) {
	w.Helper()
	p := decide(c, w.look(c, events...), w.clock.Now())
	var lines []string
	for _, r := range p.Stuck {
		lines = append(lines, r.Resource+" "+r.Why)
	}
	if len(p.Stuck) == 0 && len(p.Changes) == 0 {
		w.Fatalf("neither stuck nor planned: %+v", p)
	}
	if len(p.Stuck) > 0 && len(p.Changes) > 0 {
		w.Fatalf("it is begun although it cannot be done: %+v", p)
	}
	return strings.Join(lines, "\n"), strings.Join(p.Notes, "\n")
}

func TestInspectPlacesAndTypes(t *testing.T) {
	w := newWorld(t)
	vpc, err := w.ec2.PlaceVPC(simec2.VPC{CIDR: "10.1.0.0/16"})
	w.must(err)
	foreign, err := w.ec2.PlaceSecurityGroup(simec2.PlacedGroup{VPC: vpc, Name: "elsewhere"})
	w.must(err)
	w.ec2.AddKeyPair("operators")
	w.backUp()
	const subnet, security = "subnet-00000000000000099", "sg-00000000000000099"
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // what is missing, begins of lines
	}{
		{"everything is there", func(c *Config) { c.Builder.Key = "operators"; tested(c) }, ""},
		{"no subnet", func(c *Config) { c.Builder.Subnet = subnet }, subnet + " does not exist; builder.subnet names it"},
		{"no security group", func(c *Config) { c.Builder.SecurityGroups = append(c.Builder.SecurityGroups, security) }, security + " does not exist; builder.security-groups names it"},
		{
			"nothing is where it should be", func(c *Config) { c.Builder.Subnet, c.Builder.SecurityGroups = subnet, []string{security} },
			subnet + " does not exist; builder.subnet names it\n" + security + " does not exist; builder.security-groups names it",
		},
		{"a security group of another VPC", func(c *Config) { c.Builder.SecurityGroups = []string{foreign} }, foreign + " is of " + vpc + ", and " + w.subnet + " of "},
		{"no key pair", func(c *Config) { c.Builder.Key = "nobody" }, "key pair nobody does not exist; builder.key names it"},
		{"no key pair, by what looks like a wildcard", func(c *Config) { c.Builder.Key = "oper*" }, "key pair oper* does not exist"},
		{"no such type", func(c *Config) { c.Builder.Type = "m99.large" }, "instance type m99.large does not exist in this region; say another at builder.type or try.type"},
		{"no such type, to try it", func(c *Config) { c.Try = &Try{Type: "m99.large"} }, "instance type m99.large does not exist in this region"},
		{"a type of another architecture", func(c *Config) { c.Builder.Type = "m6g.large" }, "instance type m6g.large does not run ami-"},
		{"the same, said once", func(c *Config) { c.Builder.Type, c.Try = "m6g.large", &Try{} }, "instance type m6g.large does not run ami-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _ := w.inspected(w.config(), asksNothing)
			if got != "" {
				t.Fatalf("there is something amiss to begin with: %s", got)
			}
			c := w.config()
			test.edit(&c)
			defaults(&c)
			got, _ = w.inspected(c)
			if wanted := strings.Split(test.want, "\n"); !matches(wanted, got) {
				t.Errorf("missing is %q, want %q", got, test.want)
			}
		})
	}
}

// asksNothing is an event that says nothing.
var asksNothing = event.Sweep("web", t0)

// matches says whether there are as many lines as are wanted, and each begins as it is.
func matches(wanted []string, got string) bool {
	lines := strings.Split(got, "\n")
	if len(lines) != len(wanted) {
		return false
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, wanted[i]) || wanted[i] == "" && line != "" {
			return false
		}
	}
	return true
}

func TestInspectAsksForNothingIfNothingIsToBeDone(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *Config) { c.Builder.Subnet = "subnet-00000000000000099" })
	if s := w.look(c); len(s.Missing) > 0 {
		t.Errorf("missing is %+v", s.Missing)
	}
	if n := w.calls("ec2:DescribeSubnets"); n > 0 {
		t.Errorf("%d calls about subnets", n)
	}
}

// TestInspectTheQuota: machines of two vCPUs each, beside two of two that run.
func TestInspectTheQuota(t *testing.T) {
	w := newWorld(t)
	w.backUp()
	for _, test := range []struct {
		quota int
		edit  func(*Config)
		want  string
	}{
		{6, func(*Config) {}, ""},
		{5, func(*Config) {}, "quota L-1216C47A allows 5 vCPUs of on-demand instances, 4 run, and the rollout takes 2 more; ask for more: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A --desired-value 6"},
		{7, tested, "quota L-1216C47A allows 7 vCPUs of on-demand instances, 4 run, and the rollout takes 4 more; "},
		{8, tested, ""},
		{0, bare, ""},
	} {
		w.quotas.SetStandardInstances(test.quota)
		if got, _ := w.inspected(w.config(test.edit)); !matches([]string{test.want}, got) {
			t.Errorf("with a quota of %d: %q, want %q", test.quota, got, test.want)
		}
	}
	_, err := w.aws.EC2.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: &w.base, InstanceType: types.InstanceTypeT3Micro, SubnetId: &w.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		InstanceMarketOptions: &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot},
	})
	w.must(err)
	w.quotas.SetStandardInstances(6)
	if got, _ := w.inspected(w.config()); got != "" {
		t.Errorf("spot instances count toward another quota: %s", got)
	}
	w.quotas.SetStandardInstances(0)
	w.deny("servicequotas:GetServiceQuota")
	if got, _ := w.inspected(w.config()); got != "" {
		t.Errorf("what may not be read is left out: %s", got)
	}
}

func TestStandard(t *testing.T) {
	for kind, want := range map[string]bool{
		"t3.micro": true, "m6i.large": true, "r5.large": true, "i4i.large": true, "a1.large": true, "d3.xlarge": true, "h1.2xlarge": true, "z1d.large": true, "im4gn.large": true,
		"": false, "inf2.xlarge": false, "trn1.2xlarge": false, "dl1.24xlarge": false, "hpc7a.12xlarge": false, "g5.xlarge": false, "p4d.24xlarge": false, "x2gd.large": false, "u-6tb1.metal": false, "mac2.metal": false,
	} {
		if got := standard(kind); got != want {
			t.Errorf("%q: %t, want %t", kind, got, want)
		}
	}
}

// TestInspectKeys: whether the group may use the key of an encrypted image.
func TestInspectKeys(t *testing.T) {
	role := simkms.AutoScalingRole("123456789012")
	grant := func(principal string, operations ...kmstypes.GrantOperation) func(*world, string) {
		return func(w *world, key string) {
			_, err := w.aws.KMS.CreateGrant(w.Context(), &kms.CreateGrantInput{KeyId: &key, GranteePrincipal: &principal, Operations: operations})
			w.must(err)
		}
	}
	deny := func(action string) func(*world, string) {
		return func(w *world, _ string) { w.deny(action) }
	}
	const decrypt, create = kmstypes.GrantOperationDecrypt, kmstypes.GrantOperationCreateGrant
	refused := "AMI is encrypted with key KEY, which " + role + " may not use: group web could not launch from it; aws kms create-grant --key-id KEY --grantee-principal " + role
	for _, test := range []struct {
		name        string
		key         simkms.Key
		then        func(*world, string)
		stuck, note string // begins
	}{
		{"left to IAM", simkms.Key{}, nil, refused, ""},
		{"granted", simkms.Key{}, grant(role, decrypt, create), "", ""},
		{"granted by half", simkms.Key{}, grant(role, decrypt), refused, ""},
		{"granted to somebody else", simkms.Key{}, grant("arn:aws:iam::123456789012:role/other", decrypt, create), refused, ""},
		{"named by the policy", simkms.Key{Users: []string{role}}, nil, "", ""},
		{"the policy names somebody else", simkms.Key{Users: []string{"arn:aws:iam::123456789012:role/other"}}, nil, refused, ""},
		{"a key that AWS manages", simkms.Key{Manager: kmstypes.KeyManagerTypeAws}, nil, "", ""},
		{"disabled", simkms.Key{Users: []string{role}, State: kmstypes.KeyStateDisabled}, nil, "AMI is encrypted with key KEY, which is Disabled; enable it", ""},
		{"about to be deleted", simkms.Key{Users: []string{role}, State: kmstypes.KeyStatePendingDeletion}, nil, "AMI is encrypted with key KEY, which is PendingDeletion; enable it", ""},
		{"which may not be read", simkms.Key{}, deny("kms:DescribeKey"), "", "whether key KEY of AMI can be used is not known: Drover may not read it"},
		{"whose grants may not be read", simkms.Key{}, deny("kms:ListGrants"), "", "whether " + role + " may use key KEY of AMI is not known: Drover may not list the key's grants"},
		{"whose policy may not be read", simkms.Key{}, deny("kms:GetKeyPolicy"), "", "whether " + role + " may use key KEY of AMI is not known: Drover may not read the key's policy"},
		{"granted, and the policy may not be read", simkms.Key{}, func(w *world, key string) {
			grant(role, decrypt, create)(w, key)
			w.deny("kms:GetKeyPolicy")
		}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			key := w.kms.AddKey(test.key)
			image := w.ec2.AddImage(simec2.Image{Name: "golden", Created: w.clock.Now(), Devices: []simec2.Device{{Key: key}, {Name: "xvdb", Key: key}, {Name: "xvdc"}}})
			if test.then != nil {
				test.then(w, key)
			}
			c := w.config(bare, func(c *Config) { c.Source = Source{Images: &Images{Name: "golden"}} })
			stuck, noted := w.inspected(c)
			as := strings.NewReplacer("AMI", image, "KEY", key)
			if !matches([]string{as.Replace(test.stuck)}, stuck) {
				t.Errorf("stuck: %q\nwant %q", stuck, as.Replace(test.stuck))
			}
			if found := strings.Contains(noted, "is not known"); found != (test.note != "") || !strings.Contains(noted, as.Replace(test.note)) {
				t.Errorf("noted: %q\nwant %q", noted, as.Replace(test.note))
			}
		})
	}
	t.Run("which does not exist", func(t *testing.T) {
		w := newWorld(t)
		image := w.ec2.AddImage(simec2.Image{Name: "golden", Created: w.clock.Now(), Devices: []simec2.Device{{Key: "gone"}}})
		stuck, _ := w.inspected(w.config(func(c *Config) { c.Source = Source{Images: &Images{Name: "golden"}} }))
		if want := image + " is encrypted with key arn:aws:kms:us-west-1:123456789012:key/gone, which does not exist"; stuck != want {
			t.Errorf("stuck: %q, want %q", stuck, want)
		}
	})
}

// TestInspectKeysOfABuilder: Drover itself launches it, and the policy is rendered for
// the keys that the fleet file names.
func TestInspectKeysOfABuilder(t *testing.T) {
	role := simkms.AutoScalingRole("123456789012")
	for _, test := range []struct {
		name  string
		key   simkms.Key
		named bool
		want  string
	}{
		{"named", simkms.Key{Users: []string{role}}, true, ""},
		{"not named", simkms.Key{Users: []string{role}}, false, "AMI is encrypted with key KEY, which Drover may not use to launch a builder; name it at builder.kms-keys, and render the policy again"},
		{"named, but the group may not use it", simkms.Key{}, true, "AMI is encrypted with key KEY, which " + role + " may not use"},
		{"disabled, and not named", simkms.Key{State: kmstypes.KeyStateDisabled}, false, "AMI is encrypted with key KEY, which is Disabled; enable it"},
		{"a key that AWS manages", simkms.Key{Manager: kmstypes.KeyManagerTypeAws}, false, ""},
	} {
		w := newWorld(t)
		key := w.kms.AddKey(test.key)
		image := w.ec2.AddImage(simec2.Image{Name: "golden", Created: w.clock.Now(), Devices: []simec2.Device{{Key: key}}})
		stuck, _ := w.inspected(w.config(func(c *Config) {
			c.Source = Source{Images: &Images{Name: "golden"}}
			if test.named {
				c.Builder.Keys = []string{"arn:aws:kms:us-west-1:123456789012:key/other", key}
			}
		}))
		if want := strings.NewReplacer("AMI", image, "KEY", key).Replace(test.want); !matches([]string{want}, stuck) {
			t.Errorf("%s: %q, want %q", test.name, stuck, want)
		}
	}
}

// TestInspectAnothersImage: its snapshots are not shown, and so nothing is known of their
// keys. That keeps nobody from pinning the group to it.
func TestInspectAnothersImage(t *testing.T) {
	w := newWorld(t)
	shared := w.ec2.AddImage(simec2.Image{Name: "shared", Owner: "999999999999", Created: w.clock.Now(), Devices: []simec2.Device{{Key: "theirs"}}})
	if stuck, _ := w.inspected(w.config(func(c *Config) { c.Pin = shared })); stuck != "" {
		t.Error(stuck)
	}
	r := &turn{Env: kindtest.Env("web", w.aws, w.clock)}
	if keys, err := keysOf(t.Context(), r, Image{ID: shared, Snapshots: []string{"snap-00000000000000099"}}); err != nil || keys != nil {
		t.Errorf("keys %q, %v", keys, err)
	}
}

func TestPolicyAllows(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
	statement := func(effect, principal, action string) string {
		return fmt.Sprintf(`{"Sid": "x", "Effect": %q, "Principal": %s, "Action": %s, "Resource": "*"}`, effect, principal, action)
	}
	policy := func(all ...string) string {
		return `{"Version": "2012-10-17", "Statement": [` + strings.Join(all, ", ") + `]}`
	}
	mine, several := fmt.Sprintf(`{"AWS": %q}`, role), fmt.Sprintf(`{"AWS": ["arn:aws:iam::1:root", %q]}`, role)
	for _, test := range []struct {
		name, policy string
		want         bool
	}{
		{"all at once", policy(statement("Allow", mine, `"kms:*"`)), true},
		{"everything", policy(statement("Allow", mine, `"*"`)), true},
		{"in two statements", policy(statement("Allow", mine, `["kms:Encrypt", "kms:Decrypt"]`), statement("Allow", several, `"kms:CreateGrant"`)), true},
		{"in other letters, with wildcards", policy(statement("Allow", mine, `["KMS:decr*", "kms:Create?rant"]`)), true},
		{"everybody", policy(statement("Allow", `{"AWS": "*"}`, `"kms:*"`)), true},
		{"everybody, in short", policy(statement("Allow", `"*"`, `"kms:*"`)), true},
		{"the account", policy(statement("Allow", `{"AWS": "arn:aws:iam::123456789012:root"}`, `"kms:*"`)), false},
		{"a service", policy(statement("Allow", `{"Service": "ec2.amazonaws.com"}`, `"kms:*"`)), false},
		{"decrypting alone", policy(statement("Allow", mine, `["kms:Decrypt", "kms:GenerateDataKey*"]`)), false},
		{"grants alone", policy(statement("Allow", mine, `"kms:CreateGrant"`)), false},
		{"denied", policy(statement("Deny", mine, `"kms:*"`)), false},
		{"nobody is named", policy(`{"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "kms:*"}`), false},
		{"nothing", policy(), false},
	} {
		if got, err := policyAllows(test.policy, role); err != nil || got != test.want {
			t.Errorf("%s: %t, %v, want %t", test.name, got, err, test.want)
		}
	}
	if _, err := policyAllows("no policy", role); err == nil {
		t.Error("it reads what is no policy")
	}
}

func TestRoleOfAGroup(t *testing.T) {
	w := newWorld(t)
	g, _ := w.groups.Group("web")
	for _, test := range []struct {
		group Group
		want  string
	}{
		{Group{Name: "web", Role: "arn:aws:iam::1:role/own", ARN: *g.AutoScalingGroupARN}, "arn:aws:iam::1:role/own"},
		{Group{Name: "web", ARN: *g.AutoScalingGroupARN}, simkms.AutoScalingRole("123456789012")},
		{Group{Name: "web", ARN: "arn:aws-cn:autoscaling:cn-north-1:1:autoScalingGroup:x:autoScalingGroupName/web"}, "arn:aws-cn:iam::1:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"},
	} {
		if got, err := test.group.role(); err != nil || got != test.want {
			t.Errorf("%+v: %s, %v", test.group, got, err)
		}
	}
	if _, err := (Group{Name: "web", ARN: "x"}).role(); err == nil {
		t.Error("a group without an account has a role")
	}
}

// TestInspectKeepsOneOrder: what is found side by side is told in one order.
func TestInspectKeepsOneOrder(t *testing.T) {
	w := newWorld(t)
	key := w.kms.AddKey(simkms.Key{})
	image := w.ec2.AddImage(simec2.Image{Name: "golden", Created: w.clock.Now(), Devices: []simec2.Device{{Key: key}}})
	c := w.config(func(c *Config) {
		c.Source = Source{Images: &Images{Name: "golden"}}
		c.Builder.Subnet, c.Builder.Type = "subnet-00000000000000099", "m99.large"
	})
	for range 5 {
		var got []string
		for _, m := range w.look(c).Missing {
			got = append(got, m.Resource)
		}
		if want := []string{"subnet-00000000000000099", "instance type m99.large", image}; !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// TestTheTypeOfATemplate: that of the template which gets the image.
func TestTheTypeOfATemplate(t *testing.T) {
	w := newWorld(t)
	arm := w.armed()
	w.policy(at(w.template, "1"), at(arm, "1"))
	w.ec2.AddImage(simec2.Image{Name: "golden-arm", Architecture: types.ArchitectureValuesArm64, Created: w.clock.Now().Add(-time.Minute)})
	if stuck, _ := w.inspected(w.config(func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} })); stuck != "" {
		t.Error(stuck)
	}
}
