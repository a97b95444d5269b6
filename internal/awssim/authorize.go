package awssim

import (
	"cmp"
	"strings"
)

// Not modelled: permission boundaries, service control policies and session
// policies, and the implicit ec2:CreateTags of tag-on-create and iam:PassRole
// unless a service asks for them.

// Authorizer says whether an action on a resource is allowed, as IAM would:
// the resource is an ARN or "*", the context holds condition keys such as
// "ec2:Vpc" (shared/facts/iam.md).
type Authorizer func(action, resource string, context map[string][]string) bool

// Request is one question to the [Authorizer].
type Request struct {
	// Action is the operation, if it is empty. Some operations ask for others
	// beside it, such as iam:PassRole.
	Action   string
	Resource string
	Context  map[string][]string
}

// authorize asks for every resource the call touches.
func (w *World) authorize(m *Moment, h *handler, in any) error {
	if w.hooks.authorize == nil {
		return nil
	}
	service, _, _ := strings.Cut(h.operation, ":")
	requests := []Request{{Resource: "*", Context: map[string][]string{service + ":Region": {w.options.Region}}}}
	if h.requests != nil {
		requests = h.requests(m, in)
	}
	for _, r := range requests {
		action := cmp.Or(r.Action, h.operation)
		if !w.hooks.authorize(action, r.Resource, r.Context) {
			return denied(h.operation, action, r.Resource)
		}
	}
	return nil
}

// Allowed asks about something that a call needs beside what it is refused for:
// AWS goes on without it, and does less. What nobody calls through a client is
// allowed everything.
func (m *Moment) Allowed(r Request) bool {
	ask := m.world.hooks.authorize
	return ask == nil || m.RequestID == "" || ask(cmp.Or(r.Action, m.Operation), r.Resource, r.Context)
}
