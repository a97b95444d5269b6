package imagerollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// Config is the kind's part of the fleet file.
type Config struct {
	Group    string              `json:"group" doc:"The Auto Scaling group that gets the image." pattern:"^[^:*?]{1,255}$" wanted:"the name of an Auto Scaling group" example:"web"`
	Source   Source              `json:"source" doc:"Which images are rolled out: one of backups and images."`
	Builder  *Builder            `json:"builder,omitempty" doc:"The machine that is launched from the image for a while, prepared, and imaged again. Left out: the image is rolled out as it is."`
	Hold     Hold                `json:"hold,omitempty" doc:"How the group is kept from growing with the old image while the new one is made: by processes, which suspends scaling by alarms and schedules; by max-size, which lowers the group's maximum to what runs; or none. It ends before instances are replaced." enum:"none,processes,max-size" default:"none"`
	Try      *Try                `json:"try,omitempty" doc:"An instance from the new image must pass its checks before anything points at the image. Left out: nothing is tried."`
	Refresh  *Refresh            `json:"refresh,omitempty" doc:"How the instances that run are replaced. Left out: they are not, and what is launched from now on has the image."`
	Keep     int                 `json:"keep,omitempty" doc:"How many versions of the launch template are kept, the newest. The default version, and versions that a group or an instance uses, are kept beside them." minimum:"1" maximum:"10000" default:"5"`
	Recovery Recovery            `json:"recovery-point,omitempty" doc:"What becomes of a backup's recovery point once its image has been rolled out." enum:"keep,delete" default:"keep"`
	MinAge   automation.Duration `json:"min-age,omitempty" doc:"How old an image must be before it is rolled out. Left out: no age." example:"24h"`
	Pin      string              `json:"pin,omitempty" doc:"The only image that is rolled out, until this is taken away." pattern:"^ami-[0-9a-f]{8,17}$" wanted:"the id of an image" example:"ami-0bd3e5a1c97f24680"`
	Window   *Window             `json:"window,omitempty" doc:"When rollouts may begin. Left out: at any time."`
	Approval automation.Duration `json:"approval,omitempty" doc:"For how long a rollout waits for a person to approve it, with drover approve. Left out: it needs none." example:"12h"`
	Sweep    automation.Duration `json:"sweep,omitempty" doc:"How often to look for what a lost event left behind." default:"1h" example:"15m"`
}

// Source chooses images, in one of two ways.
type Source struct {
	Backups *Backups `json:"backups,omitempty" doc:"Images that AWS Backup makes of instances. {}: of the instances of the group."`
	Images  *Images  `json:"images,omitempty" doc:"Images of this account, such as those of Image Builder."`
}

// Backups choose images by the instance that they are backups of.
type Backups struct {
	Tags map[string]string `json:"tags,omitempty" doc:"Of instances with all these tags. Left out: of the group's own."`
}

// Images choose images by what they are called.
type Images struct {
	Name string            `json:"name,omitempty" doc:"A pattern that the image's name fits: * stands for any text, ? for any character." pattern:"^[0-9A-Za-z()\\[\\] ./'@_*?-]{1,128}$" wanted:"the name of an image, with wildcards," example:"golden-*"`
	Tags map[string]string `json:"tags,omitempty" doc:"Tags that the image has, all of them."`
}

// Builder is how the temporary machine is launched and what is done to it.
type Builder struct {
	Subnet         string              `json:"subnet" doc:"The subnet that it is launched into." pattern:"^subnet-[0-9a-f]{8,17}$" wanted:"the id of a subnet" example:"subnet-0a1b2c3d4e5f60718"`
	SecurityGroups []string            `json:"security-groups" doc:"Its security groups. It is a copy of a machine that works: give it groups that let it reach Systems Manager and nothing that it would work with." minItems:"1" maxItems:"16" pattern:"^sg-[0-9a-f]{8,17}$" wanted:"the id of a security group" example:"sg-0a1b2c3d4e5f60718"`
	Profile        string              `json:"profile,omitempty" doc:"The name of its instance profile. Systems Manager needs one." pattern:"^[A-Za-z0-9+=,.@_-]{1,128}$" wanted:"the name of an instance profile" example:"builder"`
	Role           string              `json:"role,omitempty" doc:"The role in the instance profile, with its path; narrows iam:PassRole. Left out: any role, to EC2 alone." pattern:"^[A-Za-z0-9+=,.@_/-]{1,255}$" wanted:"the name of a role" example:"builder"`
	Key            string              `json:"key,omitempty" doc:"The name of its key pair." pattern:"^[ -~]{1,255}$" wanted:"the name of a key pair" example:"operators"`
	Type           string              `json:"type,omitempty" doc:"Its instance type. Left out: that of the launch template." pattern:"^[a-z0-9-]+\\.[a-z0-9-]+$" wanted:"an instance type" example:"m6i.large"`
	Keys           []string            `json:"kms-keys,omitempty" doc:"The ARNs of keys of KMS with which images are encrypted, other than the one that AWS manages: whoever launches from such an image must be allowed to use its key." maxItems:"10" pattern:"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]{1,128}$" wanted:"the ARN of a key" example:"arn:aws:kms:us-west-1:123456789012:key/0e1f2d3c-4b5a-6978-8796-a5b4c3d2e1f0"`
	Boot           automation.Duration `json:"boot,omitempty" doc:"For how long its status checks may take to pass." default:"30m" example:"1h"`
	Prepare        []Document          `json:"prepare,omitempty" doc:"The documents of Systems Manager that are run on it, one after the other. Left out: none, and it is stopped as it is."`
}

// Document is a document of Systems Manager that is run on an instance.
type Document struct {
	Name       string              `json:"document" doc:"The document's name, or its ARN." pattern:"^[a-zA-Z0-9_:/.-]{3,200}$" wanted:"the name of a document" example:"AWSEC2-RunSysprep"`
	Version    string              `json:"version,omitempty" doc:"The version of the document. Left out: its default." pattern:"^([$]LATEST|[$]DEFAULT|[1-9][0-9]*)$" wanted:"the number of a version, $DEFAULT or $LATEST" example:"3"`
	Parameters map[string][]string `json:"parameters,omitempty" doc:"The document's parameters, each a list of texts."`
	Limit      automation.Duration `json:"limit,omitempty" doc:"For how long it may run." default:"1h" example:"30m"`
	Ends       Ends                `json:"ends,omitempty" doc:"What its success is: success, as Systems Manager says; or stopped, the machine having shut itself down, as after sysprep. Left out: stopped for AWSEC2-RunSysprep, and otherwise success." enum:"success,stopped"`
}

// Try is how the new image is tried out.
type Try struct {
	Type   string    `json:"type,omitempty" doc:"The type of the instance. Left out: that of the builder." pattern:"^[a-z0-9-]+\\.[a-z0-9-]+$" wanted:"an instance type" example:"m6i.large"`
	Verify *Document `json:"verify,omitempty" doc:"A document of Systems Manager that must succeed on it. Left out: its status checks are enough."`
}

// Refresh are the preferences of the instance refresh.
type Refresh struct {
	MinHealthy  *int                `json:"min-healthy,omitempty" doc:"The percentage of the group that must be healthy throughout." minimum:"0" maximum:"100" default:"90"`
	MaxHealthy  *int                `json:"max-healthy,omitempty" doc:"The percentage of the group that it may grow to." minimum:"100" maximum:"200" default:"100"`
	Warmup      automation.Duration `json:"warmup,omitempty" doc:"How long an instance takes until it counts. Left out: as the group says." example:"5m"`
	Checkpoints []int               `json:"checkpoints,omitempty" doc:"The percentages of replaced instances at which it pauses, in ascending order." minimum:"1" maximum:"100"`
	Pause       automation.Duration `json:"pause,omitempty" doc:"For how long it pauses at each." default:"1h" example:"30m"`
	Bake        automation.Duration `json:"bake,omitempty" doc:"For how long it looks at the alarms once all are replaced." example:"15m"`
	Alarms      []string            `json:"alarms,omitempty" doc:"CloudWatch alarms, any of which has it roll back." maxItems:"10"`
	Protected   Blocked             `json:"protected,omitempty" doc:"What to do about instances that are protected from scale-in: wait for an hour and then fail, ignore them, or refresh them." enum:"wait,ignore,refresh" default:"wait"`
	Standby     Blocked             `json:"standby,omitempty" doc:"What to do about instances in standby: wait for an hour and then fail, ignore them, or terminate them." enum:"wait,ignore,terminate" default:"wait"`
	Floating    Floating            `json:"floating,omitempty" doc:"What to do about a group that launches from $Latest or $Default, to which AWS cannot roll back: refuse it, or pin it to the number it launches from now." enum:"refuse,pin" default:"refuse"`
	Limit       automation.Duration `json:"limit,omitempty" doc:"For how long it may take altogether." default:"6h" example:"2h"`
}

// Window is when rollouts may begin.
type Window struct {
	Opens    string              `json:"opens" doc:"When it opens: cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), as EventBridge has it." example:"cron(0 2 ? * SUN *)"`
	For      automation.Duration `json:"for" doc:"For how long it is open." example:"4h"`
	TimeZone string              `json:"time-zone,omitempty" doc:"The time zone. Left out: UTC." example:"Europe/Berlin"`
}

// The choices of a fleet file.
type (
	// Hold is how a group is kept from growing.
	Hold string
	// Ends is what a document's success is.
	Ends string
	// Recovery is what becomes of a recovery point.
	Recovery string
	// Blocked is what a refresh does about instances that are in its way.
	Blocked string
	// Floating is what is done about a group on $Latest or $Default.
	Floating string
)

// The values that a fleet file may hold.
const (
	HoldNone      Hold = "none"
	HoldProcesses Hold = "processes"
	HoldMaxSize   Hold = "max-size"

	EndsSuccess Ends = "success"
	EndsStopped Ends = "stopped"

	RecoveryKeep   Recovery = "keep"
	RecoveryDelete Recovery = "delete"

	BlockedWait      Blocked = "wait"
	BlockedIgnore    Blocked = "ignore"
	BlockedRefresh   Blocked = "refresh"
	BlockedTerminate Blocked = "terminate"

	FloatingRefuse Floating = "refuse"
	FloatingPin    Floating = "pin"
)

const (
	defaultKeep  = 5
	defaultSweep = time.Hour
	defaultBoot  = 30 * time.Minute
	defaultRun   = time.Hour
	defaultPause = time.Hour
	defaultMove  = 6 * time.Hour
	// sysprep is AWS's document that generalises Windows and shuts it down.
	sysprep = "AWSEC2-RunSysprep"
)

func defaults(c *Config) {
	fill(&c.Hold, HoldNone)
	fill(&c.Keep, defaultKeep)
	fill(&c.Recovery, RecoveryKeep)
	fill(&c.Sweep, automation.Duration(defaultSweep))
	if b := c.Builder; b != nil {
		fill(&b.Boot, automation.Duration(defaultBoot))
		for i := range b.Prepare {
			b.Prepare[i].fill()
		}
	}
	if c.Try != nil && c.Try.Verify != nil {
		c.Try.Verify.fill()
	}
	if r := c.Refresh; r != nil {
		least, most := 90, 100
		fill(&r.MinHealthy, &least)
		fill(&r.MaxHealthy, &most)
		fill(&r.Pause, automation.Duration(defaultPause))
		fill(&r.Protected, BlockedWait)
		fill(&r.Standby, BlockedWait)
		fill(&r.Floating, FloatingRefuse)
		fill(&r.Limit, automation.Duration(defaultMove))
	}
}

// stopsItself says whether the last document shuts the builder down.
func (b Builder) stopsItself() bool {
	last := len(b.Prepare) - 1
	return last >= 0 && b.Prepare[last].Ends == EndsStopped
}

func (d *Document) fill() {
	fill(&d.Limit, automation.Duration(defaultRun))
	if d.Ends == "" && d.Name == sysprep {
		d.Ends = EndsStopped
	}
	fill(&d.Ends, EndsSuccess)
}

// fill sets what was left out.
func fill[T comparable](value *T, standard T) {
	var none T
	if *value == none {
		*value = standard
	}
}

// check finds what a schema cannot say.
func check(c Config) []automation.Problem {
	k := checker{}
	s := c.Source
	switch {
	case s.Backups == nil && s.Images == nil:
		k.report("source", "neither backups nor images", "one of them")
	case s.Backups != nil && s.Images != nil:
		k.report("source", "both backups and images", "one of them")
	}
	if i := s.Images; i != nil && len(i.Tags) == 0 && strings.Trim(i.Name, "*?") == "" {
		k.report("source.images", "nothing that tells images apart", "name or tags")
	}
	switch {
	case c.Recovery == RecoveryDelete && s.Backups == nil:
		k.report("recovery-point", "delete, without backups", "source.backups beside it, or keep")
	case c.Recovery == RecoveryDelete && c.Builder == nil:
		k.report("recovery-point", "delete, without a builder", "keep: the group would launch from the image that goes with it")
	}
	if c.Approval != 0 && (c.Approval < automation.Duration(time.Minute) || c.Approval > automation.Duration(approvalLimit)) {
		k.report("approval", c.Approval.String(), "1m to "+automation.Duration(approvalLimit).String())
	}
	k.builder(c)
	k.refresh(c.Refresh)
	k.window(c.Window, c.Sweep)
	if c.Sweep != 0 && time.Duration(c.Sweep) < time.Minute {
		k.report("sweep", c.Sweep.String(), "1m or more, the shortest schedule EventBridge has")
	}
	return k.problems
}

// checker gathers problems.
type checker struct{ problems []automation.Problem }

func (k *checker) report(path, got, wanted string) {
	k.problems = append(k.problems, automation.Problem{Path: path, Got: got, Wanted: wanted})
}

func (k *checker) builder(c Config) {
	b := c.Builder
	if b == nil {
		if c.Try != nil {
			k.report("try", "an image to be tried, without a builder", "builder beside it, which says where machines are launched")
		}
		if c.Hold != HoldNone {
			k.report("hold", string(c.Hold)+", without a builder", "none: without a builder there is nothing to wait for")
		}
		return
	}
	longest := time.Duration(0)
	for i, d := range b.Prepare {
		path := fmt.Sprintf("builder.prepare[%d]", i)
		k.document(path, d, prepareLimit)
		longest += time.Duration(d.Limit)
		if d.Ends == EndsStopped && i < len(b.Prepare)-1 {
			k.report(path+".ends", "stopped, with a document after it", "stopped for the last document alone")
		}
	}
	if longest > prepareLimit && len(b.Prepare) > 1 {
		k.report("builder.prepare", fmt.Sprintf("limits of %s together", automation.Duration(longest)), "at most "+automation.Duration(prepareLimit).String())
	}
	needsAgent := len(b.Prepare) > 0 || c.Try != nil && c.Try.Verify != nil
	if needsAgent && b.Profile == "" {
		k.report("builder.profile", "nothing", "an instance profile, without which Systems Manager reaches no machine")
	}
	if t := c.Try; t != nil && t.Verify != nil {
		k.document("try.verify", *t.Verify, verifyLimit)
		if t.Verify.Ends == EndsStopped {
			k.report("try.verify.ends", "stopped", "success")
		}
	}
	if b.Boot > automation.Duration(bootLimit) {
		k.report("builder.boot", b.Boot.String(), "at most "+automation.Duration(bootLimit).String())
	}
}

func (k *checker) document(path string, d Document, most time.Duration) {
	if d.Limit < automation.Duration(time.Minute) || d.Limit > automation.Duration(most) {
		k.report(path+".limit", d.Limit.String(), "1m to "+automation.Duration(most).String())
	}
}

func (k *checker) refresh(r *Refresh) {
	if r == nil {
		return
	}
	// doc of RefreshPreferences.MaxHealthyPercentage
	if *r.MaxHealthy-*r.MinHealthy > 100 {
		k.report("refresh.max-healthy", fmt.Sprintf("%d, with min-healthy %d", *r.MaxHealthy, *r.MinHealthy), "at most 100 more than min-healthy")
	}
	if !slices.IsSorted(r.Checkpoints) || len(slices.Compact(slices.Clone(r.Checkpoints))) < len(r.Checkpoints) {
		k.report("refresh.checkpoints", fmt.Sprint(r.Checkpoints), "percentages in ascending order")
	}
	if len(r.Alarms) == 0 && r.Bake > 0 {
		k.report("refresh.bake", r.Bake.String()+", without alarms", "alarms, which are what it looks at")
	}
	if r.Limit < automation.Duration(time.Minute) || r.Limit > automation.Duration(refreshLimit) {
		k.report("refresh.limit", r.Limit.String(), "1m to "+automation.Duration(refreshLimit).String())
	}
	if idle := automation.Duration(len(r.Checkpoints))*r.Pause + r.Bake; idle >= r.Limit {
		k.report("refresh.limit", r.Limit.String(), "more than the "+idle.String()+" of its pauses and its bake time together")
	}
	for _, d := range []struct {
		path string
		is   automation.Duration
	}{{"warmup", r.Warmup}, {"pause", r.Pause}, {"bake", r.Bake}} {
		if time.Duration(d.is)%time.Second != 0 {
			k.report("refresh."+d.path, d.is.String(), "whole seconds")
		}
	}
}

func (k *checker) window(w *Window, sweep automation.Duration) {
	if w == nil {
		return
	}
	if _, err := schedule.Parse(w.Opens, w.TimeZone); err != nil || !strings.HasPrefix(w.Opens, "cron(") {
		k.report("window.opens", w.Opens, "cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), and a time zone that there is")
	}
	if w.For < sweep {
		k.report("window.for", w.For.String(), "at least "+sweep.String()+", as sweep says: nothing else looks while it is open")
	}
}

// claims is the group, of which another automation would undo what this one does.
func claims(c Config) []automation.Claim {
	return []automation.Claim{{Resource: "the template version of Auto Scaling groups", Parts: []string{c.Group}, Path: "group"}}
}

// subject is what runs are about: one rollout per group.
func (c Config) subject() automation.Subject {
	return automation.Subject{Key: "group " + c.Group, Mode: automation.Latest}
}

// tagText names tags for people.
func tagText(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}
