package elasticbeanstalk

// What tests and scenarios can see and do beside the API. No event tells of any of
// it.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Branch is a platform branch.
type Branch struct {
	Name     string // such as "IIS 10.0 running on 64bit Windows Server 2019"
	Platform string // such as "IIS"
	State    string // Beta, Supported, Deprecated or Retired; default Supported
	Tiers    []string
}

// Version is a version of a platform. A new one has images of its own; those of
// an old one never change unless [Service.SetImages] says so (facts/awssamples.md 4.1).
type Version struct {
	Branch string
	Number string // such as "2.6.5"
	System string // the name of the operating system
	Images []Image
	Ready  bool // at once, without the time in Creating
}

// Image is one of the base images of a version. AWS lists one for every
// virtualisation type, with an empty id if there is none (lib:40733535104).
type Image struct {
	ID, Virtualization string
}

// AddBranch adds a branch; its order is that in which branches are added.
func (s *Service) AddBranch(b Branch) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		b.State = cmp.Or(b.State, "Supported")
		b.Tiers = slices.Clone(b.Tiers)
		st.branches = append(st.branches, &branch{Branch: b, order: int32(len(st.branches) + 1)})
	})
}

// SetBranchState makes a branch, for example, Retired.
func (s *Service) SetBranchState(name, to string) error {
	return s.withBranch(name, func(b *branch) { b.State = to })
}

// Recommend has a branch recommend a version that need not be its newest.
func (s *Service) Recommend(arn string) (err error) {
	var v version
	s.store.View(func(st *state) { v, _ = st.get(arn) })
	return s.withBranch(v.Branch, func(b *branch) { b.recommended = arn })
}

func (s *Service) withBranch(name string, change func(*branch)) (err error) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		i := st.branchIndex(name)
		if i < 0 {
			err = fmt.Errorf("no platform branch %q", name)
			return
		}
		changed := *st.branches[i]
		change(&changed)
		st.branches[i] = &changed
	})
	return err
}

// AddVersion adds a version to a branch and returns its ARN. Unless it is ready, it
// is Creating for a while.
func (s *Service) AddVersion(spec Version) (name string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		if _, ok := st.branch(spec.Branch); !ok {
			err = fmt.Errorf("add platform version %s: no branch %q", spec.Number, spec.Branch)
			return
		}
		name = arn(m, spec.Branch, spec.Number)
		if _, twice := st.get(name); twice {
			err = fmt.Errorf("add platform version %s: it is there already", name)
			return
		}
		spec.Images = slices.Clone(spec.Images)
		v := version{Version: spec, arn: name, status: types.PlatformStatusCreating, created: m.Now.UTC(), updated: m.Now.UTC()}
		if spec.Ready {
			v.status = types.PlatformStatusReady
		} else {
			m.After(s.times.Creating, func(m *awssim.Moment) { st.move(m, name, types.PlatformStatusCreating, types.PlatformStatusReady) })
		}
		st.put(v)
	})
	return name, err
}

// FailVersion makes a version that is being created fail.
func (s *Service) FailVersion(arn string) error {
	return s.move(arn, types.PlatformStatusFailed, types.PlatformStatusCreating)
}

// DeleteVersion begins to delete a version, which is gone some time later.
func (s *Service) DeleteVersion(arn string) error {
	err := s.move(arn, types.PlatformStatusDeleting, types.PlatformStatusReady, types.PlatformStatusFailed)
	if err != nil {
		return err
	}
	s.store.Do(func(m *awssim.Moment, st *state) {
		m.After(s.times.Deleting, func(*awssim.Moment) {
			if i, found := st.find(arn); found {
				st.versions = slices.Delete(st.versions, i, i+1)
			}
		})
	})
	return nil
}

// SetImages gives a version other images, as if AWS published it again.
func (s *Service) SetImages(arn string, images ...Image) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		v, ok := st.get(arn)
		if !ok {
			err = fmt.Errorf("no platform version %q", arn)
			return
		}
		v.Images, v.updated = slices.Clone(images), m.Now.UTC()
		st.put(v)
	})
	return err
}

// View is a version as it is at present.
type View struct {
	Version
	ARN         string
	Status      types.PlatformStatus
	Recommended bool
	Created     time.Time
}

// Versions are all versions, in the order of their ARNs.
func (s *Service) Versions() []View {
	var all []View
	s.store.View(func(st *state) {
		for _, v := range st.versions {
			shown := View{v.Version, v.arn, v.status, st.recommended(*v), v.created}
			shown.Images = slices.Clone(v.Images)
			all = append(all, shown)
		}
	})
	return all
}

func (s *Service) move(arn string, to types.PlatformStatus, from ...types.PlatformStatus) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		v, ok := st.get(arn)
		if !ok || !slices.Contains(from, v.status) {
			err = fmt.Errorf("platform version %q cannot become %s: it is %q", arn, to, v.status)
			return
		}
		st.move(m, arn, v.status, to)
	})
	return err
}

// move changes a status, if it is still what it was.
func (s *state) move(m *awssim.Moment, arn string, from, to types.PlatformStatus) {
	if v, ok := s.get(arn); ok && v.status == from {
		v.status, v.updated = to, m.Now.UTC()
		s.put(v)
	}
}
