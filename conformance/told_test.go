//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/event"
)

// Told implements [scenario.World]: it composes the event of which AWS would have
// told, in the form of the samples, from the last request of that operation as it
// was on the wire. It is dated now.
func (w *world) Told(ctx context.Context, operation string) (event.Event, error) {
	made := w.tap.requests()
	slices.Reverse(made)
	i := slices.IndexFunc(made, func(r request) bool { return r.Operation == operation })
	if i < 0 {
		return event.Event{}, fmt.Errorf("%s was not called", operation)
	}
	r := made[i]
	detail, err := w.record(ctx, r)
	if err != nil {
		return event.Event{}, fmt.Errorf("the record of %s: %w", operation, err)
	}
	service, name, _ := strings.Cut(operation, ":")
	detail["eventSource"], detail["eventName"] = service+".amazonaws.com", name
	if !r.done() {
		if detail["errorCode"], err = errorCode(r.Answer); err != nil {
			return event.Event{}, err
		}
		detail["responseElements"] = nil
	}
	data, err := json.Marshal(detail)
	return event.Event{
		Version: "0", ID: fmt.Sprintf("told-%d", len(made)-i), DetailType: event.TypeAPICall, Source: "aws." + service,
		Account: account, Region: region, Time: w.clock.Now().UTC().Truncate(time.Second), Resources: []string{}, Detail: data,
	}, err
}

// record is what a record of CloudTrail says of a request and its answer.
func (w *world) record(ctx context.Context, r request) (map[string]any, error) {
	switch {
	case strings.HasPrefix(r.Operation, "autoscaling:"): // never has an answer, see facts/events.md 4
		return map[string]any{"requestParameters": nested(r.Form, lowerFirst), "responseElements": nil}, nil
	case r.Operation == "ec2:CreateImage":
		image, err := w.imageNamed(ctx, r.Form.Get("Name"))
		return map[string]any{"requestParameters": nested(r.Form, lowerFirst), "responseElements": map[string]any{"imageId": image}}, err
	case r.Operation == "ec2:CreateLaunchTemplateVersion":
		answer, err := w.newestVersion(ctx, r.Form.Get("LaunchTemplateId"))
		return map[string]any{
			"requestParameters": map[string]any{"CreateLaunchTemplateVersionRequest": nested(r.Form, func(name string) string { return name })},
			"responseElements":  map[string]any{"CreateLaunchTemplateVersionResponse": map[string]any{"launchTemplateVersion": answer}},
		}, err
	}
	return nil, errors.New("its form is not known here")
}

// imageNamed is the id of the image with this name.
func (w *world) imageNamed(ctx context.Context, name string) (string, error) {
	out, err := w.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{
		Owners: []string{"self"}, Filters: []types.Filter{{Name: aws.String("name"), Values: []string{name}}},
	})
	if err != nil {
		return "", err
	}
	if len(out.Images) != 1 {
		return "", fmt.Errorf("%d images have the name %s", len(out.Images), name)
	}
	return aws.ToString(out.Images[0].ImageId), nil
}

// newestVersion is the version that was made just now, as an answer tells of it.
func (w *world) newestVersion(ctx context.Context, id string) (map[string]any, error) {
	out, err := w.ec2.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: aws.String(id), Versions: []string{"$Latest"},
	})
	if err != nil {
		return nil, err
	}
	if len(out.LaunchTemplateVersions) != 1 {
		return nil, fmt.Errorf("%s has %d newest versions", id, len(out.LaunchTemplateVersions))
	}
	v := out.LaunchTemplateVersions[0]
	return map[string]any{
		"launchTemplateId": id, "launchTemplateName": aws.ToString(v.LaunchTemplateName), "versionNumber": aws.ToInt64(v.VersionNumber),
	}, nil
}

var (
	anIndex = regexp.MustCompile(`^[0-9]+$`)
	integer = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)
)

// nested is a form with names such as Tags.member.1.Key as an object.
func nested(form url.Values, spell func(string) string) map[string]any {
	root := map[string]any{}
	for name := range form {
		if name == "Action" || name == "Version" { // of the protocol
			continue
		}
		here, parts := root, strings.Split(strings.ReplaceAll(name, ".member.", "."), ".")
		for _, part := range parts[:len(parts)-1] {
			inner, ok := here[spell(part)].(map[string]any)
			if !ok {
				inner = map[string]any{}
				here[spell(part)] = inner
			}
			here = inner
		}
		here[spell(parts[len(parts)-1])] = value(spell(parts[len(parts)-1]), form.Get(name))
	}
	return listed(root).(map[string]any)
}

// value is a number where CloudTrail has one: a size. Everything else that looks
// like a number, such as a version, is text.
func value(name, text string) any {
	if n, err := strconv.Atoi(text); err == nil && integer.MatchString(text) && (strings.HasSuffix(name, "Size") || strings.HasSuffix(name, "Capacity")) {
		return n
	}
	return text
}

// listed turns objects whose names are 1, 2, … into lists.
func listed(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for name, inner := range object {
		object[name] = listed(inner)
	}
	list := make([]any, len(object))
	for name, inner := range object {
		i, err := strconv.Atoi(name)
		if !anIndex.MatchString(name) || err != nil || i < 1 || i > len(list) {
			return object
		}
		list[i-1] = inner
	}
	if len(list) == 0 {
		return object
	}
	return list
}

func lowerFirst(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// errorCode is the code of a refusal. Of a group that exists CloudTrail spells it
// differently, which nothing looks at.
func errorCode(answer string) (string, error) {
	var refused struct {
		Code string `xml:"Error>Code"`
	}
	if err := xml.Unmarshal([]byte(answer), &refused); err != nil || refused.Code == "" {
		return "", fmt.Errorf("no error code in %q: %w", answer, err)
	}
	return refused.Code, nil
}
