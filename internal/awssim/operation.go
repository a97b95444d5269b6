package awssim

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// handler is one operation with its types erased.
type handler struct {
	operation  string
	mutating   bool
	store      committer
	parameters parameters
	apply      func(m *Moment, in any, age time.Duration) (any, error)
	requests   func(m *Moment, in any) []Request
	limits     func(in any) []Limit
	trail      func(m *Moment, in, out any) (request, response any) // nil: not recorded
	copy       func(in any) any                                     // shallow: the log survives a caller who reuses its input
}

// Read registers an operation that changes nothing; f gets the state as the
// caller sees it, which may be stale. The operation is named by its input's
// type. models lists the parameters that f looks at, as in "Filters" or
// "NetworkInterfaces.SubnetId"; any other that is set is refused.
func Read[S, In, Out any](s *Store[S], f func(*Moment, S, *In) (*Out, error), models ...string) {
	register[In](s, false, models, func(m *Moment, in any, age time.Duration) (any, error) {
		return result(f(m, s.seen(m.Now, age), in.(*In)))
	})
}

// Write registers an operation that may change the state; as [Read] otherwise.
// An operation that returns an error must have changed nothing.
func Write[S, In, Out any](s *Store[S], f func(*Moment, S, *In) (*Out, error), models ...string) {
	register[In](s, true, models, func(m *Moment, in any, _ time.Duration) (any, error) {
		return result(f(m, s.present, in.(*In)))
	})
}

// Requests says which permissions an operation asks for. An operation that is
// left out asks once, for the resource "*" without context.
func Requests[S, In any](s *Store[S], f func(*Moment, S, *In) []Request) {
	s.handler(reflect.TypeFor[*In]()).requests = func(m *Moment, in any) []Request {
		return f(m, s.present, in.(*In))
	}
}

// OtherRequests is [Requests] for all operations registered so far that are
// left out.
func OtherRequests[S any](s *Store[S], f func(*Moment) []Request) {
	for _, h := range s.world.handlers {
		if h.store == committer(s) && h.requests == nil {
			h.requests = func(m *Moment, _ any) []Request { return f(m) }
		}
	}
}

// Limits says from which token buckets the operations registered so far take,
// and how much. Operations have no service here: "ReplaceRoute".
func Limits[S any](s *Store[S], f func(operation string, mutating bool, in any) []Limit) {
	for _, h := range s.world.handlers {
		if h.store == committer(s) {
			_, operation, _ := strings.Cut(h.operation, ":")
			h.limits = func(in any) []Limit { return f(operation, h.mutating, in) }
		}
	}
}

func (s *Store[S]) handler(input reflect.Type) *handler {
	h, ok := s.world.handlers[input]
	if !ok {
		panic(fmt.Sprintf("awssim: %v is not registered", input))
	}
	return h
}

func register[In, S any](s *Store[S], mutating bool, models []string, apply func(*Moment, any, time.Duration) (any, error)) {
	input := reflect.TypeFor[In]()
	if _, twice := s.world.handlers[reflect.PointerTo(input)]; twice {
		panic(fmt.Sprintf("awssim: %v is registered twice", input))
	}
	s.world.handlers[reflect.PointerTo(input)] = &handler{
		operation:  s.service + ":" + strings.TrimSuffix(input.Name(), "Input"),
		mutating:   mutating,
		store:      s,
		parameters: newParameters(input, models),
		apply:      apply,
		copy: func(in any) any {
			c := *in.(*In)
			return &c
		},
	}
}

// result drops the type of an output. A nil one is a mistake of the handler.
func result[Out any](out *Out, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if out == nil {
		panic(fmt.Sprintf("awssim: a handler returned a nil %T and no error", out))
	}
	return out, nil
}
