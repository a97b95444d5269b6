package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/event"
)

// withDetail is a state change event with another detail.
func withDetail(detail string) event.Event {
	e := event.NewInstanceStateChange("123456789012", "us-west-1", "i-1", "running", time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
	e.Detail = json.RawMessage(detail)
	return e
}

// TestOperators lists, per operator, what the field a of a detail may hold.
// testdata/event-ruler holds the finer points.
func TestOperators(t *testing.T) {
	for values, test := range map[string]struct{ match, not []string }{
		`["x", "y"]`: {[]string{`"x"`, `"y"`, `["z", "y"]`}, []string{`"X"`, `""`, `null`, `["z"]`, `[]`, `{"x": "x"}`}},
		`[300]`:      {[]string{`300`, `300.0`, `3.0e2`, `[1, 3e+2]`}, []string{`"300"`, `301`, `null`, `3e500`}},
		`[123456789012345678901]`: {
			[]string{`123456789012345678901`},
			[]string{`123456789012345678902`},
		},
		`[1e500]`: {[]string{`1e500`}, []string{`2e500`, `1`}},
		`[true]`:  {[]string{`true`}, []string{`false`, `"true"`, `1`}},
		`[null]`:  {[]string{`null`, `[null]`}, []string{`""`, `"null"`, `0`}},
		`[""]`:    {[]string{`""`}, []string{`null`, `" "`}},
		`["<&>"]`: {[]string{`"<&>"`}, []string{`"<"`}},
		`[{"prefix":"x"}]`: {
			[]string{`"x"`, `"xy"`, `["a", "xy"]`},
			[]string{`"yx"`, `"Xy"`, `5`, `null`},
		},
		`[{"prefix":""}]`:                                       {[]string{`"x"`, `""`}, []string{`5`, `null`}},
		`[{"suffix":".png"}]`:                                   {[]string{`"a.png"`}, []string{`"a.PNG"`, `".png "`, `5`}},
		`[{"anything-but":"x"}]`:                                {[]string{`"y"`, `5`, `null`, `true`, `["x", "y"]`}, []string{`"x"`, `["x"]`, `[]`, `{}`}},
		`[{"anything-but":["x","y"]}]`:                          {[]string{`"z"`}, []string{`"x"`, `"y"`, `["y", "x"]`}},
		`[{"anything-but":[1,2.5]}]`:                            {[]string{`3`, `"1"`}, []string{`1.0`, `25e-1`}},
		`[{"anything-but":{"prefix":"init"}}]`:                  {[]string{`"running"`, `5`, `null`}, []string{`"initializing"`}},
		`[{"anything-but":{"prefix":["a","b"]}}]`:               {[]string{`"c"`, `null`}, []string{`"ax"`, `"b"`}},
		`[{"anything-but":{"suffix":".png"}}]`:                  {[]string{`"a.gif"`, `5`}, []string{`"a.png"`}},
		`[{"anything-but":{"suffix":[".png",".gif"]}}]`:         {[]string{`"a.jpg"`, `["a.gif", "a.jpg"]`}, []string{`"a.png"`, `"a.gif"`}},
		`[{"anything-but":{"equals-ignore-case":"x"}}]`:         {[]string{`"y"`, `"xx"`, `true`}, []string{`"x"`, `"X"`}},
		`[{"anything-but":{"equals-ignore-case":["x","Y"]}}]`:   {[]string{`"z"`}, []string{`"X"`, `"y"`}},
		`[{"anything-but":{"wildcard":"*/lib/*"}}]`:             {[]string{`"/lib"`, `5`}, []string{`"/lib/"`, `"/usr/lib/x"`}},
		`[{"anything-but":{"wildcard":["*/lib/*","*/bin/*"]}}]`: {[]string{`"/share/"`}, []string{`"/lib/"`, `"/bin/"`}},
		`[{"anything-but":"10.0.0.1"}]`:                         {[]string{`"010.0.0.1"`}, []string{`"10.0.0.1"`}},
		`[{"prefix":{"equals-ignore-case":"EventB"}}]`:          {[]string{`"eventbridge"`, `"EVENTB"`}, []string{`"event"`, `5`}},
		`[{"suffix":{"equals-ignore-case":"ridge"}}]`:           {[]string{`"EVENTBRIDGE"`, `"Ridge"`}, []string{`"ridges"`, `"idge"`}},
		`[{"equals-ignore-case":"straße"}]`:                     {[]string{`"STRASSE"`, `"Straße"`}, []string{`"strase"`, `null`}},
		`[{"equals-ignore-case":"STRASSE"}]`:                    {[]string{`"Strasse"`}, []string{`"Straße"`}},
		`[{"wildcard":"dir/*.png"}]`:                            {[]string{`"dir/.png"`, `"dir/a/b.png"`}, []string{`"dir/a.png "`, `"xdir/a.png"`, `5`}},
		`[{"wildcard":"*a*b*"}]`:                                {[]string{`"ab"`, `"xaxbx"`}, []string{`"ba"`}},
		`[{"wildcard":"a*a"}]`:                                  {[]string{`"aa"`, `"aba"`}, []string{`"a"`}},
		`[{"wildcard":"\\*\\\\"}]`:                              {[]string{`"*\\"`}, []string{`"x\\"`, `"*"`}},
		`["10.0.0.1"]`:                                          {[]string{`"10.0.0.1"`, `"010.00.0.1"`, `"::ffff:a00:1"`}, []string{`"10.0.0.10"`, `167772161`}},
		`["2001:db8::1"]`:                                       {[]string{`"2001:DB8:0:0:0:0:0:1"`}, []string{`"2001:db8::"`}},
		`["10.0.0.256", "fe80::1%eth0"]`:                        {[]string{`"10.0.0.256"`, `"fe80::1%eth0"`}, []string{`"fe80::1"`}},
		`[{"cidr":"10.0.0.0/22"}]`:                              {[]string{`"10.0.3.255"`, `"10.0.0.0"`, `["x", "10.0.1.1"]`}, []string{`"10.0.4.0"`, `"9.255.255.255"`, `"10.0.0.0/22"`, `5`, `null`}},
		`[{"cidr":"2001:db8::/33"}]`:                            {[]string{`"2001:db8:7fff::1"`}, []string{`"2001:db8:8000::"`, `"32.1.13.184"`}},
		`[{"exists":true}]`:                                     {[]string{`"x"`, `null`, `false`, `[0]`}, []string{`[]`, `{}`, `{"b": 1}`}},
		`[{"exists":false}]`:                                    {[]string{`[]`, `{}`, `{"b": 1}`}, []string{`"x"`, `null`, `[0]`}},
		`[{"exists":false}, "x"]`:                               {[]string{`"x"`, `[]`}, []string{`"y"`}},
		`[{"numeric":["=",301.8]}]`:                             {[]string{`301.8`, `3018e-1`}, []string{`301.80001`, `"301.8"`}},
		`[{"numeric":["<",5]}]`:                                 {[]string{`4`, `-1e300`}, []string{`5`, `null`}},
		`[{"numeric":["<=",5]}]`:                                {[]string{`5`}, []string{`5.000001`}},
		`[{"numeric":[">",-5e9]}]`:                              {[]string{`0`}, []string{`-5e9`}},
		`[{"numeric":[">=",5]}]`:                                {[]string{`5`}, []string{`4.999999`}},
		`[{"numeric":[">",0,"<=",5]}]`:                          {[]string{`1`, `5`, `[9, 3]`}, []string{`0`, `6`, `[]`}},
		`[{"numeric":[">=",0,"<",5]}]`:                          {[]string{`0`}, []string{`5`}},
	} {
		p, err := event.ParsePattern([]byte(`{"detail":{"a":` + values + `}}`))
		if err != nil {
			t.Errorf("%s: %v", values, err)
			continue
		}
		for _, v := range test.match {
			if why, ok := p.Explain(event.Flatten(withDetail(`{"a":` + v + `}`))); !ok || why != "" {
				t.Errorf("%s does not match %s: %s", values, v, why)
			}
		}
		for _, v := range test.not {
			if why, ok := p.Explain(event.Flatten(withDetail(`{"a":` + v + `}`))); ok || why == "" {
				t.Errorf("%s matches %s", values, v)
			}
		}
		if absent := strings.Contains(values, `"exists":false`); p.Match(withDetail(`{"b":{"a":1}}`)) != absent {
			t.Errorf("%s matches a missing field: %v", values, !absent)
		}
	}
}

func TestPatternsSeeTheWholeEnvelope(t *testing.T) {
	e := withDetail(`{"a.b": {"c": "x"}, "list": [{"k": "a", "v": "1"}, {"k": "b", "v": "2"}]}`)
	e.Resources = append(e.Resources, "arn:aws:ec2:us-west-1:123456789012:instance/i-2")
	for pattern, want := range map[string]bool{
		`{"account":["123456789012"]}`:                                                  true,
		`{"region":["us-east-1","us-west-1"]}`:                                          true,
		`{"id":[{"exists":true}],"version":["0"]}`:                                      true,
		`{"time":[{"prefix":"2026-11-21T03:00:00Z"}]}`:                                  true,
		`{"resources":[{"suffix":"/i-2"}]}`:                                             true,
		`{"resources":[{"suffix":"/i-2"}],"region":["us-east-1"]}`:                      false,
		`{"Region":["us-west-1"]}`:                                                      false,
		`{"detail":{"a":{"b":{"c":["x"]}}}}`:                                            true,
		`{"detail":{"list":{"k":["a"],"v":["1"]}}}`:                                     true,
		`{"detail":{"list":{"k":["a"],"v":["2"]}}}`:                                     false,
		`{"$or":[{"region":["x"]},{"account":["123456789012"]}]}`:                       true,
		`{"$or":[{"region":["x"]},{"account":["x"]}]}`:                                  false,
		`{"region":["x"],"$or":[{"id":[{"exists":true}]},{"account":["x"]}]}`:           false,
		`{"detail":{"$or":[{"x":["x"]},{"list":{"k":["b"],"v":["2"]}}]}}`:               true,
		`{"$or":[{"region":["x"]},{"$or":[{"account":["x"]},{"source":["aws.ec2"]}]}]}`: true,
	} {
		if got := event.MustPattern(pattern).Match(e); got != want {
			t.Errorf("%s matches: %v, want %v", pattern, got, want)
		}
	}
}

func TestParsePatternSaysWhatIsWrongAndWhere(t *testing.T) {
	for in, want := range map[string]string{
		``:                                              "line 1, column 1: got an empty text, wanted an event pattern",
		`{"a":["x"]} x`:                                 "line 1, column 13: got more text after the event pattern, wanted nothing but blanks",
		`{'a':['x']}`:                                   "line 1, column 2: got a single quote: this is Python's way of printing a dict, not JSON, wanted a double quote",
		`[]`:                                            "line 1, column 1: got an empty array, wanted an object with at least one field",
		`{}`:                                            "line 1, column 1: got an empty object, wanted an object with at least one field",
		"{\n \"detail\": {}}":                           "line 2, column 12: detail: got an empty object, wanted an object with at least one field",
		`{"source":"aws.ec2"}`:                          `line 1, column 11: source: got "aws.ec2", wanted an array such as ["aws.ec2"]`,
		`{"source":null}`:                               `line 1, column 11: source: got null, wanted an array such as [null]`,
		`{"source":[]}`:                                 "line 1, column 11: source: got an empty array, wanted at least one value",
		`{"source":[["aws.ec2"]]}`:                      "line 1, column 12: source[0]: got an array, wanted a string, a number, true, false, null or an operator",
		`{"detail":{"a":["x",{}]}}`:                     "line 1, column 21: detail.a[1]: got 0 operators in one object, wanted one operator",
		`{"a":[{"prefix":"x","suffix":"y"}]}`:           "line 1, column 7: a[0]: got 2 operators in one object, wanted one operator",
		`{"a":[{"regex":"x"}]}`:                         `line 1, column 8: a[0]: got the unknown operator "regex", wanted anything-but or cidr or equals-ignore-case or exists or numeric or prefix or suffix or wildcard`,
		`{"a":[{"cidr":["10.0.0.0/24"]}]}`:              `line 1, column 15: a[0].cidr: got an array, wanted a string`,
		`{"a":[{"cidr":"10.0.0/24"}]}`:                  `line 1, column 15: a[0].cidr: got "10.0.0/24", wanted an address and a number of bits, such as 10.0.0.0/24 or 2001:db8::/32`,
		`{"a":[{"cidr":"10.0.0.0/32"}]}`:                `line 1, column 15: a[0].cidr: got "10.0.0.0/32", wanted an address and a number of bits, such as 10.0.0.0/24 or 2001:db8::/32; a single address is written as a string`,
		`{"a":[{"cidr":"::1/128"}]}`:                    `line 1, column 15: a[0].cidr: got "::1/128", wanted an address and a number of bits, such as 10.0.0.0/24 or 2001:db8::/32; a single address is written as a string`,
		`{"a":[{"wildcard":"x**"}]}`:                    `line 1, column 19: a[0].wildcard: got "x**", wanted no two * next to each other`,
		`{"a":[{"wildcard":"x\\y"}]}`:                   `line 1, column 19: a[0].wildcard: got "x\\y", wanted * or \ after each \`,
		`{"a":[{"equals-ignore-case":5}]}`:              `line 1, column 29: a[0].equals-ignore-case: got 5, wanted a string`,
		`{"a":[{"equals-ignore-case":"😀"}]}`:            `line 1, column 29: a[0].equals-ignore-case: got "😀", wanted no characters beyond U+FFFF, such as emoji: EventBridge does not find them when it ignores case`,
		`{"a":[{"suffix":{"prefix":"x"}}]}`:             `line 1, column 18: a[0].suffix: got the unknown operator "prefix", wanted equals-ignore-case`,
		`{"a":[{"prefix":{"equals-ignore-case":[]}}]}`:  `line 1, column 39: a[0].prefix.equals-ignore-case: got an empty array, wanted a string`,
		`{"a":[{"anything-but":{"wildcard":["x",5]}}]}`: `line 1, column 40: a[0].anything-but.wildcard[1]: got 5, wanted a string`,
		`{"a":[{"anything-but":{"suffix":[]}}]}`:        `line 1, column 33: a[0].anything-but.suffix: got an empty array, wanted at least one string`,
		`{"a":[{"anything-but":{"suffix":["x",""]}}]}`:  `line 1, column 38: a[0].anything-but.suffix[1]: got "", wanted a string that is not empty`,
		`{"a":[{"anything-but":{"suffix":true}}]}`:      `line 1, column 33: a[0].anything-but.suffix: got true, wanted a string or a list of strings`,
		`{"a":[{"anything-but":123456789012345678}]}`:   `line 1, column 23: a[0].anything-but: got 123456789012345678, wanted a number of at most 17 digits`,
		`{"a":[{"prefix":5}]}`:                          "line 1, column 17: a[0].prefix: got 5, wanted a string or the operator equals-ignore-case",
		`{"a":[{"suffix":["x"]}]}`:                      "line 1, column 17: a[0].suffix: got an array, wanted a string or the operator equals-ignore-case",
		`{"a":[{"exists":"true"}]}`:                     `line 1, column 17: a[0].exists: got "true", wanted true or false`,
		`{"a":[{"anything-but":[]}]}`:                   "line 1, column 23: a[0].anything-but: got [], wanted strings only, numbers only, or the operator equals-ignore-case or prefix or suffix or wildcard",
		`{"a":[{"anything-but":["x", 1]}]}`:             `line 1, column 23: a[0].anything-but: got ["x",1], wanted strings only, numbers only, or the operator equals-ignore-case or prefix or suffix or wildcard`,
		`{"a":[{"anything-but":null}]}`:                 "line 1, column 23: a[0].anything-but: got null, wanted strings only, numbers only, or the operator equals-ignore-case or prefix or suffix or wildcard",
		`{"a":[{"anything-but":{"prefix":""}}]}`:        "line 1, column 33: a[0].anything-but.prefix: got \"\", wanted a string that is not empty",
		`{"a":[{"anything-but":{"exists":true}}]}`:      `line 1, column 24: a[0].anything-but: got the unknown operator "exists", wanted equals-ignore-case or prefix or suffix or wildcard`,
		`{"a":[{"numeric":5}]}`:                         `line 1, column 18: a[0].numeric: got 5, wanted a comparison such as [">", 0], or a range such as [">", 0, "<=", 5]`,
		`{"a":[{"numeric":[">"]}]}`:                     `line 1, column 18: a[0].numeric: got an array, wanted a comparison such as [">", 0], or a range such as [">", 0, "<=", 5]`,
		`{"a":[{"numeric":["!=",5]}]}`:                  `line 1, column 19: a[0].numeric[0]: got "!=", wanted one of = < <= > >=`,
		`{"a":[{"numeric":[">","5"]}]}`:                 `line 1, column 23: a[0].numeric[1]: got "5", wanted a number from -5e9 to 5e9 of at most 17 digits`,
		`{"a":[{"numeric":[">",5000000000.1]}]}`:        `line 1, column 23: a[0].numeric[1]: got 5000000000.1, wanted a number from -5e9 to 5e9 of at most 17 digits`,
		`{"a":[{"numeric":[">",1e-9999]}]}`:             `line 1, column 23: a[0].numeric[1]: got 1e-9999, wanted a number from -5e9 to 5e9 of at most 17 digits`,
		`{"a":[{"numeric":["<",5,">",0]}]}`:             `line 1, column 19: a[0].numeric[0]: got "<", wanted > or >=, to begin a range`,
		`{"a":[{"numeric":[">",5,"=",9]}]}`:             `line 1, column 25: a[0].numeric[2]: got "=", wanted < or <=, to end a range`,
		`{"a":[{"numeric":[">=",5,"<=",5]}]}`:           `line 1, column 31: a[0].numeric[3]: got 5, wanted more than 5`,
		`{"$or":{"a":["x"]}}`:                           "line 1, column 8: $or: got an object, wanted an array of two objects or more",
		`{"detail":{"$or":[{"a":["x"]}]}}`:              "line 1, column 18: detail.$or: got an array, wanted an array of two objects or more",
		`{"$or":[{"a":["x"]},"x"]}`:                     `line 1, column 21: $or[1]: got "x", wanted an object with at least one field`,
		`{"$or":[{},{"a":["x"]}]}`:                      "line 1, column 9: $or[0]: got an empty object, wanted an object with at least one field",
		`{"$or":[{"prefix":["x"]},{"a":["x"]}]}`:        "line 1, column 10: prefix: got the name of an operator, wanted the name of a field, as a field within $or",
		`{"a":["x"],"a":["y"]}`:                         "line 1, column 16: a: got the field a second time, wanted it once",
		`{"a":["x"],"$or":[{"a":["y"]},{"b":["y"]}]}`:   "line 1, column 24: a: got the field a second time, wanted it once",
		`{"a.b":["x"],"a":{"b":["y"]}}`:                 "line 1, column 23: a.b: got the field a second time, wanted it once",
		"{\"a\": 1,\n \"b\": []}": "line 1, column 7: a: got 1, wanted an array such as [1]\n" +
			"line 2, column 7: b: got an empty array, wanted at least one value",
	} {
		t.Run(in, func(t *testing.T) {
			_, err := event.ParsePattern([]byte(in))
			hint := ""
			if strings.HasPrefix(in, "{'") {
				hint = "json.dumps"
			}
			refused(t, err, want, hint)
		})
	}
}

func TestAlternativesAreBounded(t *testing.T) {
	or := `"$or":[{"a":["x"]}` + strings.Repeat(`,{"b":["x"]}`, 39) + `]`
	_, err := event.ParsePattern([]byte("{" + or + ",\n\"x\":{" + or + "}}"))
	refused(t, err, "line 2, column 1: x: got 1600 combinations of alternatives, wanted at most 1000", "")
}

func TestExplainBlamesTheFirstField(t *testing.T) {
	e := withDetail(`{"state": "running", "list": [{"k": "a", "v": "1"}, {"k": "b", "v": "2"}]}`)
	for pattern, want := range map[string]string{
		`{"source":["aws.ec2"],"detail":{"state":["stopping","stopped"]}}`: `detail.state is "running", wanted "stopping" or "stopped"`,
		`{"source":["aws.ssm"]}`:                                                     `source is "aws.ec2", wanted "aws.ssm"`,
		`{"detail":{"instance-id":[{"prefix":"i-"},null]}}`:                          `detail.instance-id is missing, wanted {"prefix":"i-"} or null`,
		`{"detail":{"state":[{"cidr":"10.0.0.0/8"}]}}`:                               `detail.state is "running", wanted {"cidr":"10.0.0.0/8"}`,
		`{"detail":{"state":[{"wildcard":"*ed"},{"equals-ignore-case":"pending"}]}}`: `detail.state is "running", wanted {"wildcard":"*ed"} or {"equals-ignore-case":"pending"}`,
		`{"detail":{"state":[{"anything-but":{"suffix":["ing","ed"]}}]}}`:            `detail.state is "running", wanted {"anything-but":{"suffix":["ing","ed"]}}`,
		`{"detail":{"state":[{"prefix":{"equals-ignore-case":"stop"}}]}}`:            `detail.state is "running", wanted {"prefix":{"equals-ignore-case":"stop"}}`,
		`{"detail":{"list":{"k":["c"]}}}`:                                            `detail.list.k is "a", "b", wanted "c"`,
		`{"detail":{"list":{"k":["a"],"v":["2"]}}}`:                                  `detail.list.v is "2", but not in the same element of an array as the other fields`,
		`{"$or":[{"region":["x"]},{"detail":{"state":["y"]}}]}`:                      `region is "us-west-1", wanted "x"; and detail.state is "running", wanted "y"`,
		`{"account":["x"],"$or":[{"region":["x"]},{"id":["y"]}]}`:                    `account is "123456789012", wanted "x"`,
	} {
		if why, ok := event.MustPattern(pattern).Explain(event.Flatten(e)); ok || why != want {
			t.Errorf("%s: %v, %s\nwant %s", pattern, ok, why, want)
		}
	}
}

func TestPatternIsWrittenSortedByField(t *testing.T) {
	p := event.MustPattern(`{"source": ["aws.ec2"], "detail": {"b": [{"numeric": ["<=", 3.0e2]}], "a": ["<é>", "a"]}, "account": [null]}`)
	const want = `{"account":[null],"detail":{"a":["<é>","a"],"b":[{"numeric":["<=",3.0e2]}]},"source":["aws.ec2"]}`
	data, err := p.MarshalJSON()
	if err != nil || string(data) != want || p.String() != want {
		t.Errorf("written %s, %v\nwant    %s", data, err, want)
	}
	data[0] = 'x'
	if p.String() != want {
		t.Error("a caller can change the pattern")
	}
}

func TestTheZeroPatternIsNotValid(t *testing.T) {
	var p event.Pattern
	if why, ok := p.Explain(event.Flatten(withDetail(`{}`))); ok || why != "the pattern is empty" {
		t.Errorf("Explain = %q, %v", why, ok)
	}
	if _, err := json.Marshal(p); err == nil {
		t.Error("it was written as JSON")
	}
}

func TestEventsThatAreNotValidMatchNothing(t *testing.T) {
	p := event.MustPattern(`{"detail":{"a":[{"exists":false}]}}`)
	if why, ok := p.Explain(event.Flatten(withDetail(`{`))); ok || !strings.HasPrefix(why, "the event is not valid: ") {
		t.Errorf("Explain = %q, %v", why, ok)
	}
}

func TestWherePanicsOnWhatCouldNotMatch(t *testing.T) {
	p := event.PatternFor("aws.ec2", "x").Where("detail.state", "running")
	for name, where := range map[string]func(){
		"no values":      func() { p.Where("detail.x") },
		"twice":          func() { p.Where("source", "aws.ssm") },
		"below a field":  func() { p.Where("detail.state.x", "y") },
		"above a field":  func() { p.Where("detail", "y") },
		"zero pattern":   func() { event.Pattern{}.Where("source", "aws.ec2") },
		"broken pattern": func() { event.MustPattern(`{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			where()
		})
	}
	if got := p.String(); strings.Contains(got, `"y"`) {
		t.Errorf("Where changed its receiver: %s", got)
	}
}

func ExamplePatternFor() {
	p := event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange).
		Where("detail.instance-id", "i-05a7780f2af7c126c", "i-045ebd27124159b6d").
		Where("detail.state", "stopping", "stopped")
	fmt.Println(p)

	why, _ := p.Explain(event.Flatten(event.NewInstanceStateChange("123456789012", "us-west-1", "i-05a7780f2af7c126c", "running", time.Time{})))
	fmt.Println(why)
	// Output:
	// {"detail":{"instance-id":["i-05a7780f2af7c126c","i-045ebd27124159b6d"],"state":["stopping","stopped"]},"detail-type":["EC2 Instance State-change Notification"],"source":["aws.ec2"]}
	// detail.state is "running", wanted "stopping" or "stopped"
}
