package script

import "github.com/droverhq/drover/internal/automation"

// What scenario files say of the instances of groups, and of what images are made of
// and tried on.

// Subnet is a subnet of a VPC.
type Subnet struct {
	ID string `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^subnet-[0-9a-f]{8,17}$" wanted:"a subnet id" example:"subnet-0a1b2c3d4e5f60718"`
}

// SecurityGroup is a security group.
type SecurityGroup struct {
	ID       string            `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^sg-[0-9a-f]{8,17}$" wanted:"a security group id" example:"sg-0a1b2c3d4e5f60718"`
	VPC      string            `json:"vpc,omitempty" doc:"The name of its VPC. Left out: the only one."`
	Isolated bool              `json:"isolated,omitempty" doc:"Whether it lets nothing out." default:"false"`
	Tags     map[string]string `json:"tags,omitempty" doc:"Its tags."`
}

// Document is how a document of Systems Manager behaves on a machine.
type Document struct {
	Takes     automation.Duration `json:"takes,omitempty" doc:"How long it runs. Left out: what is usual for it." example:"10m"`
	Says      string              `json:"says,omitempty" doc:"What it writes to standard output."`
	Fails     string              `json:"fails,omitempty" doc:"That it fails, and what it writes to standard error."`
	ExitCode  int                 `json:"exit-code,omitempty" doc:"The exit code with which it fails." minimum:"1" maximum:"255" default:"1"`
	Hangs     bool                `json:"hangs,omitempty" doc:"Whether it runs until its execution times out." default:"false"`
	Lost      bool                `json:"lost,omitempty" doc:"Whether it never reaches a machine." default:"false"`
	ShutsDown bool                `json:"shuts-down,omitempty" doc:"Whether it takes the machine down before it can report, as AWSEC2-RunSysprep does by itself." default:"false"`
}

// Boots is how instances of an image boot.
type Boots struct {
	Image    string              `json:"image" doc:"The image, which may be about to be made: a name, or an id."`
	Checks   automation.Duration `json:"checks,omitempty" doc:"How long their status checks take. Left out: two minutes." example:"10m"`
	Impaired bool                `json:"impaired,omitempty" doc:"Whether their status checks fail." default:"false"`
	NoAgent  bool                `json:"no-agent,omitempty" doc:"Whether they never have an agent of Systems Manager." default:"false"`
	Stops    automation.Duration `json:"stops,omitempty" doc:"How long they run before they shut down by themselves. Left out: they do not." example:"5m"`
	Unfit    bool                `json:"unfit,omitempty" doc:"Whether a group never gets them into service." default:"false"`
}

// Backup is a job of AWS Backup.
type Backup struct {
	Instance string              `json:"instance" doc:"The instance."`
	Name     string              `json:"name" doc:"The name of the image that it makes, by which the scenario refers to it."`
	Takes    automation.Duration `json:"takes,omitempty" doc:"How long it takes." example:"45m" default:"10m30s"`
	Fails    string              `json:"fails,omitempty" doc:"Why it fails, if it does; then there is no image."`
	Issues   string              `json:"issues,omitempty" doc:"What it says when it is completed, if that is with issues."`
	Vault    string              `json:"vault,omitempty" doc:"The backup vault." default:"Default"`
	Tags     map[string]string   `json:"tags,omitempty" doc:"Tags of the image, beside those of the instance."`
}

// Scale changes how many instances a group wants.
type Scale struct {
	Group   string `json:"group" doc:"The group."`
	Desired int    `json:"desired" doc:"How many instances; at least its min and at most its max, whatever is said." minimum:"0"`
	By      string `json:"by,omitempty" doc:"What does it: a scaling policy, unless AlarmNotification is suspended; or a scheduled action, unless ScheduledActions is." enum:"policy,schedule" default:"policy"`
}

// Processes are processes of a group.
type Processes struct {
	Group     string   `json:"group" doc:"The group."`
	Processes []string `json:"processes,omitempty" doc:"The processes. Left out: all." enum:"Launch,Terminate,AddToLoadBalancer,AlarmNotification,AZRebalance,HealthCheck,InstanceRefresh,ReplaceUnhealthy,ScheduledActions"`
}

// Refresh is an instance refresh.
type Refresh struct {
	Group    string `json:"group" doc:"The group."`
	Version  string `json:"version,omitempty" doc:"The version of its template that it is for. Left out: what it launches from." pattern:"^([1-9][0-9]{0,4}|\\$Latest|\\$Default)$" wanted:"the version of a launch template" example:"2"`
	Alarm    string `json:"alarm,omitempty" doc:"The alarm that ends it."`
	Rollback bool   `json:"rollback,omitempty" doc:"Whether it is rolled back when it fails." default:"false"`
}

// SendCommand sends a command.
type SendCommand struct {
	Document string `json:"document" doc:"The document."`
	Instance string `json:"instance" doc:"The instance."`
}

// ScalingState is how a group and its instances are.
type ScalingState struct {
	Min       *int      `json:"min,omitempty" doc:"How many instances it has at least." minimum:"0"`
	Max       *int      `json:"max,omitempty" doc:"How many instances it has at most." minimum:"0"`
	Desired   *int      `json:"desired,omitempty" doc:"How many instances it wants." minimum:"0"`
	InService *int      `json:"in-service,omitempty" doc:"How many of its instances are in service, and healthy." minimum:"0"`
	Standby   *int      `json:"standby,omitempty" doc:"How many of its instances are on standby." minimum:"0"`
	Runs      string    `json:"runs,omitempty" doc:"The image of all its instances: a name, or an id; none if it has no instances."`
	Suspended *[]string `json:"suspended,omitempty" doc:"All of its processes that are suspended, in any order. []: none is." enum:"Launch,Terminate,AddToLoadBalancer,AlarmNotification,AZRebalance,HealthCheck,InstanceRefresh,ReplaceUnhealthy,ScheduledActions"`
	Refresh   string    `json:"refresh,omitempty" doc:"The status of its last instance refresh, such as Successful or RollbackSuccessful; none if there was none."`
}
