//go:build conformance

package conformance

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makeshift is the way to moto for calls that moto carries out in part only. It
// makes up for that by calls that moto has, and by nothing that it would have to
// invent:
//
//   - RunInstances: moto ignores client tokens. The same call again gets the answer
//     of the first, as AWS gives it (facts/apis.md 1.2), and launches nothing.
//   - RunInstances: moto gives every instance one volume of its own. It gets those
//     of its image.
//   - CreateImage: moto has no tags for snapshots. The snapshots get them from
//     CreateTags, before the call is answered.
//
// README.md says so too.
type makeshift struct {
	ec2 *ec2.Client

	mu       sync.Mutex // one launch at a time
	launched map[string]launch
}

// launch is what was answered to a launch that has a token.
type launch struct {
	form     string
	header   http.Header
	body     []byte
	instance string
}

func newMakeshift(url string) *makeshift {
	return &makeshift{ec2: ec2.NewFromConfig(configFor(url)), launched: map[string]launch{}}
}

// RoundTrip implements [http.RoundTripper].
func (m *makeshift) RoundTrip(req *http.Request) (*http.Response, error) {
	if signedFor(req) != "ec2" {
		return http.DefaultTransport.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	switch form.Get("Action") {
	case "RunInstances":
		return m.run(req, form)
	case "CreateImage":
		return m.image(req, form)
	}
	return pass(req, form)
}

// pass has moto answer a request with this form, and reads all of the answer.
func pass(req *http.Request, form url.Values) (*http.Response, error) {
	text := form.Encode()
	req = req.Clone(req.Context())
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}

// taken is the body of an answer, which can be read again.
func taken(res *http.Response) ([]byte, error) {
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

func (m *makeshift) run(req *http.Request, form url.Values) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, asked := form.Get("ClientToken"), form.Encode()
	if known, ok := m.launched[token]; ok && token != "" {
		return m.again(req, known, asked)
	}
	if err := m.addVolumes(req.Context(), form); err != nil {
		return nil, err
	}
	res, err := pass(req, form)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	body, err := taken(res)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Instance string `xml:"instancesSet>item>instanceId"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	m.launched[token] = launch{asked, res.Header, body, answer.Instance}
	return res, nil
}

// again answers a launch that was asked for before.
func (m *makeshift) again(req *http.Request, known launch, asked string) (*http.Response, error) {
	if known.form != asked {
		return refusal(req, "IdempotentParameterMismatch"), nil
	}
	out, err := m.ec2.DescribeInstances(req.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{known.instance}})
	if err != nil {
		return nil, err
	}
	if state := out.Reservations[0].Instances[0].State.Name; state == types.InstanceStateNameTerminated {
		return refusal(req, "IdempotentInstanceTerminated"), nil
	}
	return respond(req, http.StatusOK, known.header, known.body), nil
}

func refusal(req *http.Request, code string) *http.Response {
	body := fmt.Appendf(nil, "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", code, code, code)
	return respond(req, http.StatusBadRequest, http.Header{"Content-Type": {"text/xml"}}, body)
}

func respond(req *http.Request, status int, header http.Header, body []byte) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header.Clone(), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// addVolumes adds the volumes of the image to a launch that says nothing of volumes.
func (m *makeshift) addVolumes(ctx context.Context, form url.Values) error {
	if form.Has("BlockDeviceMapping.1.DeviceName") || form.Get("ImageId") == "" {
		return nil
	}
	out, err := m.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("image-id"), Values: []string{form.Get("ImageId")}}}})
	if err != nil || len(out.Images) == 0 {
		return err
	}
	for i, b := range out.Images[0].BlockDeviceMappings {
		if b.Ebs == nil {
			continue
		}
		at := fmt.Sprintf("BlockDeviceMapping.%d.", i+1)
		form.Set(at+"DeviceName", aws.ToString(b.DeviceName))
		form.Set(at+"Ebs.SnapshotId", aws.ToString(b.Ebs.SnapshotId))
		form.Set(at+"Ebs.VolumeSize", strconv.Itoa(int(aws.ToInt32(b.Ebs.VolumeSize))))
		form.Set(at+"Ebs.DeleteOnTermination", strconv.FormatBool(aws.ToBool(b.Ebs.DeleteOnTermination)))
	}
	return nil
}

// aTag is the name of a tag in a list of tags for what a request creates.
var aTag = regexp.MustCompile(`^(TagSpecification\.\d+\.)Tag\.\d+\.Key$`)

func (m *makeshift) image(req *http.Request, form url.Values) (*http.Response, error) {
	var tags []types.Tag
	of := ""
	for name := range form {
		if at := aTag.FindStringSubmatch(name); at != nil && form.Get(at[1]+"ResourceType") == "snapshot" {
			of = at[1]
			tags = append(tags, types.Tag{Key: aws.String(form.Get(name)), Value: aws.String(form.Get(strings.TrimSuffix(name, "Key") + "Value"))})
		}
	}
	if len(tags) == 0 {
		return pass(req, form)
	}
	maps.DeleteFunc(form, func(name string, _ []string) bool { return strings.HasPrefix(name, of) })
	res, err := pass(req, form)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	body, err := taken(res)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Image string `xml:"imageId"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	return res, m.tagSnapshots(req.Context(), answer.Image, tags)
}

func (m *makeshift) tagSnapshots(ctx context.Context, image string, tags []types.Tag) error {
	out, err := m.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{image}})
	if err != nil {
		return err
	}
	var snapshots []string
	for _, b := range out.Images[0].BlockDeviceMappings {
		if b.Ebs != nil && b.Ebs.SnapshotId != nil {
			snapshots = append(snapshots, *b.Ebs.SnapshotId)
		}
	}
	_, err = m.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: snapshots, Tags: tags})
	return err
}
