package iamtest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/iam/iamtest"
)

const (
	table     = "arn:${Partition}:ec2:${Region}:${Account}:route-table/rtb-1"
	eni       = "arn:${Partition}:ec2:${Region}:${Account}:network-interface/*"
	instance  = "arn:${Partition}:ec2:${Region}:${Account}:instance/i-1"
	vpc       = "arn:${Partition}:ec2:${Region}:${Account}:vpc/vpc-1"
	topic     = "arn:aws:sns:us-west-1:123456789012:ops"
	attribute = "ec2:Attribute"
)

func need(action string, resources ...string) iam.Need {
	return iam.Need{Actions: []string{action}, Resources: resources}
}

func on(n iam.Need, operator, key, value string) iam.Need {
	n.Conditions = append(n.Conditions, iam.Condition{Operator: operator, Key: key, Values: []string{value}})
	return n
}

func TestCheck(t *testing.T) {
	const modify = "ec2:ModifyNetworkInterfaceAttribute"
	for _, test := range []struct {
		name  string
		needs []iam.Need
		want  []string // a part of each problem, in order
	}{
		{"nothing", nil, nil},
		{"a read of everything", []iam.Need{need("ec2:DescribeInstances")}, nil},
		{"a read of everything, said aloud", []iam.Need{need("ec2:DescribeInstances", "*")}, nil},
		{"a read in one region", []iam.Need{on(need("ec2:DescribeInstances"), "StringEquals", "ec2:Region", "us-west-1")}, nil},
		{"a write to ARNs", []iam.Need{need("ec2:ReplaceRoute", table), need("sns:Publish", topic)}, nil},
		{"recovery points of instances", []iam.Need{need("backup:DeleteRecoveryPoint", "arn:${Partition}:ec2:${Region}::image/*"), need("backup:DescribeBackupJob")}, nil},
		{"a condition on the resource", []iam.Need{on(need("ec2:ReplaceRoute", table), "ArnEquals", "ec2:Vpc", vpc)}, nil},
		{"a condition on all resources", []iam.Need{on(need("ec2:ReplaceRoute"), "ArnEquals", "ec2:Vpc", vpc)}, nil},
		{"a tag, in another case", []iam.Need{on(need("ec2:ReplaceRoute", table), "StringEquals", "AWS:resourcetag/drover:fleet", "f")}, nil},
		{
			"a statement for each type",
			[]iam.Need{on(need(modify, eni), "StringEquals", attribute, "SourceDestCheck"), need(modify, instance)},
			nil,
		},

		{"every recovery point", []iam.Need{need("backup:DeleteRecoveryPoint")}, []string{"changes any resource"}},
		{"no action", []iam.Need{{}}, []string{"without actions"}},
		{"an action not in the extract", []iam.Need{need("sts:GetCallerIdentity")}, []string{"sts:GetCallerIdentity: not in"}},
		{"a misspelt action", []iam.Need{need("ec2:Replaceroute", table)}, []string{"not in"}},
		{"a wildcard for actions", []iam.Need{need("ec2:Describe*")}, []string{"not in"}},
		{"an ARN where none is looked at", []iam.Need{need("ec2:DescribeInstances", instance)}, []string{"no resource-level"}},
		{"an ARN of another type", []iam.Need{need("ec2:ReplaceRoute", vpc)}, []string{"fits no resource type", "no ARN of a route-table"}},
		{"an ARN of any type", []iam.Need{need("ec2:ReplaceRoute", "arn:aws:ec2:*:*:*")}, []string{"fits no", "no ARN"}},
		{"half an ARN", []iam.Need{need("ec2:ReplaceRoute", "arn:aws:ec2:*")}, []string{"fits no", "no ARN"}},
		{"an ARN without its account", []iam.Need{need("sns:Publish", "arn:aws:sns:us-west-1::ops")}, []string{"fits no", "no ARN"}},
		{"a required type left out", []iam.Need{need(modify, instance)}, []string{"no ARN of a network-interface"}},
		{"a key that one ARN lacks", []iam.Need{on(need(modify, eni, instance), "StringEquals", attribute, "x")}, []string{"i-1: no request has the condition key ec2:Attribute"}},
		{"a key that nothing has", []iam.Need{on(need("sns:Publish", topic), "ArnEquals", "ec2:Vpc", vpc)}, []string{"no request has"}},
		{"a tag without a name", []iam.Need{on(need("ec2:ReplaceRoute", table), "StringEquals", "aws:ResourceTag/", "f")}, []string{"no request has"}},
		{"a key that a read of everything lacks", []iam.Need{on(need("ec2:DescribeInstances"), "ArnEquals", "ec2:Vpc", vpc)}, []string{"no request has"}},
		{"a write to anything", []iam.Need{need("ec2:ReplaceRoute")}, []string{"changes any resource"}},
		{"all problems at once", []iam.Need{need("x:Y"), need("a:B")}, []string{"a:B", "x:Y"}},
	} {
		var got []string
		if err := iamtest.Reference().Check(test.needs); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		matches := len(got) == len(test.want)
		for i := 0; matches && i < len(got); i++ {
			matches = strings.Contains(got[i], test.want[i])
		}
		if !matches {
			t.Errorf("%s:\ngot  %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestReferenceIsComplete(t *testing.T) {
	reference := iamtest.Reference()
	if len(reference) == 0 {
		t.Fatal("the reference is empty")
	}
	for name, action := range reference {
		if action.Access == "" {
			t.Errorf("%s has no access level", name)
		}
		for _, r := range action.Resources {
			if r.Type == "" || strings.Count(r.ARN, ":") < 5 {
				t.Errorf("%s: resource type %q has the ARN %q", name, r.Type, r.ARN)
			}
		}
	}
}

// TestAnActionIsThereOnce: of two entries the later would count, without a word.
func TestAnActionIsThereOnce(t *testing.T) {
	data, err := os.ReadFile("testdata/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	in := json.NewDecoder(bytes.NewReader(data))
	if _, err := in.Token(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			t.Fatal(err)
		}
		var entry json.RawMessage
		if err := in.Decode(&entry); err != nil {
			t.Fatal(err)
		}
		action, _ := name.(string)
		if seen[action] {
			t.Errorf("%s is there twice", action)
		}
		seen[action] = true
	}
	if !seen["kms:Decrypt"] {
		t.Error("no action was read")
	}
}
