package flowtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

// Bounds of every step. Undo and Release have the same.
const (
	attempt = 5 * time.Second
	limit   = 20 * time.Second
	poll    = 4 * time.Second
	// patience is for how long a step waits for a person, who takes consideration;
	// asked is the limit of such a step.
	patience      = 40 * time.Second
	consideration = 6 * time.Second
	asked         = time.Minute
)

// shape is one flow: what its steps do, what goes wrong with them until it is
// mended, and how a run of it ends when nothing else goes wrong.
type shape struct {
	name  string
	steps []step
	// fails are the steps that fail, by "STEP do" (before it has an effect),
	// "STEP done" (after it), "STEP undo", "STEP release" or "plan do".
	fails map[string]failing
	// stuck is added to the plan.
	stuck []automation.Remark
	// interferes is what a user does right after the slots were read for the
	// n-th time: the new value of the slot of that name.
	interferes func(n int) (slot, value string)

	// ignored says that nobody approves what is asked, until that is mended.
	ignored bool

	// differs, if set, are the steps for which this shape is like no other: faults
	// befall it only there.
	differs []string

	mode automation.Mode // of the subject; default: Latest

	want flow.Outcome
	left []string // the resources that Left then names
}

// failing makes the error of a function at a time.
type failing func(now time.Time) error

// step declares one step. What it makes and holds are things, tagged with the
// run; what it sets is a slot, in the plan.
type step struct {
	name     string
	makes    bool   // a thing that stays
	holds    bool   // a thing for the time of the run, that Release deletes
	sets     string // the name of a slot
	to       string // what to set it to; default: "new"
	provides bool   // the id of what it makes, as "${STEP.id}"
	waits    bool   // until what it makes is available
	asks     bool   // a person, before it does anything
	checks   string // that the slot of this name is as the plan says; otherwise it replans
	adopts   bool   // skips, if the slot is set already
	rechecks string // the same, after its effect
	commit   bool
	noUndo   bool
	flaw     stepFlaw
}

// stepFlaw is a way to get a step wrong, for the tests of the suite.
type stepFlaw string

const (
	trusting stepFlaw = "its undo believes what the state remembers"
	hasty    stepFlaw = "its undo believes the first look"
	heedless stepFlaw = "its do does not look for what is there"
	greedy   stepFlaw = "its undo takes what others made"
)

// asks says that a step of the flow asks a person.
func (s shape) asks() bool {
	return slices.ContainsFunc(s.steps, func(st step) bool { return st.asks })
}

// mayRecover says that the flow ends well unless something goes wrong for good.
func (s shape) mayRecover() bool { return s.want == flow.Succeeded && s.differs == nil }

func (s step) limit() time.Duration {
	if s.asks {
		return asked
	}
	return limit
}

func (s step) value() string {
	if s.to != "" {
		return s.to
	}
	return "new"
}

type config struct{}

// recollection is the state of a run. Only Slots is ever read: the rest is there to
// be believed by a step that trusts what it remembers.
type recollection struct {
	Slots map[string]string `json:"slots,omitempty"`
	Made  map[string]string `json:"made,omitempty"`
}

type turn = automation.Turn[config, recollection]

// kind declares the automation of a shape. trouble is asked at each function of
// a step what is wrong with it.
func (s shape) kind(trouble func(ctx context.Context, where string) error) automation.Definition {
	k := automation.Kind[config, recollection]{
		Name: "shape", Title: s.name, Since: "0.1", Revision: 1,
		Claims: func(config) []automation.Claim { return nil },
		Listen: func(config) []automation.Trigger { return nil },
		Sweep:  func(config) schedule.Schedule { return schedule.Every(time.Hour) },
		About:  func(config, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
		Needs:  func(config) []iam.Need { return nil },
		Observe: func(ctx context.Context, t *turn) error {
			if err := trouble(ctx, "plan do"); err != nil {
				return err
			}
			slots, err := readSlots(ctx, t.AWS)
			t.State.Slots = slots
			return err
		},
		Decide: func(_ config, seen recollection, _ time.Time) automation.Plan { return s.decide(seen.Slots) },
	}
	for _, st := range s.steps {
		declared := automation.Step[config, recollection]{
			Name: st.name, Title: "step " + st.name, Attempt: attempt, Limit: st.limit(), Poll: poll, Commit: st.commit, Asks: st.asks,
			Needs: func(config) []iam.Need { return nil },
			Do: func(ctx context.Context, t *turn) error {
				if err := trouble(ctx, st.name+" do"); err != nil {
					return err
				}
				if err := st.do(ctx, t); err != nil {
					return err
				}
				return trouble(ctx, st.name+" done")
			},
		}
		if !st.noUndo && (st.makes || st.sets != "") {
			declared.Undo = func(ctx context.Context, t *turn) error {
				if err := trouble(ctx, st.name+" undo"); err != nil {
					return err
				}
				return st.undo(ctx, t)
			}
		}
		if st.holds {
			declared.Release = func(ctx context.Context, t *turn) error {
				if err := trouble(ctx, st.name+" release"); err != nil {
					return err
				}
				return st.remove(ctx, t, true)
			}
		}
		k.Steps = append(k.Steps, declared)
	}
	return automation.Define(k)
}

// decide wants every slot of the shape to have the value that its step sets.
func (s shape) decide(slots map[string]string) automation.Plan {
	var p automation.Plan
	for _, st := range s.steps {
		if now := slots[st.sets]; st.sets != "" && (now == "old" || now == "user") {
			p.Changes = append(p.Changes, automation.Change{
				Step: st.name, Operation: "ec2:ReplaceRoute", Resource: "slots " + st.sets, From: now, To: st.value(), Why: "it is not new",
			})
		}
	}
	p.Stuck = s.stuck
	if len(p.Changes)+len(p.Stuck) == 0 {
		p.Nothing = "all slots are new"
	}
	return p
}

func (st step) do(ctx context.Context, t *turn) error {
	if st.asks {
		if err := t.Approved("what step "+st.name+" does", patience); err != nil {
			return twice(err)
		}
	}
	if err := compareSlot(ctx, t, st.checks); err != nil {
		return err
	}
	if st.holds {
		if err := st.make(ctx, t, true); err != nil {
			return err
		}
	}
	if st.makes {
		if err := st.make(ctx, t, false); err != nil {
			return err
		}
	}
	if st.adopts {
		slots, err := readSlots(ctx, t.AWS)
		if err != nil {
			return err
		}
		if slots[st.sets] == st.value() {
			return twice(failure.Skipf("slot %s is set already", st.sets))
		}
	}
	for _, c := range t.Plan.For(st.name) {
		// Written without a look at what is there: a read could be stale.
		if err := writeSlot(ctx, t.AWS, st.sets, c.To); err != nil {
			return err
		}
	}
	return compareSlot(ctx, t, st.rechecks)
}

// compareSlot finds out whether somebody has changed a slot since the plan was made.
func compareSlot(ctx context.Context, t *turn, slot string) error {
	if slot == "" {
		return nil
	}
	slots, err := readSlots(ctx, t.AWS)
	if err != nil {
		return err
	}
	for _, c := range t.Plan.Changes {
		if now := slots[slot]; c.Resource == "slots "+slot && now != c.From && now != c.To {
			return twice(&automation.Replan{Why: fmt.Sprintf("slot %s is %s", slot, now)})
		}
	}
	return nil
}

// make makes a thing, or adopts the one that an earlier attempt has made.
func (st step) make(ctx context.Context, t *turn, temporary bool) error {
	found, err := st.find(ctx, t, temporary)
	if err != nil {
		return err
	}
	if len(found) == 0 || st.flaw == heedless {
		tags := tagsOf(t.Run.ID, st.name, temporary)
		// Since tells apart a run from the same run tried again later.
		token := fmt.Sprintf("%s %s %t %d", t.Run.ID, st.name, temporary, t.Since.UnixNano())
		if st.flaw == heedless {
			token += fmt.Sprint(t.Attempt)
		}
		spec := types.TagSpecification{ResourceType: types.ResourceTypeNetworkInterface}
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			spec.Tags = append(spec.Tags, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
		}
		out, err := t.AWS.EC2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{
			SubnetId: aws.String("subnet-1"), ClientToken: aws.String(token), TagSpecifications: []types.TagSpecification{spec},
		})
		if err != nil {
			return fmt.Errorf("make what step %s makes: %w", st.name, err)
		}
		found = []types.NetworkInterface{*out.NetworkInterface}
	}
	id := *found[0].NetworkInterfaceId
	if t.State.Made == nil {
		t.State.Made = map[string]string{}
	}
	t.State.Made[st.name] = id
	if st.provides {
		t.Provide(st.name, "id", id)
	}
	if st.waits && found[0].Status != types.NetworkInterfaceStatusAvailable {
		return twice(failure.Waitf(t.Clock.Now().Add(poll), "%s to be available", id))
	}
	return nil
}

func (st step) undo(ctx context.Context, t *turn) error {
	if st.flaw == trusting && t.State.Made[st.name] == "" {
		return nil
	}
	for _, c := range t.Plan.For(st.name) {
		slots, err := readSlots(ctx, t.AWS)
		if err != nil {
			return err
		}
		if slots[st.sets] == c.To {
			if err := writeSlot(ctx, t.AWS, st.sets, c.From); err != nil {
				return err
			}
		}
		// Also when it was set back just now: the SDK may have sent the call of Do
		// twice, and the first of the two may still arrive.
		if err := t.Absent("a new value in slot " + st.sets); err != nil {
			return twice(err)
		}
	}
	if st.makes {
		return st.remove(ctx, t, false)
	}
	return nil
}

// remove deletes what the step has made, found by its tags.
func (st step) remove(ctx context.Context, t *turn, temporary bool) error {
	found, err := st.find(ctx, t, temporary)
	if err != nil {
		return err
	}
	for _, n := range found {
		_, err := t.AWS.EC2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: n.NetworkInterfaceId})
		if err != nil && cloud.Code(err) != "InvalidNetworkInterfaceID.NotFound" {
			return fmt.Errorf("delete %s: %w", *n.NetworkInterfaceId, err)
		}
	}
	if len(found) == 0 && st.flaw != hasty {
		return twice(t.Absent("what step " + st.name + " makes"))
	}
	return nil
}

func (st step) find(ctx context.Context, t *turn, temporary bool) ([]types.NetworkInterface, error) {
	var filters []types.Filter
	tags := tagsOf(t.Run.ID, st.name, temporary)
	if st.flaw == greedy {
		delete(tags, tagRun)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		filters = append(filters, types.Filter{Name: aws.String("tag:" + k), Values: []string{tags[k]}})
	}
	out, err := t.AWS.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("look for what step %s makes: %w", st.name, err)
	}
	return out.NetworkInterfaces, nil
}

func tagsOf(run, step string, temporary bool) map[string]string {
	return map[string]string{tagRun: run, tagStep: step, tagTemporary: fmt.Sprint(temporary)}
}

func readSlots(ctx context.Context, clients *cloud.Clients) (map[string]string, error) {
	out, err := clients.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{})
	if err != nil {
		return nil, fmt.Errorf("read the slots: %w", err)
	}
	slots := map[string]string{}
	for _, r := range out.RouteTables[0].Routes {
		slots[*r.DestinationCidrBlock] = *r.NetworkInterfaceId
	}
	return slots, nil
}

func writeSlot(ctx context.Context, clients *cloud.Clients, name, value string) error {
	_, err := clients.EC2.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
		RouteTableId: aws.String("slots"), DestinationCidrBlock: aws.String(name), NetworkInterfaceId: aws.String(value),
	})
	if err != nil {
		return fmt.Errorf("set slot %s to %s: %w", name, value, err)
	}
	return nil
}

// twice wraps an error as callers do. Classes must survive it.
func twice(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", err))
}

// configure makes the automation of a kind, as an entry of a fleet file does.
func configure(d automation.Definition) (*automation.Automation, error) {
	a, _, err := d.Configure("fleet", "auto", "us-west-1", json.RawMessage(`{}`))
	return a, err
}
