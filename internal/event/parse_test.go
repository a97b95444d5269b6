package event_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

const stateChange = `{
  "id": "7bf73129-1428-4cd3-a780-95db273d1602",
  "detail-type": "EC2 Instance State-change Notification",
  "source": "aws.ec2",
  "account": "012345678901",
  "time": "2021-01-13T00:12:37.214Z",
  "region": "us-west-1",
  "resources": ["arn:aws:ec2:us-west-1:012345678901:instance/i-1"],
  "detail": {"instance-id": "i-1", "state": "running"},
  "replay-name": "an extra member"
}`

func TestParseReadsTheEnvelope(t *testing.T) {
	for _, before := range []string{"", "\ufeff", "\r\n\t "} {
		e, err := event.Parse([]byte(before + stateChange + "\n"))
		if err != nil {
			t.Fatalf("after %q: %v", before, err)
		}
		if e.Account != "012345678901" || e.DetailType != event.TypeInstanceStateChange || e.Resources[0] != "arn:aws:ec2:us-west-1:012345678901:instance/i-1" {
			t.Errorf("read %+v", e)
		}
		if want := time.Date(2021, 1, 13, 0, 12, 37, 214e6, time.UTC); !e.Time.Equal(want) {
			t.Errorf("time %v, want %v", e.Time, want)
		}
	}
}

func TestParseSaysWhatIsWrongAndWhere(t *testing.T) {
	for name, test := range map[string]struct{ in, want, hint string }{
		"empty":  {"", "line 1, column 1: got an empty text, wanted an event", ""},
		"blanks": {"\n \n", "line 3, column 1: got an empty text, wanted an event", ""},
		"python": {
			`{'version': '0', 'id': None}`,
			"line 1, column 2: got a single quote: this is Python's way of printing a dict, not JSON, wanted a double quote",
			"json.dumps(event)",
		},
		"python after a log's prefix": {
			"{\n  \"detail\": {\n    \"é\": 'running'}}",
			"line 3, column 10: got a single quote: this is Python's way of printing a dict, not JSON, wanted a double quote",
			`replace every ' by "`,
		},
		"python's None":  {`{"id": None}`, "line 1, column 8: got None: this is Python's way of printing a dict, not JSON, wanted null", "null"},
		"python's True":  {`{"id": True}`, "line 1, column 8: got True: this is Python's way of printing a dict, not JSON, wanted true", "true"},
		"python's False": {`[False]`, "line 1, column 2: got False: this is Python's way of printing a dict, not JSON, wanted false", "false"},
		"word processor": {`{“id”: 1}`, "line 1, column 2: got a typographic quote, wanted a double quote", "replace"},
		"truncated": {
			"\n{\"source\":\n  \"aws.ec2\", \"detail\": {\n",
			"line 3, column 25: got the end of the text, wanted the rest of the JSON value that begins at line 2, column 1",
			"cut off",
		},
		"truncated string": {`{"source": "aws`, "line 1, column 16: got the end of the text, wanted the rest of the JSON value that begins at line 1, column 1", "cut off"},
		"not JSON":         {"{\n  source}", "line 2, column 3: got invalid character 's' looking for beginning of object key string, wanted JSON", ""},
		"not UTF-8":        {"{\"source\":\n\"\ufffd\xe9\"}", "line 2, column 3: got the byte 0xE9, which is not UTF-8, wanted UTF-8", "iconv"},
		"too deep":         {strings.Repeat("[", 20000), "line 1, column 10001: got invalid character '[' exceeded max depth, wanted JSON", ""},
		"two events":       {stateChange + "\n" + stateChange, "line 12, column 1: got more text after the event, wanted nothing but blanks", ""},
		"garbage after":    {stateChange + "\n  }", "line 12, column 3: got more text after the event, wanted nothing but blanks", ""},
		"array":            {"[" + stateChange + "]", "line 1, column 1: got an array, wanted an EventBridge event", "jq -c '.[]'"},
		"string":           {`"{}"`, "line 1, column 1: got a string, wanted an EventBridge event", "jq -r ."},
		"number":           {` 7`, "line 1, column 2: got 7, wanted an EventBridge event", ""},
		"notification":     {`{"Type": "Notification", "Message": "{}"}`, "line 1, column 1: got an SNS notification, wanted an EventBridge event", ".Message"},
		"received":         {`{"Messages": [{"Body": "{}"}]}`, "line 1, column 1: got the answer of sqs receive-message, wanted an EventBridge event", ".Messages[].Body"},
		"records":          {`{"Records": []}`, "line 1, column 1: got a batch of records as a Lambda function receives them, wanted an EventBridge event", "one by one"},
		"records of text":  {`{"Records": [{"body": "{"}]}`, "line 1, column 1: got a batch of SQS messages as a Lambda function receives them, wanted an EventBridge event", ".Records[].body"},
		"put":              {`{"Source": "x", "DetailType": "y", "Detail": "{}"}`, "line 1, column 1: got an entry for PutEvents, wanted an EventBridge event", "lower case"},
		"required": {
			`{"source": ""}`,
			"line 1, column 1: detail-type: got no such member, wanted a string that is not empty\n" +
				`line 1, column 12: source: got "", wanted a string that is not empty` + "\n" +
				"line 1, column 1: detail: got no such member, wanted an object",
			"",
		},
		"everything": {
			`{
  "version": 0,
  "id": null,
  "detail-type": 5,
  "source": "aws.ec2",
  "source": "aws.ec2",
  "account": 123456789012,
  "time": "2021-01-13 00:12:37",
  "region": ["us-west-1"],
  "resources": ["arn", {"a": 1}, null],
  "detail": "{}"
}`,
			`line 2, column 14: version: got 0, wanted a string
line 3, column 9: id: got null, wanted a string
line 4, column 18: detail-type: got 5, wanted a string that is not empty
line 6, column 3: source: got the member a second time, wanted it once
line 7, column 14: account: got 123456789012, wanted a string
line 8, column 11: time: got "2021-01-13 00:12:37", wanted a time such as 2017-12-22T18:43:48Z (RFC 3339)
line 9, column 13: region: got an array, wanted a string
line 10, column 24: resources[1]: got an object, wanted a string
line 10, column 34: resources[2]: got null, wanted a string
line 11, column 13: detail: got "{}", wanted an object`,
			"",
		},
		"types": {
			`{"source": "s", "detail-type": "t", "time": 5, "resources": "arn", "detail": []}`,
			`line 1, column 45: time: got 5, wanted a time such as 2017-12-22T18:43:48Z (RFC 3339)
line 1, column 61: resources: got "arn", wanted an array of strings
line 1, column 78: detail: got an empty array, wanted an object`,
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := event.Parse([]byte(test.in))
			refused(t, err, test.want, test.hint)
		})
	}
}

// refused checks an error's text, that a hint holds a part, and its class.
func refused(t *testing.T, err error, want, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %s", want)
	}
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if hints := strings.Join(failure.Hints(err), "\n"); (hint == "") != (hints == "") || !strings.Contains(hints, hint) {
		t.Errorf("hints %q, want one with %q", hints, hint)
	}
	if failure.ClassOf(err) != failure.Stop {
		t.Errorf("class %v, want stop", failure.ClassOf(err))
	}
	var problem *event.ParseError
	if !errors.As(err, &problem) {
		t.Errorf("%v has no ParseError in its chain", err)
	}
}

func TestDecoderReadsSequences(t *testing.T) {
	const small = `{"source": "s", "detail-type": "t", "detail": {}}`
	for name, in := range map[string]string{
		"one per line": small + "\n" + small + "\n",
		"no newline":   small + small,
		"spread":       "\ufeff\n\n" + small + "\r\n\r\n" + stateChange,
	} {
		t.Run(name, func(t *testing.T) {
			d := event.NewDecoder(iotest.OneByteReader(strings.NewReader(in)))
			for range 2 {
				if _, err := d.Next(); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if _, err := d.Next(); !errors.Is(err, io.EOF) {
					t.Fatalf("after the last: %v", err)
				}
			}
		})
	}
}

func TestDecoderCountsLinesOfTheWholeInput(t *testing.T) {
	d := event.NewDecoder(strings.NewReader(stateChange + "\n" + `{"source": 1, "detail-type": "t", "detail": {}}` + "\n" + stateChange + "\n{'a"))
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := d.Next()
	refused(t, err, "line 12, column 12: source: got 1, wanted a string that is not empty", "")
	if _, err := d.Next(); err != nil {
		t.Errorf("an event after a wrong envelope: %v", err)
	}
	const python = "line 24, column 2: got a single quote: this is Python's way of printing a dict, not JSON, wanted a double quote"
	for range 2 {
		_, err = d.Next()
		refused(t, err, python, "json.dumps")
	}
}

func TestDecoderRefusesAnEmptyInput(t *testing.T) {
	_, err := event.NewDecoder(strings.NewReader(" \n")).Next()
	refused(t, err, "line 2, column 1: got an empty text, wanted an event", "")
}

func TestDecoderReturnsTheReadersError(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := event.NewDecoder(iotest.ErrReader(broken)).Next(); !errors.Is(err, broken) {
		t.Errorf("Next = %v", err)
	}
}
