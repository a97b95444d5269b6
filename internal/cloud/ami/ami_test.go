package ami_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/filter"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func world(images *simec2.Service) (*awssim.World, *ec2.Client) {
	c := clock.NewVirtual(t0)
	w := awssim.New(c, awssim.Options{}, images)
	return w, cloud.New(w.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: c}).EC2
}

func ids(images []types.Image) []string {
	var all []string
	for _, i := range images {
		all = append(all, aws.ToString(i.ImageId))
	}
	slices.Sort(all)
	return all
}

func TestDescribeGoesThroughAllPages(t *testing.T) {
	images := simec2.New(simec2.Times{})
	_, client := world(images)
	var want []string
	for n := range 9 {
		want = append(want, images.AddImage(simec2.Image{Name: fmt.Sprintf("app-%d", n), Created: t0}))
	}
	images.AddImage(simec2.Image{Name: "web", Created: t0})
	slices.Sort(want)
	got, err := ami.Describe(t.Context(), client, ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: []types.Filter{filter.By("name", "app-*")}})
	if err != nil || !slices.Equal(ids(got), want) {
		t.Errorf("%d images of %d, %v", len(got), len(want), err)
	}
}

// TestByID: an image that there is not does not hide the others.
func TestByID(t *testing.T) {
	images := simec2.New(simec2.Times{})
	w, client := world(images)
	old := images.AddImage(simec2.Image{Name: "old", Owner: "888888888888", Public: true, Created: t0.Add(-time.Hour), Deprecated: t0.Add(-time.Minute)})
	own := images.AddImage(simec2.Image{Name: "own", Created: t0})
	images.AddImage(simec2.Image{Name: "other", Created: t0})
	got, err := ami.ByID(t.Context(), client, []string{own, old, "ami-00000000000000099"})
	want := []string{old, own}
	slices.Sort(want)
	if err != nil || !slices.Equal(ids(got), want) {
		t.Errorf("%q, %v, want %q", ids(got), err, want)
	}
	w.Intercept(func(awssim.Call) awssim.Fault { return awssim.FailBefore(awssim.Fail(400, "AuthFailure", "no")) })
	if _, err := ami.ByID(t.Context(), client, []string{"ami-1", "ami-2"}); err == nil || !strings.HasPrefix(err.Error(), "describe images ami-1, ami-2: ") {
		t.Errorf("%v", err)
	}
}

func TestCreated(t *testing.T) {
	for text, want := range map[string]string{ // the time, or a part of the error
		"2026-11-21T03:00:00.000Z":  "2026-11-21T03:00:00Z",
		"2026-11-21T04:00:00+01:00": "2026-11-21T03:00:00Z",
		"yesterday":                 "read the creation date of ami-1: ",
	} {
		created, err := ami.Created(types.Image{ImageId: aws.String("ami-1"), CreationDate: aws.String(text)})
		got := created.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
