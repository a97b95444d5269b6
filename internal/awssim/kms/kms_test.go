package kms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	kmssim "github.com/droverhq/drover/internal/awssim/kms"
	"github.com/droverhq/drover/internal/clock"
)

const account = "123456789012"

type scene struct {
	clock  *clock.Virtual
	world  *awssim.World
	sim    *kmssim.Service
	ec2    *ec2sim.Service
	client *kms.Client
}

func newScene() *scene {
	s := &scene{clock: clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), sim: kmssim.New(), ec2: ec2sim.New(ec2sim.Times{})}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim, s.ec2)
	s.client = kms.NewFromConfig(s.world.Config())
	s.ec2.UseKeys(s.sim.Usable)
	return s
}

func (s *scene) grant(t *testing.T, in *kms.CreateGrantInput) (string, error) {
	t.Helper()
	out, err := s.client.CreateGrant(t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.GrantId, nil
}

func TestDescribeKey(t *testing.T) {
	s := newScene()
	own := s.sim.AddKey(kmssim.Key{ID: "k-1", Alias: "alias/images"})
	aws1 := s.sim.AddKey(kmssim.Key{ID: ec2sim.DefaultKey, Alias: "alias/aws/ebs", Manager: types.KeyManagerTypeAws})
	off := s.sim.AddKey(kmssim.Key{})
	if err := s.sim.SetState(off, types.KeyStatePendingDeletion); err != nil {
		t.Fatal(err)
	}
	if s.sim.SetState("arn:x", types.KeyStateEnabled) == nil {
		t.Error("a key that is not there has a state")
	}
	for id, want := range map[string]string{
		"k-1": own + " true CUSTOMER Enabled", own: own + " true CUSTOMER Enabled", "alias/images": own + " true CUSTOMER Enabled",
		"arn:aws:kms:us-west-1:123456789012:alias/aws/ebs": aws1 + " true AWS Enabled",
		off: off + " false CUSTOMER PendingDeletion",
	} {
		out, err := s.client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &id})
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if k := out.KeyMetadata; fmt.Sprint(*k.Arn, " ", k.Enabled, " ", k.KeyManager, " ", k.KeyState) != want {
			t.Errorf("%s: %+v, want %s", id, k, want)
		}
	}
	for id, want := range map[string]string{
		"k-9":        "Key 'arn:aws:kms:us-west-1:123456789012:key/k-9' does not exist",
		"alias/none": "Alias arn:aws:kms:us-west-1:123456789012:alias/none is not found.",
	} {
		_, err := s.client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &id})
		if missing := new(types.NotFoundException); !errors.As(err, &missing) || missing.ErrorMessage() != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestGrants(t *testing.T) {
	s := newScene()
	own := s.sim.AddKey(kmssim.Key{ID: "k-1", Alias: "alias/images"})
	other := s.sim.AddKey(kmssim.Key{ID: "k-2"})
	in := &kms.CreateGrantInput{KeyId: aws.String("k-1"), GranteePrincipal: aws.String("arn:p"), Name: aws.String("drover"), Operations: []types.GrantOperation{types.GrantOperationDecrypt}}
	first, err := s.grant(t, in)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.grant(t, in); err != nil || again != first {
		t.Errorf("the same grant twice: %s and %s, %v", first, again, err)
	}
	in.Operations = append(in.Operations, types.GrantOperationCreateGrant)
	second, err := s.grant(t, in)
	if err != nil || second == first {
		t.Errorf("another grant: %s, %v", second, err)
	}
	in.GranteePrincipal = aws.String("arn:q")
	third, err := s.grant(t, in)
	if err != nil {
		t.Fatal(err)
	}
	list := func(in *kms.ListGrantsInput) (ids []string) {
		for p := kms.NewListGrantsPaginator(s.client, in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range out.Grants {
				ids = append(ids, *g.GrantId)
			}
		}
		return ids
	}
	for _, c := range []struct {
		in   kms.ListGrantsInput
		want []string
	}{
		{kms.ListGrantsInput{KeyId: &own}, []string{first, second, third}},
		{kms.ListGrantsInput{KeyId: &own, GranteePrincipal: aws.String("arn:p")}, []string{first, second}},
		{kms.ListGrantsInput{KeyId: &own, GrantId: &third}, []string{third}},
		{kms.ListGrantsInput{KeyId: &other}, nil},
	} {
		if got := list(&c.in); !slices.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
	_, err = s.client.ListGrants(t.Context(), &kms.ListGrantsInput{KeyId: aws.String("alias/images")})
	if missing := new(types.NotFoundException); !errors.As(err, &missing) {
		t.Errorf("grants by an alias: %v", err)
	}
	if err := errors.Join(s.sim.SetState(own, types.KeyStateDisabled), s.sim.SetState(other, types.KeyStatePendingDeletion)); err != nil {
		t.Fatal(err)
	}
	in.Name = nil
	if _, err := s.grant(t, in); !errors.As(err, new(*types.DisabledException)) {
		t.Errorf("a grant for a disabled key: %v", err)
	}
	in.KeyId = &other
	if _, err := s.grant(t, in); !errors.As(err, new(*types.KMSInvalidStateException)) {
		t.Errorf("a grant for a key that goes: %v", err)
	}
}

// TestKeyOfAnImage: who may launch from an encrypted image.
func TestKeyOfAnImage(t *testing.T) {
	role := kmssim.AutoScalingRole(account)
	grant := func(operations ...types.GrantOperation) func(*testing.T, *scene, string) {
		return func(t *testing.T, s *scene, key string) {
			if _, err := s.grant(t, &kms.CreateGrantInput{KeyId: &key, GranteePrincipal: &role, Operations: operations}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		key   kmssim.Key
		then  func(*testing.T, *scene, string)
		actor string
		want  ec2types.InstanceStateName
	}{
		{"a role of the account", kmssim.Key{}, nil, "", ec2types.InstanceStateNameRunning},
		{"a role that the policy leaves out", kmssim.Key{Users: []string{"arn:aws:iam::123456789012:role/other"}}, nil, "", ec2types.InstanceStateNameTerminated},
		{"a role that the policy names", kmssim.Key{Users: []string{"arn:aws:iam::123456789012:role/drover"}}, nil, "", ec2types.InstanceStateNameRunning},
		{"a disabled key", kmssim.Key{State: types.KeyStateDisabled}, nil, "", ec2types.InstanceStateNameTerminated},
		{"a group", kmssim.Key{}, nil, "autoscaling.amazonaws.com", ec2types.InstanceStateNameTerminated},
		{"a group with a grant", kmssim.Key{}, grant(types.GrantOperationDecrypt, types.GrantOperationCreateGrant), "autoscaling.amazonaws.com", ec2types.InstanceStateNameRunning},
		{"a group with half a grant", kmssim.Key{}, grant(types.GrantOperationDecrypt), "autoscaling.amazonaws.com", ec2types.InstanceStateNameTerminated},
		{"a group that the policy names", kmssim.Key{Users: []string{role}}, nil, "autoscaling.amazonaws.com", ec2types.InstanceStateNameRunning},
		{"a key that AWS manages", kmssim.Key{Manager: types.KeyManagerTypeAws}, nil, "autoscaling.amazonaws.com", ec2types.InstanceStateNameRunning},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene()
			key := s.sim.AddKey(c.key)
			if c.then != nil {
				c.then(t, s, key)
			}
			vpc, err := s.ec2.PlaceVPC(ec2sim.VPC{CIDR: "10.0.0.0/16"})
			if err != nil {
				t.Fatal(err)
			}
			subnet, err := s.ec2.PlaceSubnet("", vpc, "10.0.1.0/24", "us-west-1a")
			if err != nil {
				t.Fatal(err)
			}
			image := s.ec2.AddImage(ec2sim.Image{Name: "golden", Devices: []ec2sim.Device{{Key: key}}})
			client := ec2.NewFromConfig(s.world.Config())
			out, err := client.RunInstances(awssim.WithActor(t.Context(), c.actor), &ec2.RunInstancesInput{ImageId: &image, SubnetId: &subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
			if err != nil {
				t.Fatal(err)
			}
			s.clock.Advance(time.Minute)
			now, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}})
			if err != nil {
				t.Fatal(err)
			}
			if got := now.Reservations[0].Instances[0].State.Name; got != c.want {
				t.Errorf("the instance is %s, want %s", got, c.want)
			}
		})
	}
}

func TestGetKeyPolicy(t *testing.T) {
	s := newScene()
	s.sim.AddKey(kmssim.Key{ID: "k-1", Alias: "alias/images"})
	role := kmssim.AutoScalingRole(account)
	s.sim.AddKey(kmssim.Key{ID: "k-2", Users: []string{role}})
	statements := func(id string) (said []string) {
		out, err := s.client.GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: &id})
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Version   string
			Statement []struct {
				Effect            string
				Principal, Action any
			}
		}
		if err := json.Unmarshal([]byte(*out.Policy), &document); err != nil || document.Version != "2012-10-17" || *out.PolicyName != "default" {
			t.Fatalf("%s: %v, %s", *out.Policy, err, *out.PolicyName)
		}
		for _, st := range document.Statement {
			said = append(said, fmt.Sprint(st.Effect, " ", st.Principal, " ", st.Action))
		}
		return said
	}
	root := "Allow map[AWS:arn:aws:iam::123456789012:root] kms:*"
	users := "Allow map[AWS:[" + role + "]] "
	for id, want := range map[string][]string{
		"k-1": {root},
		"k-2": {root, users + "[kms:Encrypt kms:Decrypt kms:ReEncrypt* kms:GenerateDataKey* kms:DescribeKey]", users + "[kms:CreateGrant]"},
	} {
		if got := statements(id); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for _, in := range []*kms.GetKeyPolicyInput{
		{KeyId: aws.String("k-9")}, {KeyId: aws.String("alias/images")}, {KeyId: aws.String("k-1"), PolicyName: aws.String("other")},
	} {
		_, err := s.client.GetKeyPolicy(t.Context(), in)
		if missing := new(types.NotFoundException); !errors.As(err, &missing) {
			t.Errorf("%s %s: %v", *in.KeyId, aws.ToString(in.PolicyName), err)
		}
	}
}

// TestPermissions: all of them ask for the key, whichever way it is named.
func TestPermissions(t *testing.T) {
	s := newScene()
	own := s.sim.AddKey(kmssim.Key{ID: "k-1", Alias: "alias/images"})
	var asked []string
	s.world.Authorize(func(action, resource string, context map[string][]string) bool {
		asked = append(asked, strings.TrimSpace(action+" "+resource+" "+strings.Join(append(context["kms:RequestAlias"], context["kms:GrantOperations"]...), ",")))
		return false
	})
	_, err1 := s.client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/images")})
	_, err2 := s.client.ListGrants(t.Context(), &kms.ListGrantsInput{KeyId: aws.String("k-1")})
	_, err3 := s.grant(t, &kms.CreateGrantInput{KeyId: &own, GranteePrincipal: aws.String("arn:p"), Operations: []types.GrantOperation{types.GrantOperationDecrypt}})
	_, err4 := s.client.GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: aws.String("k-1")})
	if want := []string{"kms:DescribeKey " + own + " alias/images", "kms:ListGrants " + own, "kms:CreateGrant " + own + " Decrypt", "kms:GetKeyPolicy " + own}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	for _, err := range []error{err1, err2, err3, err4} {
		if !strings.Contains(fmt.Sprint(err), "AccessDenied") {
			t.Errorf("got %v", err)
		}
	}
}
