package ec2

// Instances as what runs on them sees them, for services that have agents there. All
// of it is called with the world locked, at a moment of the service that calls.

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// ShutDownFromWithin is a running machine that shuts itself down: it is stopped or
// terminated, as its shutdown behavior says
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingInstanceInitiatedShutdownBehavior.html).
// Nothing happens to one that does not run.
func (s *Service) ShutDownFromWithin(m *awssim.Moment, id string) {
	s.store.Within(m, func(m *awssim.Moment, st *state) {
		if i, ok := st.instances.get(id); ok && i.state == types.InstanceStateNameRunning {
			st.shutDown(m, i)
		}
	})
}

// TagsOf are the tags of a resource, for another service that is being called.
func (s *Service) TagsOf(m *awssim.Moment, id string) map[string]string {
	return s.store.At(m).tagMap(id)
}

func (s *state) tagMap(id string) map[string]string {
	row, _ := s.tags.get(id)
	tags := map[string]string{}
	for _, t := range row.tags {
		tags[t.key] = t.value
	}
	return tags
}
