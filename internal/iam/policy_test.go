package iam_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/iam"
)

func parse(t *testing.T, document string) iam.Policy {
	t.Helper()
	p, err := iam.ParsePolicy([]byte(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return p
}

// document is a policy of one statement.
func document(members string) string {
	return `{"Version": "2012-10-17", "Statement": [{` + members + `}]}`
}

const allowAll = `"Effect": "Allow", "Action": "*", "Resource": "*"`

func TestParsePolicy(t *testing.T) {
	got := parse(t, document(`"Sid": "s", "Effect": "Deny", "Action": ["a:B", "a:C"], "Resource": "*",
		"Condition": {"StringEquals": {"a:k": "v", "a:l": ["v", "w"]}}`))
	want := iam.Policy{Version: "2012-10-17", Statement: []iam.Statement{{
		Sid: "s", Effect: "Deny", Action: iam.Values{"a:B", "a:C"}, Resource: iam.Values{"*"},
		Condition: map[string]map[string]iam.Values{"StringEquals": {"a:k": {"v"}, "a:l": {"v", "w"}}},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	for _, test := range []struct{ document, want string }{
		{``, "EOF"},
		{`{}`, `version ""`},
		{`{"Version": "2008-10-17", "Statement": []}`, "want \"2012-10-17\""},
		{document(allowAll) + "{}", "more than one"},
		{document(`"Effect": "Allow", "NotAction": "a:B", "Resource": "*"`), "NotAction"},
		{document(allowAll + `, "Principal": "*"`), "Principal"},
		{document(`"Effect": "allow", "Action": "*", "Resource": "*"`), "effect"},
		{document(`"Effect": "Allow", "Resource": "*"`), "no action"},
		{document(`"Effect": "Allow", "Action": [], "Resource": "*"`), "no action"},
		{document(`"Effect": "Allow", "Action": "*"`), "no resource"},
		{document(`"Effect": "Allow", "Action": 1, "Resource": "*"`), "string or a list"},
		{document(`"Effect": "Allow", "Action": "ec2", "Resource": "*"`), `action "ec2"`},
		{document(`"Effect": "Allow", "Action": "ec2:Run Instances", "Resource": "*"`), "Run Instances"},
		{document(`"Sid": "a-b", ` + allowAll), "letters and digits"},
		{document(`"Sid": "a", ` + allowAll + `}, {"Sid": "a", ` + allowAll), "not the only one"},
		{document(allowAll + `, "Condition": {"NumericEquals": {"a:k": "1"}}`), "unknown condition operator"},
		{document(allowAll + `, "Condition": {"StringEquals": {"k": "1"}}`), `condition key "k"`},
		{document(allowAll + `, "Condition": {"StringEquals": {"a:k": []}}`), "no value"},
		{document(allowAll + `, "Condition": {"Bool": {"a:k": "1"}}`), "want true or false"},
	} {
		if _, err := iam.ParsePolicy([]byte(test.document)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\ngot %v, want %q", test.document, err, test.want)
		}
	}
}

func TestSizeIsWithoutWhiteSpace(t *testing.T) {
	p := parse(t, document(allowAll+`, "Condition": {"StringEquals": {"aws:ResourceTag/é": "<&>"}}`))
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:ResourceTag/é":"<&>"}}}]}`
	if got := p.Size(); got != len([]rune(want)) {
		t.Errorf("Size = %d, want %d, that of %s", got, len([]rune(want)), want)
	}
	indented, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if again := parse(t, string(indented)); again.Size() != p.Size() {
		t.Errorf("Size = %d after indenting, %d before", again.Size(), p.Size())
	}
}
