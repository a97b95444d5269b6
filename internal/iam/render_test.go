package iam_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/iam"
)

var vars = iam.Vars{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012"}

// TestNewPolicy shows all there is to rendering: merging, sorting, duplicates,
// placeholders, single values, Sids.
func TestNewPolicy(t *testing.T) {
	inVPC := iam.Condition{Operator: "ArnEquals", Key: "ec2:Vpc", Values: []string{"arn:${Partition}:ec2:${Region}:${Account}:vpc/vpc-1"}}
	tables := []string{
		"arn:${Partition}:ec2:${Region}:${Account}:route-table/rtb-2",
		"arn:${Partition}:ec2:${Region}:${Account}:route-table/rtb-1",
		"arn:${Partition}:ec2:${Region}:${Account}:route-table/rtb-1",
	}
	p, err := iam.NewPolicy([]iam.Need{
		{Actions: []string{"ec2:ReplaceRoute"}, Resources: tables, Conditions: []iam.Condition{inVPC, inVPC}, Why: "routes move"},
		{Actions: []string{"ec2:DescribeInstances"}, Why: "one reason"},
		{Actions: []string{"ec2:DescribeRouteTables", "ec2:DescribeInstances"}, Resources: []string{"*"}, Why: "another"},
		{Actions: []string{"ec2:CreateRoute"}, Resources: tables[:2], Conditions: []iam.Condition{inVPC}},
		{Actions: []string{"ec2:DeleteRoute"}, Resources: tables[:2]},
	}, vars)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(`
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ec2CreateRoute0395e01c",
      "Effect": "Allow",
      "Action": [
        "ec2:CreateRoute",
        "ec2:ReplaceRoute"
      ],
      "Resource": [
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:route-table/rtb-1",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:route-table/rtb-2"
      ],
      "Condition": {
        "ArnEquals": {
          "ec2:Vpc": "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:vpc/vpc-1"
        }
      }
    },
    {
      "Sid": "ec2DeleteRoutec643fda6",
      "Effect": "Allow",
      "Action": "ec2:DeleteRoute",
      "Resource": [
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:route-table/rtb-1",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:route-table/rtb-2"
      ]
    },
    {
      "Sid": "ec2DescribeInstances4b2d5b98",
      "Effect": "Allow",
      "Action": [
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables"
      ],
      "Resource": "*"
    }
  ]
}`)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNewPolicyOfNothing(t *testing.T) {
	p, err := iam.NewPolicy(nil, iam.Vars{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(p); string(got) != `{"Version":"2012-10-17","Statement":[]}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPlaceholders(t *testing.T) {
	for _, test := range []struct {
		vars              iam.Vars
		resource, want    string
		wantErr           string
		operator, wantVal string
	}{
		{vars: vars, resource: "arn:${Partition}:x:${Region}:${Account}:y", want: "arn:aws-us-gov:x:us-gov-west-1:123456789012:y"},
		{vars: iam.Vars{}, resource: "arn:${Partition}:iam::${Account}:role/r", want: "arn:aws:iam::*:role/r"},
		{vars: iam.Vars{}, resource: "arn:${Partition}:x:${Region}::y", wantErr: "the region is not known"},
		{vars: vars, resource: "arn:${partition}:x:::y", wantErr: "unknown placeholder ${partition}"},
		{vars: vars, resource: "arn:${aws:PrincipalTag/team}", wantErr: "unknown placeholder ${aws:PrincipalTag/team}"},
		{vars: vars, resource: "arn:${Partition", wantErr: "unknown placeholder ${Partition"},
		{vars: vars, resource: "*", operator: "StringEquals", want: "*", wantVal: "123456789012"},
		{vars: iam.Vars{}, resource: "*", operator: "StringLike", want: "*", wantVal: "*"},
		{vars: iam.Vars{}, resource: "*", operator: "StringEquals", wantErr: "takes no wildcard"}, // "*" would match nothing
	} {
		need := iam.Need{Actions: []string{"a:B"}, Resources: []string{test.resource}}
		if test.operator != "" {
			need.Conditions = []iam.Condition{{Operator: test.operator, Key: "aws:SourceAccount", Values: []string{"${Account}"}}}
		}
		p, err := iam.NewPolicy([]iam.Need{need}, test.vars)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%s %s: got %v, want %q", test.resource, test.operator, err, test.wantErr)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", test.resource, test.operator, err)
			continue
		}
		s := p.Statement[0]
		if s.Resource[0] != test.want {
			t.Errorf("%s became %s, want %s", test.resource, s.Resource[0], test.want)
		}
		if test.operator != "" && s.Condition[test.operator]["aws:SourceAccount"][0] != test.wantVal {
			t.Errorf("%s became %q, want %q", test.operator, s.Condition[test.operator], test.wantVal)
		}
	}
}

func TestNewPolicyRefuses(t *testing.T) {
	condition := func(operator, key string, values ...string) iam.Condition {
		return iam.Condition{Operator: operator, Key: key, Values: values}
	}
	for _, test := range []struct {
		name string
		need iam.Need
		want string
	}{
		{"no action", iam.Need{}, "no action"},
		{"half an action", iam.Need{Actions: []string{"DescribeInstances"}}, `action "DescribeInstances"`},
		{"a placeholder in an action", iam.Need{Actions: []string{"${Region}:X"}}, "action"},
		{"an unknown operator", iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("Equals", "a:k", "v")}}, "unknown condition operator"},
		{"no value", iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("StringEquals", "a:k")}}, "no value"},
		{"a placeholder in a key", iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("StringEquals", "a:${Region}", "v")}}, "condition key"},
		{"an unknown placeholder", iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("StringEquals", "a:k", "${x}")}}, "unknown placeholder ${x}"},
		{
			"two conditions that would become either-or",
			iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("StringLike", "a:k", "x*"), condition("StringLike", "a:k", "*y")}},
			"stands twice",
		},
		{
			"the same, in another case",
			iam.Need{Actions: []string{"a:B"}, Conditions: []iam.Condition{condition("StringLike", "a:k", "x*"), condition("StringLike", "a:K", "*y")}},
			"stands twice",
		},
	} {
		if _, err := iam.NewPolicy([]iam.Need{test.need}, vars); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}
