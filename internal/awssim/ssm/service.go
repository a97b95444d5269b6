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
	// Times are those of commands and agents.
	Times Times
	// Tags are the tags of an instance, for targets and permissions. As Images
	// otherwise; see TagsOf of the simulated ec2. Without it, there are none.
	Tags func(m *awssim.Moment, instance string) map[string]string
	// ShutDown has a machine shut itself down. It is called with the world locked,
	// and has [Service.InstanceIs] told; see ShutDownFromWithin of the simulated ec2.
	// Without it, machines stay up.
	ShutDown func(m *awssim.Moment, instance string)
	// Agentless says that an instance has no agent, as its image has none. As Images
	// otherwise; it is asked when the instance runs. Without it, each has one, see
	// [Service.SetAgent].
	Agentless func(m *awssim.Moment, instance string) bool
}

// Times say how long things take that have to do with agents. AWS promises none of
// them (all unverified). Zero is the default.
type Times struct {
	Agent    time.Duration // instance running → its agent online; 40 s
	Lost     time.Duration // agent gone → ConnectionLost; 5 min
	Delivery time.Duration // command sent → at its agent; 1 s
}

// Service is Parameter Store and Run Command in one world.
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
	for d, usual := range map[*time.Duration]time.Duration{
		&s.options.Validation: 5 * time.Second, &s.options.Times.Agent: 40 * time.Second,
		&s.options.Times.Lost: 5 * time.Minute, &s.options.Times.Delivery: time.Second,
	} {
		if *d == 0 {
			*d = usual
		}
	}
	return s
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "ssm", &state{
		options: s.options, unchecked: map[string]int{},
		documents: documents(), agents: map[string]agent{}, bare: map[string]bool{},
	}, (*state).clone)
	s.store = st

	awssim.Write(st, putParameter, "Name", "Value", "Type", "Description", "KeyId", "Overwrite", "DataType", "Tags")
	awssim.Write(st, deleteParameter, "Name")
	awssim.Read(st, getParameter, "Name", "WithDecryption")
	awssim.Read(st, getParameters, "Names", "WithDecryption")
	awssim.Read(st, getParametersByPath, "Path", "Recursive", "WithDecryption", "MaxResults", "NextToken")

	awssim.Write(st, addTagsToResource, "ResourceType", "ResourceId", "Tags")
	awssim.Write(st, removeTagsFromResource, "ResourceType", "ResourceId", "TagKeys")
	awssim.Read(st, listTagsForResource, "ResourceType", "ResourceId")

	awssim.Write(st, sendCommand, "DocumentName", "DocumentVersion", "InstanceIds", "Targets", "Parameters", "TimeoutSeconds", "Comment")
	awssim.Write(st, cancelCommand, "CommandId", "InstanceIds")
	awssim.Read(st, getCommandInvocation, "CommandId", "InstanceId", "PluginName")
	awssim.Read(st, listCommandInvocations, "CommandId", "InstanceId", "Filters", "Details", "MaxResults", "NextToken")
	awssim.Read(st, listCommands, "CommandId", "InstanceId", "Filters", "MaxResults", "NextToken")
	awssim.Read(st, describeInstanceInformation, "Filters", "MaxResults", "NextToken")

	awssim.Requests(st, putParameterPermissions)
	awssim.Requests(st, deleteParameterPermissions)
	awssim.Requests(st, getParameterPermissions)
	awssim.Requests(st, getParametersPermissions)
	awssim.Requests(st, getParametersByPathPermissions)
	awssim.Requests(st, addTagsToResourcePermissions)
	awssim.Requests(st, removeTagsFromResourcePermissions)
	awssim.Requests(st, listTagsForResourcePermissions)
	awssim.Requests(st, sendCommandPermissions) // the other calls about commands and agents ask for "*": facts/iam.md 2
	awssim.Limits(st, limits)
}

// limits are the request rates of facts/apis.md 3: one for all that read values,
// and a lower one for PutParameter, which is unverified. How much they may burst
// is not published, nor are the rates of the others.
func limits(operation string, _ bool, _ any) []awssim.Limit {
	switch operation {
	case "PutParameter":
		return []awssim.Limit{{Name: "ssm:PutParameter", Size: 3, PerSecond: 3, Cost: 1}}
	case "GetParameter", "GetParameters", "GetParametersByPath":
		return []awssim.Limit{{Name: "ssm:GetParameter", Size: 40, PerSecond: 40, Cost: 1}}
	default:
		return nil
	}
}
