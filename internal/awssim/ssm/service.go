package ssm

import (
	"github.com/droverhq/drover/internal/awssim"
)

// Service is the Parameter Store in one world.
type Service struct{ store *awssim.Store[*state] }

// New makes the service for [awssim.New].
func New() *Service { return &Service{} }

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "ssm", &state{}, (*state).clone)
	s.store = st

	awssim.Write(st, putParameter, "Name", "Value", "Type", "Description", "KeyId", "Overwrite", "DataType")
	awssim.Write(st, deleteParameter, "Name")
	awssim.Read(st, getParameter, "Name", "WithDecryption")
	awssim.Read(st, getParameters, "Names", "WithDecryption")
	awssim.Read(st, getParametersByPath, "Path", "Recursive", "WithDecryption", "MaxResults", "NextToken")

	awssim.Requests(st, putParameterPermissions)
	awssim.Requests(st, deleteParameterPermissions)
	awssim.Requests(st, getParameterPermissions)
	awssim.Requests(st, getParametersPermissions)
	awssim.Requests(st, getParametersByPathPermissions)
	awssim.Limits(st, limits)
}

// limits are the request rates of facts/apis.md 3: one for all that read values,
// and a lower one for PutParameter, which is unverified. How much they may burst
// is not published.
func limits(operation string, mutates bool, _ any) []awssim.Limit {
	switch {
	case operation == "PutParameter":
		return []awssim.Limit{{Name: "ssm:PutParameter", Size: 3, PerSecond: 3, Cost: 1}}
	case mutates:
		return nil
	default:
		return []awssim.Limit{{Name: "ssm:GetParameter", Size: 40, PerSecond: 40, Cost: 1}}
	}
}
