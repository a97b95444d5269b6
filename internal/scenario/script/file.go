package script

import (
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/fleetfile"
)

// File is a scenario file. Its doc tags are what problems and the guide say.
type File struct {
	Scenario  string              `json:"scenario" doc:"What happens, in a sentence."`
	Start     string              `json:"start,omitempty" doc:"When it begins, in virtual time." pattern:"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" wanted:"a time in UTC" example:"2026-03-01T03:00:00Z" default:"2026-03-01T03:00:00Z"`
	FleetFile string              `json:"fleet-file,omitempty" doc:"The fleet file, its path beginning where the scenario file is."`
	Fleet     fleetfile.Mapping   `json:"fleet,omitempty" doc:"Instead of fleet-file: what would be in it. ${NAME} in a text is the id of what has that name in the world."`
	Sweeps    Sweeps              `json:"sweeps,omitempty" doc:"Whether automations sweep on their schedules." enum:"on-schedule,never" default:"on-schedule"`
	World     World               `json:"world,omitzero" doc:"What is there before it begins."`
	Steps     []Step              `json:"steps" doc:"What happens, in order." minItems:"1"`
	Until     automation.Duration `json:"until,omitempty" doc:"When it ends, from its beginning on. Left out: an hour after the last step." example:"3h"`
	Expect    Expect              `json:"expect,omitzero" doc:"How things are at the end."`
}

// Sweeps says who sweeps.
type Sweeps string

// The values of sweeps.
const (
	OnSchedule Sweeps = "on-schedule"
	Never      Sweeps = "never"
)

// World is what is there before the scenario begins. Names are the scenario's own;
// what is shown has them in place of ids.
type World struct {
	VPCs           map[string]VPC           `json:"vpcs,omitempty" doc:"VPCs by name. Left out: one that is called main."`
	Instances      map[string]Instance      `json:"instances,omitempty" doc:"Instances by name."`
	RouteTables    map[string]RouteTable    `json:"route-tables,omitempty" doc:"Route tables by name, beside the main one of each VPC."`
	Images         map[string]Image         `json:"images,omitempty" doc:"Images that are available, by name."`
	Templates      map[string]Template      `json:"templates,omitempty" doc:"Launch templates by name."`
	Groups         map[string]Group         `json:"groups,omitempty" doc:"Auto Scaling groups by name. Their instances are called after them: web/1 is the first of group web."`
	SecurityGroups map[string]SecurityGroup `json:"security-groups,omitempty" doc:"Security groups by name, beside the default one of each VPC."`
	Profiles       []string                 `json:"instance-profiles,omitempty" doc:"The names of all instance profiles, each with a role of the same name. Left out: there is every one."`
	KeyPairs       []string                 `json:"key-pairs,omitempty" doc:"The names of all key pairs. Left out: there is every one."`
	Documents      map[string]Document      `json:"documents,omitempty" doc:"How documents of Systems Manager behave, by name: those of AWS, if not as usual, and one's own, which are there then and take any parameters."`
	Parameters     map[string]Parameter     `json:"parameters,omitempty" doc:"Parameters of Systems Manager by name."`
	Platforms      map[string]Platform      `json:"platforms,omitempty" doc:"Branches of Elastic Beanstalk platforms by name."`
	Pipelines      map[string]Pipeline      `json:"pipelines,omitempty" doc:"Pipelines of Image Builder by name, each with a recipe of the same name."`
	NoTrail        bool                     `json:"no-trail,omitempty" doc:"Whether the account lacks a CloudTrail trail, so that no event tells of API calls." default:"false"`
}

// VPC is a VPC. It has a subnet in every zone that something is in, or that it names;
// main.a is the one of VPC main in zone a.
type VPC struct {
	ID      string            `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^vpc-[0-9a-f]{8,17}$" wanted:"a VPC id" example:"vpc-0bf5741eb0ef56a41"`
	CIDR    string            `json:"cidr,omitempty" doc:"Its addresses." default:"10.0.0.0/16"`
	Subnets map[string]Subnet `json:"subnets,omitempty" doc:"Its subnets, by the letters of their zones, where it is to have one although nothing is in that zone, or the fleet file names one. The one in zone a of VPC main is called main.a."`
	Tags    map[string]string `json:"tags,omitempty" doc:"Its tags."`
}

// Instance is an instance, a gateway for one.
type Instance struct {
	ID             string            `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^i-[0-9a-f]{8,17}$" wanted:"an instance id" example:"i-05a7780f2af7c126c"`
	VPC            string            `json:"vpc,omitempty" doc:"The name of its VPC. Left out: the only one."`
	Zone           string            `json:"zone,omitempty" doc:"The letter of its zone." pattern:"^[a-f]$" wanted:"the letter of a zone" example:"b" default:"a"`
	Interface      string            `json:"interface,omitempty" doc:"The id of its only interface, if the fleet file names it." pattern:"^eni-[0-9a-f]{8,17}$" wanted:"an interface id" example:"eni-00fea71a1c9255bef"`
	Interfaces     []Interface       `json:"interfaces,omitempty" doc:"Instead of interface: several, by device index."`
	Stopped        bool              `json:"stopped,omitempty" doc:"Whether it is stopped; otherwise it runs." default:"false"`
	Spot           bool              `json:"spot,omitempty" doc:"Whether it is a spot instance." default:"false"`
	Image          string            `json:"image,omitempty" doc:"The image it was launched from: a name, or an id."`
	Profile        string            `json:"instance-profile,omitempty" doc:"The name of its instance profile."`
	KeyPair        string            `json:"key-pair,omitempty" doc:"The name of its key pair."`
	SecurityGroups []string          `json:"security-groups,omitempty" doc:"The names of its security groups. Left out: the default one of its VPC."`
	NoAgent        bool              `json:"no-agent,omitempty" doc:"Whether it has no agent of Systems Manager." default:"false"`
	Tags           map[string]string `json:"tags,omitempty" doc:"Its tags."`
}

// Interface is an interface of an instance.
type Interface struct {
	Name    string `json:"name" doc:"Its name, such as inner. Elsewhere it is INSTANCE.NAME."`
	ID      string `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^eni-[0-9a-f]{8,17}$" wanted:"an interface id" example:"eni-00fea71a1c9255bef"`
	Checked bool   `json:"source-dest-check,omitempty" doc:"Whether its source/destination check is on, so that it forwards nothing." default:"false"`
	Stays   bool   `json:"stays,omitempty" doc:"Whether it stays when its instance is terminated." default:"false"`
}

// RouteTable is a route table.
type RouteTable struct {
	ID     string            `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^rtb-[0-9a-f]{8,17}$" wanted:"a route table id" example:"rtb-0a1b2c3d4e5f60718"`
	VPC    string            `json:"vpc,omitempty" doc:"The name of its VPC. Left out: the only one."`
	Zones  []string          `json:"zones,omitempty" doc:"The letters of the zones whose subnets use it." pattern:"^[a-f]$" wanted:"the letter of a zone" example:"b"`
	Routes map[string]string `json:"routes,omitempty" doc:"Destinations, each to an instance, an interface (INSTANCE.NAME), or internet."`
	Tags   map[string]string `json:"tags,omitempty" doc:"Its tags."`
}

// Image is an image that is available.
type Image struct {
	ID          string              `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^ami-[0-9a-f]{8,17}$" wanted:"an image id" example:"ami-0bd3e5a1c97f24680"`
	Description string              `json:"description,omitempty" doc:"Its description."`
	Instance    string              `json:"instance,omitempty" doc:"The name of the instance that it was made from."`
	Owner       string              `json:"owner,omitempty" doc:"The account that owns it, and shares it. Left out: the fleet's own." pattern:"^[0-9]{12}$" wanted:"an account id" example:"123456789012"`
	Windows     bool                `json:"windows,omitempty" doc:"Whether it has Windows. An image that is made of its instances has it too." default:"false"`
	Age         automation.Duration `json:"age,omitempty" doc:"How old it is when the scenario begins." default:"24h" example:"72h"`
	Tags        map[string]string   `json:"tags,omitempty" doc:"Its tags."`
}

// Template is a launch template.
type Template struct {
	ID             string            `json:"id,omitempty" doc:"Its id, if the fleet file names it." pattern:"^lt-[0-9a-f]{8,17}$" wanted:"a launch template id" example:"lt-0a1b2c3d4e5f60718"`
	Versions       []string          `json:"versions" doc:"The image of each version, the oldest first: names, or ids." minItems:"1"`
	Default        int               `json:"default,omitempty" doc:"The number of its default version." minimum:"1" default:"1"`
	Profile        string            `json:"instance-profile,omitempty" doc:"The name of the instance profile of all versions."`
	KeyPair        string            `json:"key-pair,omitempty" doc:"The name of the key pair of all versions."`
	SecurityGroups []string          `json:"security-groups,omitempty" doc:"The names of the security groups of all versions."`
	Tags           map[string]string `json:"tags,omitempty" doc:"Its tags."`
}

// Group is an Auto Scaling group, which has its instances when the scenario begins.
type Group struct {
	Template    string              `json:"template" doc:"The name of the launch template it launches from."`
	Version     string              `json:"version" doc:"The version of that: a number, $Latest or $Default." pattern:"^([1-9][0-9]{0,4}|\\$Latest|\\$Default)$" wanted:"the version of a launch template" example:"$Latest"`
	Min         int                 `json:"min,omitempty" doc:"How many instances it has at least." minimum:"0" default:"0"`
	Max         *int                `json:"max,omitempty" doc:"How many instances it has at most. Left out: as many as it has to begin with." minimum:"0" maximum:"100"`
	Desired     *int                `json:"desired,omitempty" doc:"How many instances it wants. Left out: its min." minimum:"0" maximum:"100"`
	Standby     int                 `json:"standby,omitempty" doc:"How many instances it has on standby, beside those that it wants: the last of them." minimum:"0" maximum:"100" default:"0"`
	Protected   int                 `json:"protected,omitempty" doc:"How many of its instances are protected from scale in: the first of them." minimum:"0" default:"0"`
	ProtectsNew bool                `json:"protects-new-instances,omitempty" doc:"Whether new instances are protected from scale in." default:"false"`
	Suspended   []string            `json:"suspended,omitempty" doc:"Its processes that are suspended." enum:"Launch,Terminate,AddToLoadBalancer,AlarmNotification,AZRebalance,HealthCheck,InstanceRefresh,ReplaceUnhealthy,ScheduledActions"`
	Grace       automation.Duration `json:"grace-period,omitempty" doc:"Its health check grace period." example:"5m" default:"0s"`
	VPC         string              `json:"vpc,omitempty" doc:"The name of the VPC of its instances. Left out: the only one."`
	Zones       []string            `json:"zones,omitempty" doc:"The letters of the zones of its instances. Left out: a." pattern:"^[a-f]$" wanted:"the letter of a zone" example:"b"`
	Tags        map[string]string   `json:"tags,omitempty" doc:"Its tags."`
}

// Parameter is a parameter of Systems Manager.
type Parameter struct {
	Value    string `json:"value" doc:"Its value. The name of an image or a template, as ${NAME}, is its id."`
	Secure   bool   `json:"secure,omitempty" doc:"Whether it is a SecureString." default:"false"`
	DataType string `json:"data-type,omitempty" doc:"Its data type." enum:"text,aws:ec2:image" default:"text"`
}

// Platform is a branch of an Elastic Beanstalk platform.
type Platform struct {
	Platform string            `json:"platform" doc:"The platform, such as IIS."`
	System   string            `json:"system,omitempty" doc:"The name of its operating system."`
	Versions map[string]string `json:"versions" doc:"The base image of each version, by its number: names, or ids."`
}

// Pipeline is a pipeline of Image Builder.
type Pipeline struct {
	Parent   string `json:"parent" doc:"The parent image of its recipe: a name, an id, or ssm: and a parameter."`
	Recipe   string `json:"recipe,omitempty" doc:"The version of its recipe." pattern:"^[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}$" wanted:"a version" example:"1.0.0" default:"1.0.0"`
	Disabled bool   `json:"disabled,omitempty" doc:"Whether it is disabled." default:"false"`
}

// Step is a time at which something happens. What is in it happens in the order of
// these keys.
type Step struct {
	At     automation.Duration  `json:"at" doc:"When, from the beginning on. No step is before the last."`
	Say    string               `json:"say,omitempty" doc:"A line in the timeline. Where a step has a do, it says what is done."`
	Events *Events              `json:"events,omitempty" doc:"What becomes of events from now on. {}: they come at once, as usual."`
	Faults *[]Fault             `json:"faults,omitempty" doc:"What goes wrong with Drover's calls from now on, in place of what did. []: nothing."`
	Stale  *automation.Duration `json:"stale-reads,omitempty" doc:"How far behind the world is what Drover reads, from now on; at most a minute. 0s: not at all." example:"10s"`
	Do     *Do                  `json:"do,omitempty" doc:"What somebody does, or AWS; one thing."`
	Event  fleetfile.Mapping    `json:"event,omitempty" doc:"An event as EventBridge has it, that comes without a cause. What is left out of id, time, region and account is filled in."`
	Sweep  []string             `json:"sweep,omitempty" doc:"Automations that sweep now, whatever their schedules."`
	Expect Expect               `json:"expect,omitzero" doc:"How things are now, when Drover has done what can be done at once."`
}

// Events is what becomes of events.
type Events struct {
	Lost  bool                 `json:"lost,omitempty" doc:"Whether they never come." default:"false"`
	Late  automation.Duration  `json:"late,omitempty" doc:"How much later they come." example:"5m"`
	Twice *automation.Duration `json:"twice,omitempty" doc:"That each comes once more, so much after the first time." example:"10m"`
}

// Fault is what goes wrong with calls.
type Fault struct {
	Call  string              `json:"call" doc:"The operation, as IAM names it." pattern:"^[a-z0-9]+:[A-Z][A-Za-z0-9]+$" wanted:"an operation" example:"ec2:ReplaceRoute"`
	About string              `json:"about,omitempty" doc:"Only calls about this: a text that what the call is about contains, such as the id of a route table. ${NAME} is an id."`
	Fails string              `json:"fails" doc:"How it fails." enum:"throttled,error,denied,reset,timeout"`
	When  string              `json:"when,omitempty" doc:"When it fails: before it has had any effect; after that, so that only the answer is lost; or before, but the effect comes half a minute later all the same." enum:"before,after,late" default:"before"`
	Times int                 `json:"times,omitempty" doc:"How often, for each resource that calls are about. Left out: always." minimum:"1"`
	For   automation.Duration `json:"for,omitempty" doc:"For how long. Left out: until a step says something else." example:"2m"`
}

// Do is one thing that is done. Exactly one key is there.
type Do struct {
	Stop            string              `json:"stop,omitempty" doc:"Stops an instance."`
	StartInstance   string              `json:"start,omitempty" doc:"Starts an instance that is stopped."`
	Terminate       string              `json:"terminate,omitempty" doc:"Terminates an instance."`
	Interrupt       string              `json:"interrupt,omitempty" doc:"AWS warns that it takes a spot instance back, and terminates it two minutes later."`
	Impair          string              `json:"impair,omitempty" doc:"The status checks of an instance fail from now on. No event tells of it."`
	Heal            string              `json:"heal,omitempty" doc:"The status checks of an instance pass again."`
	CreateImage     *CreateImage        `json:"create-image,omitempty" doc:"Begins to make an image, which takes four minutes."`
	DeregisterImage string              `json:"deregister-image,omitempty" doc:"Deregisters an image."`
	CreateVersion   *CreateVersion      `json:"create-version,omitempty" doc:"Makes a version of a launch template from its latest."`
	SetDefault      *SetDefault         `json:"set-default,omitempty" doc:"Sets the default version of a launch template."`
	CreateGroup     *CreateGroup        `json:"create-group,omitempty" doc:"Makes an Auto Scaling group."`
	UpdateGroup     *UpdateGroup        `json:"update-group,omitempty" doc:"Updates a group: what it launches from, and how many instances it has."`
	SetParameter    *SetParameter       `json:"set-parameter,omitempty" doc:"Gives a parameter another value; makes it if there is none."`
	PublishPlatform *PublishPlatform    `json:"publish-platform,omitempty" doc:"AWS publishes a version of a platform, which is ready some minutes later."`
	Build           string              `json:"build,omitempty" doc:"Starts a pipeline by hand."`
	FailBuild       *FailBuild          `json:"fail-build,omitempty" doc:"The next build of a pipeline is going to fail."`
	Backup          *Backup             `json:"backup,omitempty" doc:"A backup plan begins a job that makes an image of an instance."`
	FailImage       string              `json:"fail-image,omitempty" doc:"The next image that anybody begins to make of an instance is going to fail, for this reason."`
	Boots           *Boots              `json:"boots,omitempty" doc:"How instances of an image boot from now on. What is left out is as usual again."`
	Documents       map[string]Document `json:"documents,omitempty" doc:"How documents of Systems Manager behave from now on, by name. What is left out is as usual again."`
	SendCommand     *SendCommand        `json:"send-command,omitempty" doc:"Has a document run on an instance."`
	Alarm           string              `json:"alarm,omitempty" doc:"A CloudWatch alarm goes off: it is in ALARM from now on."`
	ClearAlarm      string              `json:"clear-alarm,omitempty" doc:"A CloudWatch alarm is in OK again."`
	Scale           *Scale              `json:"scale,omitempty" doc:"A scaling policy or a scheduled action changes how many instances a group wants."`
	Suspend         *Processes          `json:"suspend,omitempty" doc:"Suspends processes of a group."`
	Resume          *Processes          `json:"resume,omitempty" doc:"Resumes processes of a group."`
	Refresh         *Refresh            `json:"refresh,omitempty" doc:"Starts an instance refresh of a group by hand."`
	Protect         string              `json:"protect,omitempty" doc:"Protects an instance of a group from scale in."`
	Unprotect       string              `json:"unprotect,omitempty" doc:"Takes the protection of an instance away."`
	Standby         string              `json:"standby,omitempty" doc:"Puts an instance of a group on standby; the group wants one instance less."`
	Return          string              `json:"return,omitempty" doc:"Puts an instance that is on standby into service; the group wants one instance more."`
	Approve         string              `json:"approve,omitempty" doc:"Approves the runs of an automation that wait for that, as drover approve does."`
	Cancel          string              `json:"cancel,omitempty" doc:"Cancels the runs of an automation that have not ended, as drover cancel does."`
}

// CreateImage makes an image of an instance.
type CreateImage struct {
	Name        string            `json:"name" doc:"The image's name, by which the scenario refers to it."`
	Instance    string            `json:"instance" doc:"The instance."`
	Description string            `json:"description,omitempty" doc:"The image's description."`
	Tags        map[string]string `json:"tags,omitempty" doc:"The image's tags. ${NAME} is an id."`
	Fails       string            `json:"fails,omitempty" doc:"Why it fails, if it does."`
	By          string            `json:"by,omitempty" doc:"Who does it, as CloudTrail tells: a service, or an ARN." default:"dlm.amazonaws.com"`
}

// CreateVersion makes a version of a launch template.
type CreateVersion struct {
	Template string `json:"template" doc:"The launch template."`
	Image    string `json:"image" doc:"The image of the version: a name, or an id."`
}

// SetDefault sets a default version.
type SetDefault struct {
	Template string `json:"template" doc:"The launch template."`
	Version  int    `json:"version" doc:"The number of the version." minimum:"1"`
}

// CreateGroup makes a group.
type CreateGroup struct {
	Name     string            `json:"name" doc:"The group's name."`
	Template string            `json:"template" doc:"The launch template."`
	Version  string            `json:"version" doc:"The version of that: a number, $Latest or $Default." pattern:"^([1-9][0-9]{0,4}|\\$Latest|\\$Default)$" wanted:"the version of a launch template" example:"$Latest"`
	Tags     map[string]string `json:"tags,omitempty" doc:"The group's tags."`
	By       string            `json:"by,omitempty" doc:"Who does it, as CloudTrail tells: a service, or an ARN." default:"cloudformation.amazonaws.com"`
}

// UpdateGroup updates a group.
type UpdateGroup struct {
	Name    string `json:"name" doc:"The group's name."`
	Version string `json:"version,omitempty" doc:"The version of its template: a number, $Latest or $Default." pattern:"^([1-9][0-9]{0,4}|\\$Latest|\\$Default)$" wanted:"the version of a launch template" example:"$Latest"`
	Min     *int   `json:"min,omitempty" doc:"How many instances it has at least." minimum:"0"`
	Max     *int   `json:"max,omitempty" doc:"How many instances it has at most." minimum:"0" maximum:"100"`
	Desired *int   `json:"desired,omitempty" doc:"How many instances it wants." minimum:"0" maximum:"100"`
	By      string `json:"by,omitempty" doc:"Who does it, as CloudTrail tells: a service, or an ARN." default:"cloudformation.amazonaws.com"`
}

// SetParameter sets a parameter.
type SetParameter struct {
	Name  string `json:"name" doc:"The parameter's name."`
	Value string `json:"value" doc:"The value. ${NAME} is an id."`
}

// PublishPlatform publishes a version of a platform.
type PublishPlatform struct {
	Branch  string `json:"branch" doc:"The platform's branch."`
	Version string `json:"version" doc:"The number of the version." pattern:"^[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}$" wanted:"a version" example:"2.7.0"`
	Image   string `json:"image" doc:"Its base image: a name, or an id."`
}

// FailBuild has a build fail.
type FailBuild struct {
	Pipeline string `json:"pipeline" doc:"The pipeline."`
	Reason   string `json:"reason,omitempty" doc:"Why. There is a usual reason."`
}

// Expect is how things should be. What it does not name may be as it likes.
type Expect struct {
	Outcomes   map[string]string            `json:"outcomes,omitempty" doc:"How the last run of an automation has ended; waiting while one waits; none if there was none. A sweep that finds nothing to do does not count after another run." enum:"succeeded,nothing-to-do,rolled-back,stuck,waiting,none"`
	Runs       map[string]Runs              `json:"runs,omitempty" doc:"How many runs of an automation have ended how."`
	Routes     map[string]map[string]string `json:"routes,omitempty" doc:"By route table and destination: the instance or the interface (INSTANCE.NAME), none if there is no such route, or an id. If the target cannot take traffic, blackhole is added: gw-1 blackhole."`
	Templates  map[string]TemplateState     `json:"templates,omitempty" doc:"Launch templates by name."`
	Groups     map[string]string            `json:"groups,omitempty" doc:"The version that a group launches from: a number, $Latest or $Default; none if there is no such group."`
	Scaling    map[string]ScalingState      `json:"scaling,omitempty" doc:"Auto Scaling groups by name: their sizes, their instances and their instance refreshes."`
	Left       *[]string                    `json:"left,omitempty" doc:"All that has been made since the scenario began and is still there, in any order: instances that no group has launched, images, and volumes and snapshots that nothing uses. []: nothing is left."`
	Parameters map[string]string            `json:"parameters,omitempty" doc:"The value of a parameter; the name of an image stands for its id. none if there is no such parameter."`
	Pipelines  map[string]PipelineState     `json:"pipelines,omitempty" doc:"Pipelines by name."`
	Calls      map[string]int               `json:"calls,omitempty" doc:"How many calls of an operation Drover has made that AWS carried out, such as ec2:ReplaceRoute."`
	Notices    *int                         `json:"notices,omitempty" doc:"How many notices people were sent." minimum:"0"`
	Told       []string                     `json:"told,omitempty" doc:"Texts that were in the notices, each in some notice; names stand for ids."`
}

// Runs counts runs by how they have ended.
type Runs struct {
	Succeeded   *int `json:"succeeded,omitempty" doc:"Runs that did what was to be done." minimum:"0"`
	NothingToDo *int `json:"nothing-to-do,omitempty" doc:"Runs that found nothing to do, sweeps among them." minimum:"0"`
	RolledBack  *int `json:"rolled-back,omitempty" doc:"Runs that failed, and took back what they did." minimum:"0"`
	Stuck       *int `json:"stuck,omitempty" doc:"Runs after which a person must look." minimum:"0"`
}

// TemplateState is how a launch template is.
type TemplateState struct {
	Default  string `json:"default,omitempty" doc:"The image of its default version."`
	Latest   string `json:"latest,omitempty" doc:"The image of its latest version."`
	Versions *int   `json:"versions,omitempty" doc:"How many versions it has." minimum:"0"`
}

// PipelineState is how a pipeline is. The images that it makes are called after it:
// web/1 is the first of pipeline web.
type PipelineState struct {
	Recipe string `json:"recipe,omitempty" doc:"The version of its recipe."`
	Parent string `json:"parent,omitempty" doc:"The parent image of its recipe: a name, or an id."`
	Builds *int   `json:"builds,omitempty" doc:"How many images it has begun to make." minimum:"0"`
	Last   string `json:"last,omitempty" doc:"The state of the last of them, such as AVAILABLE or FAILED."`
}
