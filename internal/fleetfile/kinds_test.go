package fleetfile_test

import (
	"context"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

// gateway is a configuration with lists, nested structs, an enum, a duration
// and pointers.
type gateway struct {
	VPC      string    `json:"vpc" doc:"Where the routes are." wanted:"a VPC id" pattern:"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$" example:"vpc-0bf5741eb0ef56a41"`
	Tables   []string  `json:"tables,omitempty" doc:"The route tables that matter; all if left out." wanted:"a route table id" pattern:"^rtb-([0-9a-f]{8}|[0-9a-f]{17})$" example:"rtb-0a1b2c3d4e5f60718"`
	Members  []member  `json:"members" doc:"The gateways, in order of preference." minItems:"2"`
	Failback *failback `json:"failback,omitempty" doc:"When routes return to the preferred gateway."`
}

type member struct {
	Instance  string `json:"instance,omitempty" doc:"The gateway." wanted:"an instance id" pattern:"^i-([0-9a-f]{8}|[0-9a-f]{17})$" example:"i-05a7780f2af7c126c"`
	Interface string `json:"interface" doc:"The gateway's interface that routes point to." wanted:"an interface id" pattern:"^eni-([0-9a-f]{8}|[0-9a-f]{17})$" example:"eni-0123456789abcdef0"`
}

type failback struct {
	Mode  string              `json:"mode,omitempty" doc:"Who decides." enum:"auto,manual" default:"manual"`
	After automation.Duration `json:"after,omitzero" doc:"How long the gateway must be well." default:"5m"`
}

// keeper is a configuration with maps, numbers, booleans and text of all sorts.
type keeper struct {
	Account string               `json:"account" doc:"Whose images." wanted:"an account id" pattern:"^[0-9]{12}$" example:"123456789012"`
	Keep    int                  `json:"keep" doc:"How many." minimum:"1" maximum:"10"`
	Share   float64              `json:"share,omitempty" doc:"How much of it." minimum:"0"`
	Prune   *bool                `json:"prune,omitempty" doc:"Whether the rest goes." default:"true"`
	Days    []string             `json:"days,omitempty" doc:"When." enum:"monday,tuesday,sunday" maxItems:"3"`
	Labels  map[string]string    `json:"labels,omitempty" doc:"What to write on them." maxLength:"20"`
	Stages  map[string]*failback `json:"stages,omitempty" doc:"By stage."`
	Note    string               `json:"note,omitempty" doc:"Anything."`
	Offset  *int64               `json:"offset,omitempty" doc:"Any whole number."`
}

// follower is a configuration whose claims are wildcards and tags.
type follower struct {
	Groups []string          `json:"groups" doc:"Names with wildcards."`
	Tags   map[string]string `json:"tags,omitempty" doc:"What they carry."`
}

func claimFollower(c follower) []automation.Claim {
	var claims []automation.Claim
	for i, group := range c.Groups {
		claims = append(claims, automation.Claim{
			Resource: "the version of groups", Parts: []string{group}, Where: c.Tags, Path: fmt.Sprintf("groups[%d]", i),
		})
	}
	return claims
}

func checkGateway(c gateway) []automation.Problem {
	var problems []automation.Problem
	for i, m := range c.Members {
		for j := range i {
			if m.Interface == c.Members[j].Interface {
				problems = append(problems, automation.Problem{
					Path: fmt.Sprintf("members[%d].interface", i), Got: "the interface of " + fmt.Sprintf("members[%d]", j), Wanted: "one of its own",
				})
			}
		}
	}
	if c.Failback != nil && c.Failback.Mode == "auto" && c.Failback.After == 0 {
		problems = append(problems, automation.Problem{Path: "failback.after", Got: "nothing", Wanted: "a duration, as the mode is auto"})
	}
	return problems
}

func claimGateway(c gateway) []automation.Claim {
	if len(c.Tables) == 0 {
		return []automation.Claim{{Resource: "routes of " + c.VPC, Path: "vpc"}}
	}
	var claims []automation.Claim
	for i, table := range c.Tables {
		claims = append(claims, automation.Claim{
			Resource: "routes of " + c.VPC, Parts: []string{table}, Path: fmt.Sprintf("tables[%d]", i),
		})
	}
	return claims
}

// kinds are what the files in testdata are written for.
var kinds = []automation.Definition{
	define("keeper", "keeps images", nil, func(keeper) []automation.Claim { return nil }),
	define("follower", "follows", nil, claimFollower),
	define("gateway", "moves routes away from a gateway that fails", checkGateway, claimGateway),
}

// listens are the events of the kinds, by name; followers only sweep.
var listens = map[string][]automation.Trigger{
	"gateway": {
		{Name: "state", Title: "a gateway changes its state", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange).Where("detail.state", "running", "stopping", "stopped")},
		{Name: "interruption", Title: "a gateway is about to be interrupted", Pattern: event.PatternFor(event.SourceEC2, event.TypeSpotInterruption)},
	},
	"keeper": {
		{Name: "made", Title: "an image is made", Pattern: event.Calls("ec2", "CreateImage").WhereLike("detail.requestParameters.name", "web-*")},
	},
}

func define[C any](name, title string, check func(C) []automation.Problem, claims func(C) []automation.Claim) automation.Definition {
	type turn = automation.Turn[C, struct{}]
	return automation.Define(automation.Kind[C, struct{}]{
		Name: name, Title: title, Since: "v1.0", Revision: 1,
		Check:   check,
		Claims:  claims,
		Listen:  func(C) []automation.Trigger { return listens[name] },
		Sweep:   func(C) schedule.Schedule { return schedule.Every(time.Hour) },
		About:   func(C, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
		Needs:   func(C) []iam.Need { return nil },
		Observe: func(context.Context, *turn) error { return nil },
		Decide:  func(C, struct{}, time.Time) automation.Plan { return automation.Plan{} },
		Steps: []automation.Step[C, struct{}]{{
			Name: "act", Title: "acts", Attempt: time.Minute, Limit: 5 * time.Minute,
			Needs: func(C) []iam.Need { return nil },
			Do:    func(context.Context, *turn) error { return nil },
		}},
	})
}
