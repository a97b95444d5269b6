package ec2

// What tests and scenarios can see and do beside the API of what instances are
// launched with.

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// AddInstanceProfile tells this world of an instance profile and the role in it, by
// default of the same name. As long as it has been told of none, RunInstances takes
// any name; from then on it refuses those that it does not know.
func (s *Service) AddInstanceProfile(name, role string) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.profiles.put(profile{name, role}) })
}

// AddKeyPair tells this world of a key pair, in the manner of
// [Service.AddInstanceProfile].
func (s *Service) AddKeyPair(name string) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.keyPairs.put(keyPair{name}) })
}

// PlacedGroup is a security group.
type PlacedGroup struct {
	ID, VPC, Name string
	Isolated      bool // it lets nothing out
	Tags          map[string]string
}

// PlaceSecurityGroup puts a security group there and returns its id.
func (s *Service) PlaceSecurityGroup(spec PlacedGroup) (id string, err error) {
	s.place(&err, "security group", spec.ID, func(m *awssim.Moment, st *state) error {
		v, err := need(&st.vpcs, "vpc", &spec.VPC)
		if err != nil {
			return err
		}
		g := securityGroup{id: or(spec.ID, m, "sg"), vpc: v.id, name: spec.Name, description: spec.Name}
		if !spec.Isolated {
			g.egress = []egressRule{everything}
		}
		if err := absent(&st.groups, g.id); err != nil {
			return err
		}
		st.groups.put(g)
		st.tag(g.id, tagSpecs(spec.Tags))
		id = g.id
		return nil
	})
	return id, err
}

// UserData is the user data that an instance was launched with, as it was given.
func (s *Service) UserData(id string) (data string, err error) {
	err = s.with(id, func(_ *awssim.Moment, _ *state, i instance) error {
		data = i.made.userData
		return nil
	})
	return data, err
}

// InstanceView is an instance as it is at present.
type InstanceView struct {
	ID, Image string
	State     types.InstanceStateName
	Windows   bool
	Tags      map[string]string
}

// Instances are all instances by id, and those terminated for as long as they are
// shown.
func (s *Service) Instances() []InstanceView {
	var views []InstanceView
	s.store.View(func(st *state) {
		for _, i := range st.instances.rows {
			views = append(views, InstanceView{i.id, i.image, i.state, i.made.windows, st.tagMap(i.id)})
		}
	})
	return views
}

// LooseSnapshots are the snapshots that belong to no image, by id.
func (s *Service) LooseSnapshots() []string {
	var ids []string
	s.store.View(func(st *state) {
		for _, snap := range st.snapshots.rows {
			if _, used := st.userOf(snap.id); !used {
				ids = append(ids, snap.id)
			}
		}
	})
	return ids
}

// VolumeView is a volume as it is at present.
type VolumeView struct {
	ID, Device string
	Instance   string // empty if it outlived its instance
	Snapshot   string // that it was made from, if any
	Key        string // the ARN of its KMS key, empty if it is not encrypted
	Size       int32  // GiB
	Type       types.VolumeType
	Tags       map[string]string
}

// Volumes are all volumes, in the order they were made.
func (s *Service) Volumes() []VolumeView {
	var views []VolumeView
	s.store.View(func(st *state) {
		for _, v := range st.volumes.rows {
			views = append(views, VolumeView{ID: v.id, Device: v.name, Instance: v.instance, Snapshot: v.snapshot, Key: v.kmsKey, Size: v.size, Type: v.kind, Tags: st.tagMap(v.id)})
		}
	})
	return views
}
