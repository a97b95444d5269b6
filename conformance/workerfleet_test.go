//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/event"
)

// estate is a VPC with two gateways and a route through the first: the subject of
// one automation.
type estate struct {
	name               string
	vpc, table         string
	instances, targets [2]string

	mu    sync.Mutex
	moved bool      // its first gateway has been stopped
	last  time.Time // when the last message about it was sent
}

const estateRoute = "10.9.0.0/16"

// settle makes estates in moto.
func settle(t *testing.T, w *world, n int) []*estate {
	t.Helper()
	all := make([]*estate, n)
	var g errgroup.Group
	g.SetLimit(4)
	for i := range all {
		all[i] = &estate{name: fmt.Sprintf("edge-%03d", i)}
		g.Go(func() error { return all[i].settle(t.Context(), w.ec2) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (e *estate) settle(ctx context.Context, c *ec2.Client) error {
	vpc, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		return err
	}
	e.vpc = *vpc.Vpc.VpcId
	subnet, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &e.vpc, CidrBlock: aws.String("10.0.0.0/24")})
	if err != nil {
		return err
	}
	table, err := c.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &e.vpc})
	if err != nil {
		return err
	}
	e.table = *table.RouteTable.RouteTableId
	run, err := c.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeC5Large,
		MinCount: aws.Int32(2), MaxCount: aws.Int32(2), SubnetId: subnet.Subnet.SubnetId,
	})
	if err != nil {
		return err
	}
	for i, in := range run.Instances {
		e.instances[i], e.targets[i] = *in.InstanceId, *in.NetworkInterfaces[0].NetworkInterfaceId
		_, err := c.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
			NetworkInterfaceId: &e.targets[i], SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)},
		})
		if err != nil {
			return err
		}
	}
	_, err = c.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &e.table, DestinationCidrBlock: aws.String(estateRoute), NetworkInterfaceId: &e.targets[0]})
	return err
}

// fleetOf is a fleet file with an automation for each estate, swept as often as can
// be.
func fleetOf(all []*estate, topic string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nfleet: estates\nregion: %s\nnotify: { topic: %q }\nautomations:\n", region, topic)
	for _, e := range all {
		fmt.Fprintf(&b, "  %s:\n    kind: route-failover\n    vpc: %s\n    sweep: 1m\n    members:\n", e.name, e.vpc)
		for i := range e.instances {
			fmt.Fprintf(&b, "      - { instance: %s, interface: %s }\n", e.instances[i], e.targets[i])
		}
	}
	return b.String()
}

// subjectsOf tells of the ids on the wire which estate they are about.
func subjectsOf(all []*estate) map[string]*estate {
	by := map[string]*estate{}
	for _, e := range all {
		for _, id := range []string{e.vpc, e.table, e.instances[0], e.instances[1]} {
			by[id] = e
		}
	}
	return by
}

// letter is a message that is sent, once or several times.
type letter struct {
	id     string
	estate *estate // nil: nobody wants it
	stops  bool    // it tells that the first gateway has stopped; before it is sent, that is so
	words  string  // instead of an event: what nobody can read

	body string
	sent time.Time // first
}

// mail is what is sent about estates, n messages in their order. Two thirds of the
// estates lose their first gateway, at any time. Of the rest of the messages most
// tell what need not be told; they are true, though some come late. Messages come up
// to three times, one in twenty inside a notification of SNS.
func mail(all []*estate, n int, rng *rand.Rand) []*letter {
	type slot struct {
		at float64
		*letter
	}
	var slots []slot
	letters := 0
	add := func(l *letter, at float64, copies int) {
		letters++
		l.id = fmt.Sprintf("%08x-0000-4000-8000-%012x", rng.Uint32(), letters)
		slots = append(slots, slot{at, l})
		for range copies - 1 {
			slots = append(slots, slot{at + rng.Float64()*(1-at), l})
		}
	}
	for i, e := range all {
		if i%3 > 0 {
			add(&letter{estate: e, stops: true}, rng.Float64(), 1+rng.IntN(3))
		}
	}
	for i := range unreadable {
		add(&letter{words: unreadable[i]}, rng.Float64(), 1)
	}
	for len(slots) < n {
		l := &letter{}
		if rng.IntN(30) > 0 { // others are about an instance of nobody's
			l.estate = all[rng.IntN(len(all))]
		}
		add(l, rng.Float64(), min(1+rng.IntN(3), n-len(slots)))
	}
	slices.SortFunc(slots, func(a, b slot) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	sent := make([]*letter, len(slots))
	for i, s := range slots {
		sent[i] = s.letter
	}
	return sent
}

// unreadable are bodies that hold no event.
var unreadable = []string{
	`hello`, `{"detail-type": "EC2 Instance State-change Notification", "sou`, `[]`, `{}`, `"text"`, `{'detail-type': 'python'}`,
	`{"version":"0","detail-type":7}`, `null`,
}

// write makes the body, when the letter is sent first. Each event is a matter of its
// own by what it says of its resources, so that none can stand for another and each
// must be found in a run.
func (l *letter) write(rng *rand.Rand) error {
	if l.words != "" {
		l.body = l.words
		return nil
	}
	instance, state := "i-0fffffffffffffff0", "running"
	if e := l.estate; e != nil {
		e.mu.Lock()
		instance = e.instances[1]
		if l.stops {
			instance, state = e.instances[0], "stopped"
		} else if !e.moved && rng.IntN(2) == 0 {
			instance = e.instances[0]
		}
		e.mu.Unlock()
	}
	e := event.NewInstanceStateChange(account, region, instance, state, time.Now())
	e.ID = l.id
	e.Resources = append(e.Resources, "arn:aws:ec2:"+region+":"+account+":letter/"+l.id)
	body, err := json.Marshal(e)
	if err == nil && rng.IntN(20) == 0 {
		body, err = json.Marshal(map[string]string{"Type": "Notification", "MessageId": l.id, "Message": string(body)})
	}
	l.body = string(body)
	return err
}
