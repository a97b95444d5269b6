package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// What the stub's world is: a stopped gateway, its standby, and a route.
const (
	deadGateway    = "i-05a7780f2af7c126c"
	standbyGateway = "i-045ebd27124159b6d"
	stubVPC        = "vpc-0bf5741eb0ef56a41"
	stubFleet      = `version: 1
fleet: bench
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  gateways:
    kind: route-failover
    vpc: ` + stubVPC + `
    members:
      - { instance: ` + deadGateway + `, interface: eni-00fea71a1c9255bef }
      - { instance: ` + standbyGateway + `, interface: eni-071b4d6cbf57de651 }
`
	stubPlan = `{"plan": {"version": "0", "id": "1", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
"account": "123456789012", "time": "2026-03-01T12:00:00Z", "region": "us-west-1",
"resources": ["arn:aws:ec2:us-west-1:123456789012:instance/` + deadGateway + `"],
"detail": {"instance-id": "` + deadGateway + `", "state": "stopped"}}}`
)

// stub is as much of AWS as a plan needs, over the wire and without delay, so
// that what is measured is the function and not AWS.
type stub struct {
	*httptest.Server
	calls atomic.Int64

	mu    sync.Mutex
	items map[string]json.RawMessage // of the table, by key
}

func newStub() *stub {
	s := &stub{items: map[string]json.RawMessage{}}
	s.Server = httptest.NewServer(s)
	return s
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, operation, json := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	answer := ""
	if json {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		answer, err = s.table(operation, body)
	} else {
		w.Header().Set("Content-Type", "text/xml")
		answer, err = describe(string(body))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, answer) // who is gone is missed by its own invocation
}

// table is DynamoDB.
func (s *stub) table(operation string, body []byte) (string, error) {
	var in struct {
		Key  map[string]json.RawMessage
		Item json.RawMessage
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", err
	}
	key := func(attributes map[string]json.RawMessage) string {
		return string(attributes["pk"]) + string(attributes["sk"])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch operation {
	case "GetItem":
		if item, ok := s.items[key(in.Key)]; ok {
			return `{"Item": ` + string(item) + `}`, nil
		}
		return `{}`, nil
	case "PutItem":
		var attributes map[string]json.RawMessage
		if err := json.Unmarshal(in.Item, &attributes); err != nil {
			return "", err
		}
		s.items[key(attributes)] = in.Item
		return `{}`, nil
	}
	return "", fmt.Errorf("the stub has no dynamodb:%s", operation)
}

// describe is EC2.
func describe(body string) (string, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return "", err
	}
	const head = `<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>%s</%[1]sResponse>`
	switch action := form.Get("Action"); action {
	case "DescribeInstances":
		return fmt.Sprintf(head, action, `<reservationSet><item><reservationId>r-1</reservationId><instancesSet>`+
			gateway(deadGateway, "eni-00fea71a1c9255bef", 80, "stopped")+gateway(standbyGateway, "eni-071b4d6cbf57de651", 16, "running")+
			`</instancesSet></item></reservationSet>`), nil
	case "DescribeRouteTables":
		return fmt.Sprintf(head, action, `<routeTableSet><item><routeTableId>rtb-0123456789abcdef0</routeTableId><vpcId>`+stubVPC+
			`</vpcId><routeSet><item><destinationCidrBlock>10.1.0.0/16</destinationCidrBlock><networkInterfaceId>eni-00fea71a1c9255bef</networkInterfaceId>`+
			`<instanceId>`+deadGateway+`</instanceId><state>active</state><origin>CreateRoute</origin></item></routeSet></item></routeTableSet>`), nil
	default:
		return "", fmt.Errorf("the stub has no ec2:%s", action)
	}
}

func gateway(instance, eni string, code int, state string) string {
	return fmt.Sprintf(`<item><instanceId>%s</instanceId><imageId>ami-0123456789abcdef0</imageId><vpcId>%s</vpcId><launchTime>2026-03-01T00:00:00.000Z</launchTime>`+
		`<instanceState><code>%d</code><name>%s</name></instanceState><placement><availabilityZone>us-west-1a</availabilityZone></placement>`+
		`<networkInterfaceSet><item><networkInterfaceId>%s</networkInterfaceId><sourceDestCheck>false</sourceDestCheck><attachment><deviceIndex>0</deviceIndex><status>attached</status></attachment></item></networkInterfaceSet></item>`,
		instance, stubVPC, code, state, eni)
}
