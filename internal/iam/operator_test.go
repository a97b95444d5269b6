package iam

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOperators(t *testing.T) {
	const (
		arn   = "arn:aws:ec2:us-west-1:123456789012:vpc/vpc-1"
		other = "arn:aws:ec2:us-west-1:123456789012:vpc/vpc-2"
	)
	type values = []string
	for _, test := range []struct {
		operator         string
		patterns, values []string
		want             bool
	}{
		{"StringEquals", values{"a"}, values{"a"}, true},
		{"StringEquals", values{"b", "a"}, values{"a"}, true},
		{"StringEquals", values{"a"}, values{"A"}, false},
		{"StringEquals", values{"a*"}, values{"ab"}, false},
		{"StringEquals", values{"a*"}, values{"a*"}, true},
		{"StringEquals", values{"a"}, nil, false},
		{"StringEquals", values{"a"}, values{"a", "a"}, false}, // needs a set prefix

		{"StringNotEquals", values{"a"}, values{"b"}, true},
		{"StringNotEquals", values{"a", "b"}, values{"b"}, false},
		{"StringNotEquals", values{"a"}, nil, true},
		{"StringNotEquals", values{"a"}, values{"b", "c"}, false},

		{"StringEqualsIgnoreCase", values{"a"}, values{"A"}, true},
		{"StringEqualsIgnoreCase", values{"a"}, values{"b"}, false},
		{"StringEqualsIgnoreCase", values{"a"}, nil, false},
		{"StringNotEqualsIgnoreCase", values{"a"}, values{"A"}, false},
		{"StringNotEqualsIgnoreCase", values{"a"}, nil, true},

		{"StringLike", values{"a*c?"}, values{"abbcd"}, true},
		{"StringLike", values{"a*c?"}, values{"abbc"}, false},
		{"StringLike", values{"A*"}, values{"ab"}, false},
		{"StringLike", values{"*"}, values{""}, true},
		{"StringLike", values{"*"}, nil, false},
		{"StringNotLike", values{"a*"}, values{"ab"}, false},
		{"StringNotLike", values{"a*"}, values{"b"}, true},
		{"StringNotLike", values{"a*"}, nil, true},

		{"ArnEquals", values{arn}, values{arn}, true},
		{"ArnEquals", values{arn}, values{other}, false},
		{"ArnEquals", values{"arn:aws:ec2:*:*:vpc/*"}, values{arn}, true}, // as ArnLike
		{"ArnEquals", values{arn}, nil, false},
		{"ArnLike", values{"arn:aws:ec2:*:*:vpc/vpc-?"}, values{arn}, true},
		{"ArnLike", values{"arn:aws:*:us-west-1:123456789012:vpc/*"}, values{arn}, true},
		{"ArnLike", values{"arn:aws:e*1:123456789012:*:*:vpc/vpc-1"}, values{arn}, false}, // * would reach across
		{"ArnLike", values{"arn:*:*:*:*:*"}, values{"arn:aws:sns:r:1:topic:sub"}, true},   // the last part has the rest
		{"ArnLike", values{"arn:*:*:*:*:*"}, values{"arn:aws:sns:r:1"}, false},
		{"ArnLike", values{"ARN:aws:ec2:*:*:*"}, values{arn}, false},
		{"ArnNotEquals", values{arn}, values{other}, true},
		{"ArnNotEquals", values{arn}, values{arn}, false},
		{"ArnNotLike", values{"arn:aws:ec2:*:*:*"}, values{arn}, false},
		{"ArnNotLike", values{"arn:aws:ec2:*:*:*"}, nil, true},

		{"Bool", values{"true"}, values{"true"}, true},
		{"Bool", values{"true"}, values{"True"}, true},
		{"Bool", values{"true"}, values{"false"}, false},
		{"Bool", values{"false"}, nil, false},

		{"Null", values{"true"}, nil, true},
		{"Null", values{"true"}, values{"a"}, false},
		{"Null", values{"false"}, values{"a"}, true},
		{"Null", values{"false"}, nil, false},
		{"Null", values{"false"}, values{"a", "b"}, true},

		{"StringEqualsIfExists", values{"a"}, nil, true},
		{"StringEqualsIfExists", values{"a"}, values{"b"}, false},
		{"StringEqualsIfExists", values{"a"}, values{"a"}, true},
		{"StringNotEqualsIfExists", values{"a"}, nil, true},
		{"StringNotEqualsIfExists", values{"a"}, values{"a"}, false},
		{"ArnLikeIfExists", values{arn}, nil, true},
		{"BoolIfExists", values{"true"}, nil, true},

		{"ForAllValues:StringEquals", values{"a", "b"}, values{"a", "b"}, true},
		{"ForAllValues:StringEquals", values{"a", "b"}, values{"b"}, true},
		{"ForAllValues:StringEquals", values{"a", "b"}, values{"b", "c"}, false},
		{"ForAllValues:StringEquals", values{"a"}, nil, true},
		{"ForAllValues:StringNotEquals", values{"a", "b"}, values{"c", "d"}, true},
		{"ForAllValues:StringNotEquals", values{"a", "b"}, values{"c", "a"}, false},
		{"ForAllValues:StringNotEquals", values{"a"}, nil, true},
		{"ForAllValues:StringLike", values{"drover:*"}, values{"drover:fleet", "drover:run"}, true},

		{"ForAnyValue:StringEquals", values{"a", "b"}, values{"c", "b"}, true},
		{"ForAnyValue:StringEquals", values{"a", "b"}, values{"c"}, false},
		{"ForAnyValue:StringEquals", values{"a"}, nil, false},
		{"ForAnyValue:StringNotEquals", values{"a"}, values{"a", "b"}, true},
		{"ForAnyValue:StringNotEquals", values{"a"}, values{"a"}, false},
		{"ForAnyValue:StringNotEquals", values{"a"}, nil, false},
		{"ForAnyValue:ArnLike", values{arn}, values{other, arn}, true},
	} {
		op, err := parseOperator(test.operator)
		if err != nil {
			t.Errorf("%s: %v", test.operator, err)
			continue
		}
		if err := op.check(test.patterns); err != nil {
			t.Errorf("%s %q: %v", test.operator, test.patterns, err)
		}
		if got := op.holds(test.patterns, test.values); got != test.want {
			t.Errorf("%s %q of %q = %v, want %v", test.operator, test.patterns, test.values, got, test.want)
		}
	}
}

func TestUnknownOperatorsAreRefused(t *testing.T) {
	for _, name := range []string{
		"", "stringequals", "StringMatches", "NumericEquals", "IpAddress", "DateLessThan", "IfExists", "ForAllValues:",
		"ForAllValues:StringMatches", "ForSomeValues:StringEquals", ":StringEquals", "StringEqualsIfExistsIfExists",
		"NullIfExists", "ForAnyValue:Null", "ForAllValues:StringEqualsIfExists", "ForAnyValue:ForAnyValue:StringEquals",
	} {
		if _, err := parseOperator(name); err == nil {
			t.Errorf("operator %q is accepted", name)
		}
	}
}

func TestConditionValues(t *testing.T) {
	for _, test := range []struct {
		operator string
		values   []string
		want     string
	}{
		{"StringEquals", nil, "no value"},
		{"StringEquals", []string{""}, ""},
		{"Bool", []string{"yes"}, "want true or false"},
		{"Bool", []string{"True", "FALSE"}, ""},
		{"Null", []string{""}, "want true or false"},
		{"ArnLike", []string{"*"}, "want an ARN"},
		{"ArnLike", []string{"arn:aws:ec2:*"}, "want an ARN"},
		{"ArnNotEqualsIfExists", []string{"arn:*:*:*:*:*", "vpc-1"}, "vpc-1"},
	} {
		op, err := parseOperator(test.operator)
		if err != nil {
			t.Fatal(err)
		}
		err = op.check(test.values)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s %q: got %v, want %q", test.operator, test.values, err, test.want)
		}
	}
}

// TestGlob compares with regular expressions.
func TestGlob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?é")), 0, 8, -1).Draw(t, "pattern")
		value := rapid.StringOfN(rapid.RuneFrom([]rune("abé")), 0, 8, -1).Draw(t, "value")
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile("^" + expression + "$").MatchString(value)
		if got := glob(pattern, value); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", pattern, value, got, want)
		}
	})
}
