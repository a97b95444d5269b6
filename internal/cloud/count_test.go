package cloud_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
)

func TestCountCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := simsqs.New(clock.Real{}, simsqs.Options{})
		world := awssim.New(clock.Real{}, awssim.Options{Latency: func(awssim.Call) time.Duration { return time.Second }}, service)
		if _, err := service.Make("q", nil); err != nil {
			t.Fatal(err)
		}
		var faults []error // of the attempts to come
		world.Intercept(func(awssim.Call) awssim.Fault {
			if len(faults) == 0 || faults[0] == nil {
				return awssim.Fault{}
			}
			err := faults[0]
			faults = faults[1:]
			return awssim.FailBefore(err)
		})
		var counted []cloud.Counted
		cfg := cloud.CountCalls(world.Config(), clock.Real{}, func(c cloud.Counted) { counted = append(counted, c) })
		client := cloud.SQS(cfg, "", cloud.Options{Seed: 1, Clock: clock.Real{}})
		throttled := awssim.Throttled("sqs:GetQueueUrl")
		for _, c := range []struct {
			name   string
			faults []error
			queue  string
			want   cloud.Counted
		}{
			{"answered", nil, "q", cloud.Counted{Attempts: 1}},
			{"refused", nil, "nothing", cloud.Counted{Attempts: 1, Failed: true}},
			{"throttled twice", []error{throttled, throttled}, "q", cloud.Counted{Attempts: 3, Throttled: 2}},
			{"a connection and a throttle", []error{awssim.ConnectionReset(), throttled}, "q", cloud.Counted{Attempts: 3, Throttled: 1}},
			{"throttled to the end", []error{throttled, throttled, throttled, throttled, throttled, throttled, throttled, throttled}, "q", cloud.Counted{Attempts: 8, Throttled: 8, Failed: true}},
		} {
			counted, faults = nil, c.faults
			began := time.Now()
			_, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(c.queue)})
			c.want.Operation, c.want.Took = "sqs:GetQueueUrl", time.Since(began)
			if len(counted) != 1 || counted[0] != c.want || (err != nil) != c.want.Failed || c.want.Took < time.Duration(c.want.Attempts)*time.Second {
				t.Errorf("%s: counted %+v, want %+v (%v)", c.name, counted, c.want, err)
			}
		}
		// The configuration it was made of counts nothing.
		counted = nil
		if _, err := cloud.SQS(world.Config(), "", cloud.Options{}).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")}); err != nil || len(counted) > 0 {
			t.Errorf("counted %+v, %v", counted, err)
		}
	})
}
