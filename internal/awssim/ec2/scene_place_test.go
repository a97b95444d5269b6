package ec2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// TestPlaced: what is placed has the ids that were given, is shown by the API like
// anything else, and no event tells of it.
func TestPlaced(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	s := ec2sim.New(ec2sim.Times{})
	w := awssim.New(clk, awssim.Options{PageSize: 100}, s)
	events := 0
	w.Subscribe(func(event.Event) { events++ })
	must := func(id string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	vpc := must(s.PlaceVPC(ec2sim.VPC{ID: "vpc-0bf5741eb0ef56a41", CIDR: "10.0.0.0/16", Tags: map[string]string{"a": "b"}}))
	sub := must(s.PlaceSubnet("", vpc, "10.0.1.0/24", "us-west-1a"))
	igw := must(s.PlaceInternetGateway("", vpc))
	const id, inner, outer = "i-05a7780f2af7c126c", "eni-00fea71a1c9255bef", "eni-071b4d6cbf57de651"
	group := must(s.PlaceSecurityGroup(ec2sim.PlacedGroup{VPC: vpc, Name: "web"}))
	must(s.PlaceInstance(ec2sim.PlacedInstance{
		ID: id, Subnet: sub, Image: "ami-1", Tags: map[string]string{"role": "nat"}, Groups: []string{group}, Profile: "web", KeyPair: "ops",
		Interfaces: []ec2sim.PlacedInterface{{ID: inner}, {ID: outer, Checked: true, Stays: true}},
	}))
	table := must(s.PlaceTable(ec2sim.PlacedTable{
		ID: "rtb-0a1b2c3d4e5f60718", VPC: vpc, Subnets: []string{sub},
		Routes: map[string]string{"10.9.0.0/16": inner, "2001:db8::/32": inner, "pl-0a1b2c3d4e5f60718": outer, "0.0.0.0/0": igw},
	}))
	template := must(s.PlaceTemplate(ec2sim.PlacedTemplate{
		ID: "lt-0a1b2c3d4e5f60718", Name: "web", Default: 2,
		Versions: []*types.RequestLaunchTemplateData{{ImageId: aws.String("ami-1")}, {ImageId: aws.String("ami-2")}},
	}))

	client := ec2.NewFromConfig(w.Config())
	instances, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	i := instances.Reservations[0].Instances[0]
	if i.IamInstanceProfile == nil || !strings.HasSuffix(*i.IamInstanceProfile.Arn, "/web") || *i.KeyName != "ops" || len(i.SecurityGroups) != 1 || *i.SecurityGroups[0].GroupId != group {
		t.Errorf("the instance has the profile %+v, the key pair %s and the security groups %+v", i.IamInstanceProfile, *i.KeyName, i.SecurityGroups)
	}
	if all := s.Instances(); len(all) != 1 || all[0].ID != id || all[0].Tags["role"] != "nat" || all[0].State != types.InstanceStateNameRunning || all[0].Image != "ami-1" {
		t.Errorf("the instances are %+v", all)
	}
	if i.State.Name != types.InstanceStateNameRunning || *i.VpcId != vpc || len(i.NetworkInterfaces) != 2 || *i.NetworkInterfaces[1].NetworkInterfaceId != outer {
		t.Errorf("the instance is %+v", i)
	}
	tables, err := client.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}})
	if err != nil || len(tables.RouteTables[0].Routes) != 5 || *tables.RouteTables[0].Associations[0].SubnetId != sub {
		t.Errorf("the route table is %+v, %v", tables, err)
	}
	for _, r := range s.Routes() {
		if r.State != types.RouteStateActive {
			t.Errorf("route %+v", r)
		}
	}
	if found := s.Templates(); len(found) != 1 || found[0].ID != template || found[0].Default != 2 || len(found[0].Versions) != 2 {
		t.Errorf("templates %+v", found)
	}
	if _, err := client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if w.Settle(); events != 1 { // that it is shutting down
		t.Errorf("%d events", events)
	}

	s.AddInstanceProfile("web", "")
	for name, err := range map[string]error{
		"unknown profile":  second(s.PlaceInstance(ec2sim.PlacedInstance{Subnet: sub, Profile: "api"})),
		"unknown group":    second(s.PlaceInstance(ec2sim.PlacedInstance{Subnet: sub, Groups: []string{"sg-1"}, Interfaces: []ec2sim.PlacedInterface{{}}})),
		"VPC twice":        second(s.PlaceVPC(ec2sim.VPC{ID: vpc, CIDR: "10.0.0.0/16"})),
		"VPC without CIDR": second(s.PlaceVPC(ec2sim.VPC{})),
		"subnet outside":   second(s.PlaceSubnet("", vpc, "10.1.0.0/24", "us-west-1a")),
		"gateway nowhere":  second(s.PlaceInternetGateway("", "vpc-1")),
		"instance twice":   second(s.PlaceInstance(ec2sim.PlacedInstance{ID: id, Subnet: sub})),
		"interface twice":  second(s.PlaceInstance(ec2sim.PlacedInstance{Subnet: sub, Interfaces: []ec2sim.PlacedInterface{{ID: inner}}})),
		"table twice":      second(s.PlaceTable(ec2sim.PlacedTable{ID: table, VPC: vpc})),
		"route nowhere":    second(s.PlaceTable(ec2sim.PlacedTable{VPC: vpc, Routes: map[string]string{"10.0.0.0/8": "eni-1"}})),
		"template name":    second(s.PlaceTemplate(ec2sim.PlacedTemplate{Name: "web", Versions: []*types.RequestLaunchTemplateData{{}}})),
		"template empty":   second(s.PlaceTemplate(ec2sim.PlacedTemplate{Name: "none"})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ string, err error) error { return err }
