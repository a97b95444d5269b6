package ssm

// What tests and scenarios can see and do beside the API.

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Set gives a parameter its value as somebody else does, who is allowed to: it is
// made, or gets another version. It is no call, but EventBridge tells of it.
func (s *Service) Set(name, value string, kind types.ParameterType) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		_, err = putParameter(m, st, &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: aws.Bool(true)})
	})
	if err != nil {
		return fmt.Errorf("set parameter %s: %w", name, err)
	}
	return nil
}

// SetValidation says how long it takes from now on to validate an image.
func (s *Service) SetValidation(d time.Duration) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.options.Validation = d })
}

// Parameters are all parameters by name, with their values as they are.
func (s *Service) Parameters() []types.Parameter {
	var all []types.Parameter
	s.store.View(func(st *state) {
		for _, p := range st.parameters {
			all = append(all, p.out(p.newest(), "", true))
		}
	})
	return all
}

// Details are what the API shows of a parameter elsewhere than beside its value.
type Details struct {
	Description, DataType string
	Tags                  map[string]string
}

// Details are those of the account's parameter of a name, and whether there is one.
func (s *Service) Details(name string) (d Details, found bool) {
	s.store.View(func(st *state) {
		var p parameter
		if p, found = st.own(name); !found {
			return
		}
		d = Details{Description: p.description, DataType: p.dataType, Tags: map[string]string{}}
		for _, t := range p.tags {
			d.Tags[*t.Key] = *t.Value
		}
	})
	return d, found
}

// Value is the newest value of a parameter, by its name or ARN, and whether there is
// one. It is for another service that is being called.
func (s *Service) Value(m *awssim.Moment, name string) (string, bool) {
	st := s.store.At(m)
	r, err := st.refer(m, name)
	if err != nil {
		return "", false
	}
	_, v, err := st.look(r)
	return v.value, err == nil
}

// Commands are all commands as ListCommands shows them, in the order they were sent.
func (s *Service) Commands() []types.Command {
	var all []types.Command
	s.store.View(func(st *state) {
		for _, c := range st.commands {
			all = append(all, c.out())
		}
	})
	return all
}

// Invocations are all invocations as ListCommandInvocations shows them with their
// details, in the order the commands were sent.
func (s *Service) Invocations() []types.CommandInvocation {
	var all []types.CommandInvocation
	s.store.View(func(st *state) {
		for _, c := range st.commands {
			for _, i := range c.invocations {
				all = append(all, i.out(*c, true))
			}
		}
	})
	return all
}
