package sqs

// Calls that wait for a message. A call of a simulated service is answered in an
// instant, with the world locked, so the waiting happens before the call. What the
// log of calls has is the one call that follows; if somebody else took the message
// there is another.

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
)

// LongPoll is a configuration for clients whose ReceiveMessage waits as it is asked
// to, on the world's clock. A world refuses to wait until somebody has called this:
// without it a loop of calls would never let time pass.
func (s *Service) LongPoll(cfg aws.Config) aws.Config {
	s.polls.Store(true)
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("SimulatedLongPoll", s.poll), middleware.After)
	})
	return cfg
}

func (s *Service) poll(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	receive, ok := in.Parameters.(*sqs.ReceiveMessageInput)
	if !ok {
		return next.HandleInitialize(ctx, in)
	}
	end := s.clock.Now().Add(s.patience(receive))
	for {
		if err := s.await(ctx, receive.QueueUrl, end); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, &aws.RequestCanceledError{Err: err}
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		got, _ := out.Result.(*sqs.ReceiveMessageOutput)
		if err != nil || got == nil || len(got.Messages) > 0 || !s.clock.Now().Before(end) {
			return out, metadata, err
		}
	}
}

// patience is how long a call waits: as it says, or else as its queue does (doc of
// CreateQueueInput.Attributes). What is out of range is left to the call to refuse.
func (s *Service) patience(in *sqs.ReceiveMessageInput) (wait time.Duration) {
	if in.WaitTimeSeconds != 0 {
		if in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > maxWait {
			return 0
		}
		return time.Duration(in.WaitTimeSeconds) * time.Second
	}
	s.store.View(func(st *state) {
		if q, err := st.at(in.QueueUrl); err == nil {
			wait = q.wait
		}
	})
	return wait
}

// await returns once a queue has a message to hand out, or does not exist, or the end
// has come; or the error of ctx.
func (s *Service) await(ctx context.Context, url *string, end time.Time) error {
	for {
		nap, wake := context.WithCancel(ctx)
		s.arrived.ask(wake)
		now, until := s.clock.Now(), end
		ready := false
		s.store.View(func(st *state) { // which settles first what is due
			q, err := st.at(url)
			if err != nil {
				ready = true
				return
			}
			for _, m := range q.messages {
				switch {
				case q.tooOld(m, now):
				case !m.visible.After(now):
					ready = true
				case m.visible.Before(until):
					until = m.visible
				}
			}
		})
		if due, ok := s.world.NextDue(); ok && due.Before(until) {
			until = due
		}
		if !ready && now.Before(end) {
			_ = s.clock.Sleep(nap, until.Sub(now)) // cut short by what arrives, or by the end of ctx
		}
		wake()
		if err := ctx.Err(); err != nil || ready || !s.clock.Now().Before(end) {
			return err
		}
	}
}

// arrivals wakes whoever waits for a change of any queue.
type arrivals struct {
	mu    sync.Mutex
	wakes []func()
}

func (a *arrivals) ask(wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wakes = append(a.wakes, wake)
}

func (a *arrivals) tell() {
	a.mu.Lock()
	wakes := a.wakes
	a.wakes = nil
	a.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}
