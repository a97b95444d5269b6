package sqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	snssim "github.com/droverhq/drover/internal/awssim/sns"
	sqssim "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// In virtual time a call waits for as long as it says, and no longer than it must.
func TestWaiting(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	at := func() time.Duration { return s.clock.Now().Sub(dawn) }
	if got := s.receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 20}); len(got) != 0 || at() != 20*time.Second {
		t.Errorf("nothing: %s after %s", bodies(got), at())
	}
	s.send("a")
	if got := s.receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 20}); len(got) != 1 || at() != 20*time.Second {
		t.Errorf("there already: %s after %s", bodies(got), at())
	}
	if got := s.receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 20}); len(got) != 0 || at() != 40*time.Second {
		t.Errorf("in flight: %s after %s", bodies(got), at())
	}
	if got := s.receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 20}); len(got) != 1 || at() != 50*time.Second {
		t.Errorf("visible again: %s after %s", bodies(got), at())
	}
	url, err := s.sim.Make("patient", map[string]string{"ReceiveMessageWaitTimeSeconds": "5"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.receive(sqs.ReceiveMessageInput{QueueUrl: &url}); len(got) != 0 || at() != 55*time.Second {
		t.Errorf("as the queue says: %s after %s", bodies(got), at())
	}
	calls := 0
	for _, c := range s.world.Calls() {
		if in, ok := c.Input.(*sqs.ReceiveMessageInput); ok && in.WaitTimeSeconds == 20 {
			calls++
		}
	}
	if calls != 4 {
		t.Errorf("%d calls", calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var cancelled *aws.RequestCanceledError
	if _, err := s.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.url, WaitTimeSeconds: 20}); !errors.As(err, &cancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Who does not wait on the world's clock is told so.
func TestWaitingIsRefused(t *testing.T) {
	clk := clock.NewVirtual(dawn)
	sim := sqssim.New(clk, sqssim.Options{})
	w := awssim.New(clk, awssim.Options{}, sim)
	url, err := sim.Make("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(w.Config())
	var not *awssim.NotModelled
	if _, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 1}); !errors.As(err, &not) {
		t.Errorf("got %v", err)
	}
	if _, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url}); err != nil {
		t.Error(err)
	}
}

// Whoever waits is woken by what others send, and each message goes to one of them.
func TestWaitingTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := sqssim.New(clock.Real{}, sqssim.Options{})
		w := awssim.New(clock.Real{}, awssim.Options{Latency: func(awssim.Call) time.Duration { return 10 * time.Millisecond }}, sim)
		url, err := sim.Make("q", nil)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(sim.LongPoll(w.Config()))
		begin := time.Now()
		var mu sync.Mutex
		got := map[string]time.Duration{}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for {
					out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
					if err != nil {
						t.Error(err)
						return
					}
					if len(out.Messages) == 0 {
						return
					}
					mu.Lock()
					got[*out.Messages[0].Body] += time.Since(begin)
					mu.Unlock()
					if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: out.Messages[0].ReceiptHandle}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for n := range 5 {
			time.Sleep(time.Second)
			if _, err := sim.Send("q", fmt.Sprint(n)); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		want := map[string]time.Duration{}
		for n := range 5 {
			want[fmt.Sprint(n)] = time.Duration(n+1)*time.Second + 10*time.Millisecond
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if c := sim.Counts("q"); c != (sqssim.Counts{}) {
			t.Errorf("left: %+v", c)
		}
	})
}

// Some messages come twice, some overtake others: the same ones every time.
func TestDisorder(t *testing.T) {
	receive := func(seed uint64) string {
		s := newScene(t, sqssim.Options{Seed: seed, Repeat: 0.3, Disorder: 3 * time.Second})
		for n := range 20 {
			s.send(fmt.Sprint(n))
			s.clock.Advance(time.Second)
		}
		var order []string
		for {
			got := s.receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 1})
			if len(got) == 0 {
				s.counts("0 0 0")
				return strings.Join(order, " ")
			}
			order = append(order, *got[0].Body)
			if err := s.remove(got[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, again, other := receive(1), receive(1), receive(2)
	if one != again || one == other {
		t.Errorf("seed 1: %s\nagain:  %s\nseed 2: %s", one, again, other)
	}
	all := strings.Fields(one)
	seen, overtaken := map[string]int{}, false
	for i, body := range all {
		seen[body]++
		overtaken = overtaken || i > 0 && len(body) == len(all[i-1]) && body < all[i-1]
	}
	if len(seen) != 20 || len(all) == 20 || !overtaken {
		t.Errorf("%d messages, %d deliveries, one overtaken: %t", len(seen), len(all), overtaken)
	}
}

func TestRepeat(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("a")
	first := s.receive(sqs.ReceiveMessageInput{})[0]
	if err := s.sim.Repeat("work", *first.MessageId); err != nil {
		t.Fatal(err)
	}
	second := s.receive(sqs.ReceiveMessageInput{})
	if len(second) != 1 || *second[0].MessageId != *first.MessageId || *second[0].ReceiptHandle == *first.ReceiptHandle {
		t.Fatalf("%+v", second)
	}
	if err := s.remove(first); err != nil {
		t.Error(err)
	}
	s.counts("0 1 0")
	if s.sim.Repeat("work", "x") == nil || s.sim.Repeat("none", "x") == nil {
		t.Error("no error for what is not there")
	}
}

func TestRules(t *testing.T) {
	clk := clock.NewVirtual(dawn)
	sim, parameters := sqssim.New(clk, sqssim.Options{}), ssm.New()
	w := awssim.New(clk, awssim.Options{}, sim, parameters)
	for _, name := range []string{"raw", "wrapped", "unlucky"} {
		if _, err := sim.Make(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	pattern := event.PatternFor("aws.ssm", "Parameter Store Change").Where("detail.operation", "Create")
	var lost []time.Duration
	for _, r := range []sqssim.Rule{
		{Queue: "raw", Pattern: pattern},
		{Queue: "wrapped", Pattern: pattern, Topic: "arn:aws:sns:us-west-1:123456789012:ops"},
		{Queue: "unlucky", Pattern: pattern, Arrives: func(event.Event) []time.Duration { return lost }},
	} {
		if err := sim.AddRule(r); err != nil {
			t.Fatal(err)
		}
	}
	set := func(name string) {
		if err := parameters.Set(name, "v", "String"); err != nil {
			t.Fatal(err)
		}
	}
	set("a") // which the unlucky queue loses
	set("a") // an update
	lost = []time.Duration{time.Minute, 0}
	set("b")
	raw, unlucky := sim.Messages("raw"), sim.Messages("unlucky")
	if len(raw) != 2 || len(unlucky) != 1 || unlucky[0].Body != raw[1].Body {
		t.Fatalf("%d raw, %d unlucky", len(raw), len(unlucky))
	}
	e, err := event.Parse([]byte(raw[0].Body))
	if err != nil || e.DetailType != "Parameter Store Change" {
		t.Errorf("%+v, %v", e, err)
	}
	clk.Advance(time.Minute)
	if unlucky = sim.Messages("unlucky"); len(unlucky) != 2 || !unlucky[1].Sent.Equal(dawn.Add(time.Minute)) {
		t.Errorf("%+v", unlucky)
	}
	var note map[string]string
	if err := json.Unmarshal([]byte(sim.Messages("wrapped")[0].Body), &note); err != nil || note["Message"] != raw[0].Body {
		t.Errorf("%v, %s", err, note)
	}
	if err := sim.AddRule(sqssim.Rule{Queue: "none"}); err == nil {
		t.Error("a rule without a queue")
	}
	w.Settle()
}

// The notification has the members of the sample, and no other.
func TestTopics(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2021, 2, 1, 17, 18, 7, 123e6, time.UTC))
	sim := sqssim.New(clk, sqssim.Options{})
	w := awssim.New(clk, awssim.Options{Region: "us-west-2"}, sim, snssim.New())
	topics := sns.NewFromConfig(w.Config())
	out, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("drover")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Make("q", nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sim.AddTopic(*out.TopicArn, "q"), sim.AddTopic("arn:other", "q")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../../event/testdata/samples/wrapped-lambda-sqs-sns-asg-terminate.json")
	if err != nil {
		t.Fatal(err)
	}
	var sample struct{ Records []struct{ Body string } }
	var want, got map[string]string
	if err := errors.Join(json.Unmarshal(data, &sample), json.Unmarshal([]byte(sample.Records[0].Body), &want)); err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Publish(t.Context(), &sns.PublishInput{TopicArn: out.TopicArn, Message: aws.String(want["Message"])}); err != nil {
		t.Fatal(err)
	}
	messages := sim.Messages("q")
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	if err := json.Unmarshal([]byte(messages[0].Body), &got); err != nil {
		t.Fatal(err)
	}
	want["MessageId"] = got["MessageId"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSceneErrors(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	_, err := s.sim.Make("a b", nil)
	_, err2 := s.sim.Send("none", "x")
	_, err3 := s.sim.Send("work", "")
	for _, err := range []error{err, err2, err3, s.sim.AddTopic("arn", "none")} {
		if err == nil {
			t.Error("no error")
		}
	}
	if s.sim.Messages("none") != nil || s.sim.Counts("none") != (sqssim.Counts{}) {
		t.Error("there is something in no queue")
	}
}
