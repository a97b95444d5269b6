package event

// misfit is something that people have at hand when they want to give Drover
// an event, and that is none: mostly a wrapper with the event inside.
type misfit struct {
	looks func(members) bool
	what  string
	hint  string
}

// misfit refuses n as a whole, for what it is instead of an event.
func (t text) misfit(n node, m misfit) error {
	return t.problem(n.start, ParseError{Got: m.what, Wanted: "an EventBridge event"}, m.hint)
}

// recognise finds out what an object is instead of an event. What looks like
// an event is not looked at any further, whatever else it holds.
func recognise(m members) (misfit, bool) {
	if isText(m, "detail-type") && isText(m, "source") {
		return misfit{}, false
	}
	for _, candidate := range misfits {
		if candidate.looks(m) {
			return candidate, true
		}
	}
	return misfit{}, false
}

// misfits are asked in this order; the last takes whatever has nothing of an
// event. The shapes are kept as samples in testdata/samples.
var misfits = []misfit{
	{
		isPattern,
		"an event pattern, which has arrays where an event has strings",
		"a pattern chooses events; give an event that it matches, such as one from the function's log",
	},
	{
		func(m members) bool { body, ok := firstRecord(m, "body"); return ok && isNotification(body) },
		"a batch of SQS messages with SNS notifications in them",
		"the event is inside: jq -r '.Records[].body | fromjson | .Message' FILE",
	},
	{
		func(m members) bool { _, ok := firstRecord(m, "body"); return ok },
		"a batch of SQS messages as a Lambda function receives them",
		"the event is inside: jq -r '.Records[].body' FILE",
	},
	{
		func(m members) bool { _, ok := firstRecord(m, "Sns"); return ok },
		"a batch of SNS notifications as a Lambda function receives them",
		"the event is inside: jq -r '.Records[].Sns.Message' FILE",
	},
	{
		has("Records"),
		"a batch of records as a Lambda function receives them",
		"if there are events inside, give them one by one",
	},
	{
		has("Messages"),
		"the answer of sqs receive-message",
		"the event is inside: jq -r '.Messages[].Body' FILE",
	},
	{
		has("Type", "Message"),
		"an SNS notification",
		"the event is inside: jq -r .Message FILE",
	},
	{
		has("requestContext", "requestPayload"),
		"the record that Lambda sends to a destination about an asynchronous call",
		"the event is inside: jq .requestPayload FILE",
	},
	{
		isTestNotification,
		"the test notification that Auto Scaling sends when a hook or notification is set up",
		"it means nothing and needs nothing done",
	},
	{
		has("AutoScalingGroupName", "RequestId"),
		"a message that Auto Scaling itself sent to a queue or topic",
		"there is no event inside; have an EventBridge rule for the source aws.autoscaling send them instead",
	},
	{
		has("eventVersion", "eventSource", "eventName"),
		"a CloudTrail record",
		`such a record is the detail of an event of type "AWS API Call via CloudTrail"; give that event`,
	},
	{
		has("InputTemplate"),
		"the input transformer of a rule's target",
		"give an event that the rule matches",
	},
	{
		has("DetailType"),
		"an entry for PutEvents",
		"give the event as EventBridge delivers it, with detail-type, source and detail in lower case",
	},
	{
		func(m members) bool { return !has("detail-type")(m) && !has("source")(m) && !has("detail")(m) },
		"an object without detail-type, source and detail",
		"if a rule's input transformer made it, give the event that the rule matched",
	},
}

// notObject says what a value is that is not even an object.
func notObject(n node) misfit {
	switch n.value.(type) {
	case elements:
		return misfit{what: "an array", hint: "give events one after the other, without brackets and commas: jq -c '.[]' FILE"}
	case string:
		return misfit{what: "a string", hint: "if the event is inside the string: jq -r . FILE"}
	}
	return misfit{what: n.String()}
}

func has(names ...string) func(members) bool {
	return func(m members) bool {
		for _, name := range names {
			if _, ok := m.get(name); !ok {
				return false
			}
		}
		return true
	}
}

func isText(m members, name string) bool {
	n, _ := m.get(name)
	_, ok := n.value.(string)
	return ok
}

func isPattern(m members) bool {
	for _, name := range []string{"detail-type", "source"} {
		n, _ := m.get(name)
		if _, ok := n.value.(elements); ok {
			return true
		}
	}
	return false
}

func isTestNotification(m members) bool {
	n, _ := m.get("Event")
	return n.value == "autoscaling:TEST_NOTIFICATION"
}

// firstRecord finds a member of the first of a batch of records.
func firstRecord(m members, name string) (node, bool) {
	n, _ := m.get("Records")
	records, _ := n.value.(elements)
	if len(records) == 0 {
		return node{}, false
	}
	record, _ := records[0].value.(members)
	return record.get(name)
}

// isNotification says whether the text in n is an SNS notification.
func isNotification(n node) bool {
	s, _ := n.value.(string)
	inner, err := text(s).value(0)
	if err != nil {
		return false
	}
	m, _ := inner.value.(members)
	return has("Type", "Message")(m)
}
