package awssim

import "strings"

// Not modelled: permission boundaries, service control policies and session
// policies, the implicit ec2:CreateTags of tag-on-create, iam:PassRole.

// Authorizer says whether an action on a resource is allowed, as IAM would:
// the resource is an ARN or "*", the context holds condition keys such as
// "ec2:Vpc" (shared/facts/iam.md).
type Authorizer func(action, resource string, context map[string][]string) bool

// Request is one question to the [Authorizer]. The action is the operation.
type Request struct {
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
		if !w.hooks.authorize(h.operation, r.Resource, r.Context) {
			return Denied(h.operation, r.Resource)
		}
	}
	return nil
}
