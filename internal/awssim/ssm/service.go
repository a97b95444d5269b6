package ssm

import (
	"time"

	"github.com/droverhq/drover/internal/awssim"
)

// Options of the service. The zero value of each field is a sensible choice.
type Options struct {
	// Images says whether the account has an image that is available. It is called
	// with the world locked: it must read EC2's state without taking the lock.
	// Without it, the account has every image whose id is well formed.
	Images func(m *awssim.Moment, id string) bool
	// Validation is how long it takes to validate an image; default 5 s
	// (unverified).
	Validation time.Duration
}

// Service is the Parameter Store in one world.
type Service struct {
	options Options
	store   *awssim.Store[*state]
}

// New makes the service for [awssim.New], with the last of the options.
func New(options ...Options) *Service {
	s := &Service{}
	for _, o := range options {
		s.options = o
	}
	if s.options.Validation == 0 {
		s.options.Validation = 5 * time.Second
	}
	return s
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "ssm", &state{options: s.options, unchecked: map[string]int{}}, (*state).clone)
	s.store = st

	awssim.Write(st, putParameter, "Name", "Value", "Type", "Description", "KeyId", "Overwrite", "DataType", "Tags")
	awssim.Write(st, deleteParameter, "Name")
	awssim.Read(st, getParameter, "Name", "WithDecryption")
	awssim.Read(st, getParameters, "Names", "WithDecryption")
	awssim.Read(st, getParametersByPath, "Path", "Recursive", "WithDecryption", "MaxResults", "NextToken")

	awssim.Write(st, addTagsToResource, "ResourceType", "ResourceId", "Tags")
	awssim.Write(st, removeTagsFromResource, "ResourceType", "ResourceId", "TagKeys")
	awssim.Read(st, listTagsForResource, "ResourceType", "ResourceId")

	awssim.Requests(st, putParameterPermissions)
	awssim.Requests(st, deleteParameterPermissions)
	awssim.Requests(st, getParameterPermissions)
	awssim.Requests(st, getParametersPermissions)
	awssim.Requests(st, getParametersByPathPermissions)
	awssim.Requests(st, addTagsToResourcePermissions)
	awssim.Requests(st, removeTagsFromResourcePermissions)
	awssim.Requests(st, listTagsForResourcePermissions)
	awssim.Limits(st, limits)
}

// limits are the request rates of facts/apis.md 3: one for all that read values,
// and a lower one for PutParameter, which is unverified. How much they may burst
// is not published.
func limits(operation string, mutates bool, _ any) []awssim.Limit {
	switch {
	case operation == "PutParameter":
		return []awssim.Limit{{Name: "ssm:PutParameter", Size: 3, PerSecond: 3, Cost: 1}}
	case mutates, operation == "ListTagsForResource":
		return nil
	default:
		return []awssim.Limit{{Name: "ssm:GetParameter", Size: 40, PerSecond: 40, Cost: 1}}
	}
}
