package flowtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Tags that the flows write on what they make.
const (
	tagRun       = "drover:run"
	tagStep      = "drover:step"
	tagTemporary = "drover:temporary"
)

// service is what the flows work on: things that are made and deleted, known
// by their tags, and slots, of which each holds a value. EC2 lends the calls:
// network interfaces are the things, routes are the slots. It is smaller and
// stricter than internal/awssim/ec2 on purpose: whatever can go wrong here is
// the flow's doing.
type service struct {
	store *awssim.Store[*state]
}

// state is everything there is.
type state struct {
	things map[string]thing
	slots  map[string]string
	made   map[string]string // by client token: making again answers with the same thing
}

type thing struct {
	tags  map[string]string
	ready time.Time // available from then on
}

func (s *state) clone() *state {
	return &state{things: maps.Clone(s.things), slots: maps.Clone(s.slots), made: maps.Clone(s.made)}
}

// of names the things that have these tags, sorted.
func (s *state) of(tags map[string]string) []string {
	var ids []string
	for id, t := range s.things {
		fits := true
		for k, v := range tags {
			fits = fits && t.tags[k] == v
		}
		if fits {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// A thing is pending for a while before it is available.
const (
	readyAfter                              = 6 * time.Second
	pending    types.NetworkInterfaceStatus = "pending"
)

// Attach implements [awssim.Service].
func (s *service) Attach(w *awssim.World) {
	s.store = awssim.NewStore(w, "ec2", &state{things: map[string]thing{}, slots: map[string]string{}, made: map[string]string{}}, (*state).clone)
	awssim.Write(s.store, makeThing, "ClientToken", "SubnetId", "TagSpecifications")
	awssim.Write(s.store, deleteThing, "NetworkInterfaceId")
	awssim.Write(s.store, setSlot, "RouteTableId", "DestinationCidrBlock", "NetworkInterfaceId")
	awssim.Read(s.store, listThings, "Filters")
	awssim.Read(s.store, listSlots)
}

func makeThing(m *awssim.Moment, s *state, in *ec2.CreateNetworkInterfaceInput) (*ec2.CreateNetworkInterfaceOutput, error) {
	token := aws.ToString(in.ClientToken)
	id, again := s.made[token]
	if !again {
		id = m.ID("eni")
		tags := map[string]string{}
		for _, spec := range in.TagSpecifications {
			for _, t := range spec.Tags {
				tags[*t.Key] = *t.Value
			}
		}
		s.things[id] = thing{tags: tags, ready: m.Now.Add(readyAfter)}
		s.made[token] = id
	}
	return &ec2.CreateNetworkInterfaceOutput{NetworkInterface: &types.NetworkInterface{NetworkInterfaceId: aws.String(id)}}, nil
}

func deleteThing(_ *awssim.Moment, s *state, in *ec2.DeleteNetworkInterfaceInput) (*ec2.DeleteNetworkInterfaceOutput, error) {
	id := aws.ToString(in.NetworkInterfaceId)
	if _, ok := s.things[id]; !ok {
		return nil, awssim.Fail(http.StatusBadRequest, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
	}
	delete(s.things, id)
	return &ec2.DeleteNetworkInterfaceOutput{}, nil
}

func listThings(m *awssim.Moment, s *state, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	tags := map[string]string{}
	for _, f := range in.Filters {
		name, ok := strings.CutPrefix(*f.Name, "tag:")
		if !ok || len(f.Values) != 1 {
			return nil, m.NotModelled("filter %q", *f.Name)
		}
		tags[name] = f.Values[0]
	}
	out := &ec2.DescribeNetworkInterfacesOutput{}
	for _, id := range s.of(tags) {
		status := pending
		if !m.Now.Before(s.things[id].ready) {
			status = types.NetworkInterfaceStatusAvailable
		}
		out.NetworkInterfaces = append(out.NetworkInterfaces, types.NetworkInterface{NetworkInterfaceId: aws.String(id), Status: status})
	}
	return out, nil
}

func setSlot(_ *awssim.Moment, s *state, in *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
	s.slots[*in.DestinationCidrBlock] = *in.NetworkInterfaceId
	return &ec2.ReplaceRouteOutput{}, nil
}

func listSlots(_ *awssim.Moment, s *state, _ *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	table := types.RouteTable{RouteTableId: aws.String("slots")}
	for _, name := range slices.Sorted(maps.Keys(s.slots)) {
		table.Routes = append(table.Routes, types.Route{DestinationCidrBlock: aws.String(name), NetworkInterfaceId: aws.String(s.slots[name])})
	}
	return &ec2.DescribeRouteTablesOutput{RouteTables: []types.RouteTable{table}}, nil
}
