package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/host/worker"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

const (
	chainBranch    = "IIS 10.0 running on 64bit Windows Server 2019"
	chainParameter = "/golden/windows/base"
)

// fates are what becomes of an event, as the times after which its copies arrive.
var fates = map[string][]time.Duration{
	"lost":    nil,
	"doubled": {0, time.Second},
	"late":    {20 * time.Minute}, // past the next one, which is the next state of a build
	"both":    {0, 20 * time.Minute},
}

// TestChain is seed 004 as a whole, by a worker: a new version of a platform, its
// image as a parameter, the parameter's change as a recipe, a build of that, and its
// image in a launch template. Whatever becomes of any event, each of these happens
// once, and in the end the template has the image.
func TestChain(t *testing.T) {
	t.Parallel()
	count := 0
	t.Run("as it should be", func(t *testing.T) {
		count = playChain(t, func(int) []time.Duration { return []time.Duration{0} })
	})
	if count < 6 {
		t.Fatalf("there were %d events: does anybody tell of anything?", count)
	}
	for name, copies := range fates {
		t.Run("all are "+name, func(t *testing.T) {
			t.Parallel()
			playChain(t, func(int) []time.Duration { return copies })
		})
		if name == "both" || defaultHistories < 100 { // which it is under the race detector
			continue
		}
		for i := range count {
			t.Run(fmt.Sprintf("%s, event %d of %d", name, i+1, count), func(t *testing.T) {
				t.Parallel()
				playChain(t, func(n int) []time.Duration {
					if n == i {
						return copies
					}
					return []time.Duration{0}
				})
			})
		}
	}
}

// playChain plays the chain and returns how many events there were.
func playChain(t *testing.T, fate func(int) []time.Duration) (events int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		s := scenario.NewStage(t.Context(), w)
		s.Set(scenario.Layout{})
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		// The platform has a version, which the parameter, the recipe and the template
		// know already.
		first := w.EC2.AddImage(simec2.Image{Name: "platform-2.9.0", Owner: "102837901569", Alias: "amazon", Public: true})
		w.ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: chainBranch, Platform: "IIS"})
		_, err := w.ElasticBeanstalk.AddVersion(simelasticbeanstalk.Version{
			Branch: chainBranch, Number: "2.9.0", Ready: true, Images: []simelasticbeanstalk.Image{{ID: first, Virtualization: "hvm"}},
		})
		must(err)
		must(w.SSM.Set(chainParameter, first, "String"))
		recipe, err := w.ImageBuilder.AddRecipe(simimagebuilder.EveryRecipeField("windows", first))
		must(err)
		pipeline, err := w.ImageBuilder.AddPipeline(simimagebuilder.EveryPipelineField("golden", recipe))
		must(err)
		before, err := w.ImageBuilder.Start(pipeline, types.BuildTypeUserInitiated)
		must(err)
		time.Sleep(time.Hour)
		golden := w.ImageBuilder.Images()[0]
		if aws.ToString(golden.Arn) != before || golden.State.Status != types.ImageStatusAvailable {
			t.Fatalf("the first image is %+v", golden)
		}
		template := s.TemplateOf("app", amiOf(t, golden), nil)
		must(s.Err())

		url, _, err := w.SQS.MakeWithDeadLetters("events", 20)
		must(err)
		must(w.SQS.AddRule(simsqs.Rule{
			Queue: "events", Pattern: event.MustPattern(`{"source": [{"prefix": "aws."}]}`),
			Arrives: func(event.Event) []time.Duration {
				events++
				return fate(events - 1)
			},
		}))
		fleet, err := fleetfile.Parse("chain.yaml", fmt.Appendf(nil, `version: 1
fleet: golden
region: us-west-1
notify: { topic: "%s" }
automations:
  base:
    kind: parameter-follows-platform
    parameter: %s
    source: { branch: "%s" }
    schedule: rate(1 hour)
  build:
    kind: pipeline-follows-parameter
    parameter: %[2]s
    pipeline: %[4]s
  app:
    kind: template-follows-image
    images: { name: "%[5]s" }
    template: { id: %s }
`, s.Topic, chainParameter, chainBranch, pipeline, amiName(t, golden), template), app.Kinds())
		must(err)

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		cfg := w.SQS.LongPoll(w.AWS())
		metrics := worker.NewMetrics(clock.Real{}, "test")
		go func() {
			ended <- worker.New(worker.Config{
				App: app.New(app.Deps{
					Fleet: fleet, Ledger: memory.NewNamed(clock.Real{}, "chain"), AWS: w.AWS(), Clock: clock.Real{},
					Log: slog.New(slog.DiscardHandler), Version: "test", Seed: 1, Owner: "worker", Ended: metrics.Ended,
				}),
				Queues: []worker.Queue{{URL: url, Client: sqs.NewFromConfig(cfg)}}, Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler),
				Metrics: metrics, Poll: time.Minute, Grace: time.Minute, Seed: 1,
			}).Run(ctx)
		}()
		time.Sleep(10 * time.Minute) // what is there already is found to be right
		still := len(w.Mutations())
		second := w.EC2.AddImage(simec2.Image{Name: "platform-2.10.0", Owner: "102837901569", Alias: "amazon", Public: true})
		_, err = w.ElasticBeanstalk.AddVersion(simelasticbeanstalk.Version{
			Branch: chainBranch, Number: "2.10.0", Images: []simelasticbeanstalk.Image{{ID: second, Virtualization: "hvm"}},
		})
		must(err)
		time.Sleep(5 * time.Hour)
		stop()
		must(<-ended)

		made := map[string]int{}
		for _, m := range w.Mutations()[still:] {
			operation, _, _ := strings.Cut(m, " ")
			made[operation]++
		}
		for _, operation := range []string{
			"ssm:PutParameter", "imagebuilder:CreateImageRecipe", "imagebuilder:UpdateImagePipeline", "imagebuilder:StartImagePipelineExecution",
			"ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate",
		} {
			if made[operation] != 1 {
				t.Errorf("%s was called %d times, want once; all: %v", operation, made[operation], made)
			}
		}
		images := w.ImageBuilder.Images()
		last := images[len(images)-1]
		if len(images) != 2 || last.State.Status != types.ImageStatusAvailable {
			t.Fatalf("there are %d images, the last is %s", len(images), last.State.Status)
		}
		if parent, _ := w.ImageBuilder.Parent(aws.ToString(last.Arn)); parent != second {
			t.Errorf("the image is built from %s, want %s", parent, second)
		}
		s.ExpectVersions(template, "1 "+amiOf(t, golden), "2 "+amiOf(t, last)+" default")
		must(s.Err())
	})
	return events
}

func amiOf(t *testing.T, i types.Image) string {
	t.Helper()
	return aws.ToString(ami(t, i).Image)
}

// amiName is the pattern of the names that the pipeline gives to its images.
func amiName(t *testing.T, i types.Image) string {
	t.Helper()
	name, _, _ := strings.Cut(aws.ToString(ami(t, i).Name), " ")
	return name + "*"
}

func ami(t *testing.T, i types.Image) types.Ami {
	t.Helper()
	if i.OutputResources == nil || len(i.OutputResources.Amis) == 0 {
		t.Fatalf("image %s has no AMI", aws.ToString(i.Arn))
	}
	return i.OutputResources.Amis[0]
}
