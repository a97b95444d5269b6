//go:build conformance

package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/droverhq/drover/internal/scenario"
)

// tap stands between a program and moto, lets everything through unchanged and
// remembers it. It reads what is on the wire and knows nothing of the SDK: it
// is a witness of its own.
type tap struct {
	url string

	mu     sync.Mutex
	made   []request
	before func(operation string)
}

// request is one request and what became of it.
type request struct {
	Operation string // as IAM names it: "ec2:ReplaceRoute"
	Form      url.Values
	JSON      map[string]any // of services that speak it
	Status    int
	Answer    string // of a request that was refused
}

type requestKey struct{}

// newTap opens a tap to a server for the length of a test.
func newTap(t *testing.T, s *server, way http.RoundTripper) *tap {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	tp := &tap{}
	// ModifyResponse runs before the caller gets its answer, so that whatever
	// the caller knows to have happened has been recorded.
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: way,
		ModifyResponse: func(res *http.Response) error {
			made := res.Request.Context().Value(requestKey{}).(request)
			made.Status = res.StatusCode
			if !made.done() {
				answer, err := io.ReadAll(res.Body)
				if err != nil {
					return err
				}
				made.Answer = string(answer)
				res.Body = io.NopCloser(bytes.NewReader(answer))
			}
			tp.record(made)
			seen.add(made.Operation)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			made := r.Context().Value(requestKey{}).(request)
			made.Status, made.Answer = http.StatusBadGateway, err.Error()
			tp.record(made)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made, err := read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		tp.meet(made.Operation)
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, made)))
	}))
	tp.url = front.URL
	t.Cleanup(func() {
		front.Close()
		if t.Failed() {
			t.Logf("what went over the wire:\n%s\nthe last lines of moto's log:\n%s", lines(tp.requests()), s.log.tail(20))
		}
	})
	return tp
}

// read takes a request apart and puts it together again.
func read(r *http.Request) (request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	made := request{Operation: signedFor(r) + ":" + r.Method + " " + r.URL.Path}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		made.Operation, made.Form = signedFor(r)+":"+form.Get("Action"), form
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" { // services that speak JSON, such as AmazonSSM.GetParameter
		made.Operation = signedFor(r) + ":" + target[strings.LastIndex(target, ".")+1:]
		if err := json.Unmarshal(body, &made.JSON); err != nil {
			return made, fmt.Errorf("%s with a body that is no JSON: %w", made.Operation, err)
		}
	}
	return made, nil
}

// signedFor is the service in the credential scope of a request's signature:
// KEY/20261121/us-west-1/ec2/aws4_request.
func signedFor(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	if parts := strings.Split(scope, "/"); len(parts) == 5 {
		return parts[3]
	}
	return "unsigned"
}

// interfere has something done before each request is passed on.
func (tp *tap) interfere(before func(operation string)) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.before = before
}

func (tp *tap) meet(operation string) {
	tp.mu.Lock()
	before := tp.before
	tp.mu.Unlock()
	if before != nil {
		before(operation)
	}
}

func (tp *tap) record(made request) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.made = append(tp.made, made)
}

// requests are all requests so far.
func (tp *tap) requests() []request {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return slices.Clone(tp.made)
}

func (r request) done() bool { return r.Status < http.StatusMultipleChoices }

// mutates says whether a request could change anything.
func (r request) mutates() bool {
	_, action, _ := strings.Cut(r.Operation, ":")
	return !strings.HasPrefix(action, "Describe") && !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List")
}

// mutation names a mutating request as plans do, from the form on the wire. A
// request that is not known here gets a name that no plan holds.
func (r request) mutation() string {
	switch r.Operation {
	case "ec2:ReplaceRoute":
		destination := cmp.Or(r.Form.Get("DestinationCidrBlock"), r.Form.Get("DestinationIpv6CidrBlock"), r.Form.Get("DestinationPrefixListId"))
		return scenario.Mutation(r.Operation, r.Form.Get("RouteTableId")+" "+destination,
			cmp.Or(r.Form.Get("NetworkInterfaceId"), r.Form.Get("InstanceId")))
	case "ec2:ModifyNetworkInterfaceAttribute":
		if r.Form.Get("SourceDestCheck.Value") == "false" {
			return scenario.Mutation(r.Operation, r.Form.Get("NetworkInterfaceId"), "source/destination check off")
		}
	case "autoscaling:UpdateAutoScalingGroup":
		for _, at := range []string{"LaunchTemplate.", "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification."} {
			if template := cmp.Or(r.Form.Get(at+"LaunchTemplateId"), r.Form.Get(at+"LaunchTemplateName")); template != "" {
				all := []string{"version " + r.Form.Get(at+"Version") + " of " + template}
				return scenario.Mutation(r.Operation, r.Form.Get("AutoScalingGroupName"), strings.Join(append(all, r.overrides()...), ", "))
			}
		}
		if size := r.Form.Get("MaxSize"); size != "" {
			return scenario.Mutation(r.Operation, r.Form.Get("AutoScalingGroupName"), "max size "+size)
		}
	case "ec2:RunInstances":
		return scenario.Mutation(r.Operation, r.Form.Get("ImageId"), "launched")
	case "ec2:ModifyInstanceAttribute":
		if r.Form.Get("BlockDeviceMapping.1.Ebs.DeleteOnTermination") == "true" {
			return scenario.Mutation(r.Operation, r.Form.Get("InstanceId"), "volumes deleted with it")
		}
	case "ec2:StopInstances":
		return scenario.Mutation(r.Operation, r.Form.Get("InstanceId.1"), "stopped")
	case "ec2:TerminateInstances":
		return scenario.Mutation(r.Operation, r.Form.Get("InstanceId.1"), "terminated")
	case "ec2:CreateImage":
		return scenario.Mutation(r.Operation, r.Form.Get("InstanceId"), r.Form.Get("Name"))
	case "ec2:DeregisterImage":
		return scenario.Mutation(r.Operation, r.Form.Get("ImageId"), "deregistered")
	case "ec2:DeleteSnapshot":
		return scenario.Mutation(r.Operation, r.Form.Get("SnapshotId"), "deleted")
	case "ec2:CreateLaunchTemplateVersion":
		if image := r.Form.Get("LaunchTemplateData.ImageId"); image != "" {
			return scenario.Mutation(r.Operation, r.Form.Get("LaunchTemplateId"), image)
		}
	case "ec2:ModifyLaunchTemplate": // the query has another name for DefaultVersion than the SDK
		return scenario.Mutation(r.Operation, r.Form.Get("LaunchTemplateId")+" default", "version "+r.Form.Get("SetDefaultVersion"))
	case "ssm:PutParameter":
		if r.JSON["Type"] == "String" {
			return scenario.Mutation(r.Operation, fmt.Sprint(r.JSON["Name"]), fmt.Sprint(r.JSON["Value"]))
		}
	case "ssm:AddTagsToResource":
		var tags []string
		list, _ := r.JSON["Tags"].([]any)
		for _, entry := range list {
			t, _ := entry.(map[string]any)
			tags = append(tags, fmt.Sprint(t["Key"])+"="+fmt.Sprint(t["Value"]))
		}
		slices.Sort(tags)
		return scenario.Mutation(r.Operation, fmt.Sprint(r.JSON["ResourceId"])+" tags", strings.Join(tags, ", "))
	case "sns:Publish":
		return scenario.Mutation(r.Operation, r.Form.Get("TopicArn"), "")
	}
	return scenario.Mutation(r.Operation, "with the form "+r.Form.Encode(), "")
}

// overrides are the templates that overrides of a group's policy name, each once.
func (r request) overrides() []string {
	var all []string
	for n := 1; ; n++ {
		at := fmt.Sprintf("MixedInstancesPolicy.LaunchTemplate.Overrides.member.%d.", n)
		if r.Form.Get(at+"InstanceType") == "" {
			return all
		}
		at += "LaunchTemplateSpecification."
		template := cmp.Or(r.Form.Get(at+"LaunchTemplateId"), r.Form.Get(at+"LaunchTemplateName"))
		if name := "version " + r.Form.Get(at+"Version") + " of " + template; template != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
}

// lines writes requests for people.
func lines(made []request) string {
	var b strings.Builder
	for _, r := range made {
		fmt.Fprintf(&b, "%d %s %s\n", r.Status, r.Operation, r.Form.Encode())
		if r.Answer != "" {
			fmt.Fprintf(&b, "    %s\n", r.Answer)
		}
	}
	return b.String()
}
