package iam_test

import (
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/iam"
)

func TestAllows(t *testing.T) {
	p := parse(t, `{"Version": "2012-10-17", "Statement": [
		{"Sid": "Read", "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
		{"Sid": "Routes", "Effect": "Allow", "Action": ["ec2:ReplaceRoute", "ec2:CreateRoute"],
			"Resource": ["arn:aws:ec2:us-west-1:*:route-table/rtb-1", "arn:aws:ec2:us-west-1:*:route-table/test-?"],
			"Condition": {"ArnEquals": {"ec2:Vpc": "arn:aws:ec2:us-west-1:1:vpc/vpc-1"}, "StringEquals": {"aws:ResourceTag/Team": ["net", "ops"]}}},
		{"Effect": "Allow", "Action": "sns:*", "Resource": "arn:aws:sns:*:1:*"},
		{"Sid": "Never", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}
	]}`)
	inVPC := func(more ...string) map[string][]string {
		context := map[string][]string{"ec2:Vpc": {"arn:aws:ec2:us-west-1:1:vpc/vpc-1"}, "aws:ResourceTag/Team": {"ops"}}
		for i := 0; i < len(more); i += 2 {
			context[more[i]] = []string{more[i+1]}
		}
		return context
	}
	const table = "arn:aws:ec2:us-west-1:1:route-table/"
	for _, test := range []struct {
		action, resource string
		context          map[string][]string
		want             bool
		reason           string
	}{
		{"ec2:DescribeInstances", "*", nil, true, "allowed by statement Read"},
		{"EC2:describeinstances", "*", nil, true, "allowed by statement Read"},
		{"ec2:RunInstances", "*", nil, false, "no statement allows ec2:RunInstances on *"},
		{"s3:GetObject", "arn:aws:s3:::b/k", nil, false, "on arn:aws:s3:::b/k$"}, // the Deny is no reason
		{"ec2:ReplaceRoute", table + "rtb-1", inVPC(), true, "allowed by statement Routes"},
		{"ec2:ReplaceRoute", table + "test-7", inVPC(), true, "allowed by statement Routes"},
		{"ec2:ReplaceRoute", table + "test-77", inVPC(), false, "statement Routes is about other resources"},
		{"ec2:ReplaceRoute", strings.ToUpper(table) + "rtb-1", inVPC(), false, "statement Routes is about other resources"},
		{"ec2:ReplaceRoute", "*", inVPC(), false, "statement Routes is about other resources"},
		{"ec2:ReplaceRoute", table + "rtb-1", inVPC("ec2:Vpc", "arn:aws:ec2:us-west-1:1:vpc/vpc-2"), false, `statement Routes wants of ec2:Vpc: ArnEquals ["arn:aws:ec2:us-west-1:1:vpc/vpc-1"], got ["arn:aws:ec2:us-west-1:1:vpc/vpc-2"]`},
		{"ec2:ReplaceRoute", table + "rtb-1", inVPC("aws:ResourceTag/Team", "hr"), false, "aws:ResourceTag/Team"},
		{"ec2:ReplaceRoute", table + "rtb-1", nil, false, "got []"},
		{"ec2:ReplaceRoute", table + "rtb-1", map[string][]string{"EC2:VPC": {"arn:aws:ec2:us-west-1:1:vpc/vpc-1"}, "AWS:resourcetag/TEAM": {"net"}}, true, "allowed by statement Routes"},
		{"ec2:ReplaceRoute", table + "rtb-1", inVPC("EC2:VPC", "arn:aws:ec2:us-west-1:1:vpc/vpc-2"), false, "ec2:Vpc"}, // two values
		{"sns:Publish", "arn:aws:sns:us-west-1:1:ops", nil, true, "allowed by statement 3"},
		{"sns:Publish", "arn:aws:sns:us-west-1:2:ops", nil, false, "statement 3 is about other resources"},
		{"ec2:DescribeInstances", "*", inVPC("aws:ViaAWSService", "true"), false, "denied by statement Never"},
		{"ec2:DescribeInstances", "*", inVPC("aws:ViaAWSService", "false"), true, "allowed by statement Read"},
	} {
		got, reason := p.Allows(iam.Request{Action: test.action, Resource: test.resource, Context: test.context})
		if got != test.want || !strings.Contains(reason+"$", test.reason) {
			t.Errorf("%s on %s with %v:\ngot  %v, %s\nwant %v, %s", test.action, test.resource, test.context, got, reason, test.want, test.reason)
		}
	}
}

func TestWhatIsNotUnderstoodAllowsNothing(t *testing.T) {
	allow := iam.Statement{Effect: "Allow", Action: iam.Values{"*"}, Resource: iam.Values{"*"}}
	with := func(change func(*iam.Statement)) iam.Policy {
		s := allow
		change(&s)
		return iam.Policy{Version: "2012-10-17", Statement: []iam.Statement{allow, s}}
	}
	for _, test := range []struct {
		policy iam.Policy
		want   string
	}{
		{iam.Policy{}, "not valid: version"},
		{with(func(s *iam.Statement) { s.Effect = "Permit" }), "statement 2: effect"},
		{with(func(s *iam.Statement) {
			s.Condition = map[string]map[string]iam.Values{"IpAddress": {"aws:SourceIp": {"10.0.0.0/8"}}}
		}), "unknown condition operator"},
		{with(func(s *iam.Statement) { s.Resource = iam.Values{"arn:aws:s3:::${aws:username}"} }), "statement 2 holds policy variables"},
		{with(func(s *iam.Statement) {
			s.Condition = map[string]map[string]iam.Values{"StringEquals": {"a:k": {"${aws:username}"}}}
		}), "statement 2 holds policy variables"},
	} {
		if allowed, reason := test.policy.Allows(iam.Request{Action: "a:B", Resource: "*"}); allowed || !strings.Contains(reason, test.want) {
			t.Errorf("got %v, %s; want %q", allowed, reason, test.want)
		}
	}
}
