package ec2

// What tests and scenarios can see and do of launch templates and images beside
// the API.

import (
	"cmp"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// TemplateView is a launch template as it is at present.
type TemplateView struct {
	ID, Name string
	Default  int64
	Versions []VersionView // newest first
}

// VersionView is a version of a launch template.
type VersionView struct {
	Number      int64
	Image       string // empty if it has none
	Description string
	Data        *types.ResponseLaunchTemplateData
}

// Templates are all launch templates, in the order they were made.
func (s *Service) Templates() []TemplateView {
	var views []TemplateView
	s.store.View(func(st *state) {
		for _, t := range st.templates.rows {
			views = append(views, st.templateView(*t))
		}
	})
	return views
}

func (s *state) templateView(t template) TemplateView {
	view := TemplateView{ID: t.id, Name: t.name, Default: t.standard}
	for _, v := range s.versionsOf(t) {
		view.Versions = append(view.Versions, VersionView{v.number, aws.ToString(v.data.ImageId), v.description, copyData(v.data)})
	}
	return view
}

// TemplateVersion is one version of a launch template.
type TemplateVersion struct {
	ID, Name string
	Number   int64
	// Image and, by its name, the instance profile; either may be empty.
	Image, Profile string
	Tagged         bool // what is launched from it is tagged
}

// TemplateVersion is the version of a template, by the id or the name of the
// template, of which one is "", and a number, "$Latest" or "$Default". It is for
// another service that is being called. Errors are those of EC2.
func (s *Service) TemplateVersion(m *awssim.Moment, id, name, version string) (TemplateVersion, error) {
	given := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	st := s.store.At(m)
	t, err := st.template(given(id), given(name))
	if err != nil {
		return TemplateVersion{}, err
	}
	v, err := st.version(t, version)
	if err != nil {
		return TemplateVersion{}, err
	}
	found := TemplateVersion{ID: t.id, Name: t.name, Number: v.number, Image: aws.ToString(v.data.ImageId), Tagged: len(v.data.TagSpecifications) > 0}
	if p := v.data.IamInstanceProfile; p != nil {
		found.Profile = profileName(p.Name, p.Arn)
	}
	return found, nil
}

// LimitVersions changes how many versions a launch template may have, 10,000 in
// AWS, for tests that mean to get there.
func (s *Service) LimitVersions(most int) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.maxVersions = most })
}

// Image is an image that is simply there, see [Service.AddImage].
type Image struct {
	ID                string // default a new one
	Name, Description string
	Owner             string // an account; default the world's own. Those of others are shared with it.
	Alias             string // of the owner: "amazon", "aws-marketplace", "aws-backup-vault"
	SourceInstance    string
	Created           time.Time // default now
	Deprecated        time.Time // default never
	Public            bool
	Managed           bool // by AWS Backup, so that EC2 refuses to deregister it
	Tags              map[string]string

	Architecture   types.ArchitectureValues // default x86_64
	Virtualization types.VirtualizationType // default hvm
	Windows        bool
	Devices        []Device // the root volume first; default that alone
}

// Device is a volume that an image has.
type Device struct {
	Name string           // default, of the root volume, what is usual for the platform
	Size int32            // GiB; default 8, of a root volume with Windows 30
	Type types.VolumeType // default gp2
	Key  string           // the KMS key, by its id or its ARN, if it is encrypted
	// Stays says that it is not deleted with an instance.
	Stays bool
}

// devices are those of an image that is put there.
func (spec Image) devices(m *awssim.Moment) []device {
	root := rootOf(spec.Windows)
	if len(spec.Devices) == 0 {
		return []device{root}
	}
	var all []device
	for n, given := range spec.Devices {
		d := device{stays: given.Stays, name: given.Name, kind: cmp.Or(given.Type, root.kind), size: cmp.Or(given.Size, rootSize)}
		if n == 0 {
			d.name, d.size = cmp.Or(given.Name, root.name), cmp.Or(given.Size, root.size)
		}
		if given.Key != "" {
			d.kmsKey = keyARN(m, given.Key)
		}
		all = append(all, d)
	}
	return all
}

// AddImage puts an image there that is available, and returns its id. No event tells of it.
func (s *Service) AddImage(spec Image) (id string) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i := image{
			id: spec.ID, state: types.ImageStateAvailable,
			name: spec.Name, description: spec.Description, owner: spec.Owner, alias: spec.Alias, sourceInstance: spec.SourceInstance,
			created: spec.Created.UTC(), deprecated: spec.Deprecated.UTC(), public: spec.Public, managed: spec.Managed,
		}
		if i.id == "" {
			i.id = m.ID("ami")
		}
		if i.owner == "" {
			i.owner = m.Account()
		}
		i.architecture, i.virtualization = cmp.Or(spec.Architecture, types.ArchitectureValuesX8664), spec.Virtualization
		i.devices, i.windows = spec.devices(m), spec.Windows
		if spec.Created.IsZero() {
			i.created = m.Now.UTC()
		}
		if i.owner == m.Account() {
			for n, d := range i.devices {
				i.devices[n].snapshot = m.ID("snap")
				st.snapshots.put(snapshot{
					id: i.devices[n].snapshot, volume: noVolume, owner: i.owner, state: types.SnapshotStateCompleted,
					started: i.created, completed: i.created, size: d.size, kmsKey: d.kmsKey,
				})
			}
		}
		st.images.put(i)
		var tags []types.Tag
		for key, value := range spec.Tags {
			tags = append(tags, types.Tag{Key: &key, Value: &value})
		}
		st.tag(i.id, tags)
		id = i.id
	})
	return id
}

// HasImage says whether an image is there and available, for services whose call is being
// answered at m.
func (s *Service) HasImage(m *awssim.Moment, id string) bool {
	i, found := s.store.At(m).images.get(id)
	return found && i.state == types.ImageStateAvailable
}

// DeregisterManaged deregisters an image that is managed by AWS Backup, with its
// snapshot, as AWS Backup does. There is no call of that here, so CloudTrail tells of
// none.
func (s *Service) DeregisterManaged(id string) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i, ok := st.images.get(id)
		if !ok || !i.managed || i.state != types.ImageStateAvailable {
			err = fmt.Errorf("deregister %s: not an image that AWS Backup manages", id)
			return
		}
		m.RequestID = m.UUID("request")
		st.deregister(m, i)
		for _, id := range i.snapshots() {
			st.dropSnapshot(m, id)
		}
	})
	return err
}

// CreateImageAs is a CreateImage by somebody who does not go through this world's
// clients, such as "dlm.amazonaws.com" or "backup.amazonaws.com"; for other names
// see [awssim.TrailRecord]. CloudTrail records it if it succeeds. No permission is
// asked for.
func (s *Service) CreateImageAs(actor string, in *ec2.CreateImageInput) (id string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		m.Actor, m.RequestID = actor, m.UUID("request")
		var out *ec2.CreateImageOutput
		if out, err = createImage(m, st, in); err != nil {
			return
		}
		id = *out.ImageId
		request, response := createImageRecord(m, in, out)
		m.Trail(awssim.TrailRecord{Source: "ec2.amazonaws.com", Name: "CreateImage", Request: request, Response: response})
	})
	return id, err
}

// FailImage makes an image that is pending fail, and its snapshot with it.
func (s *Service) FailImage(id, reason string) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i, ok := st.images.get(id)
		if !ok || i.state != types.ImageStatePending {
			err = fmt.Errorf("fail %s: not a pending image", id)
			return
		}
		st.failImage(m, i, reason)
	})
	return err
}

// FailNextImage has the next image fail that is begun, when it would be available.
func (s *Service) FailNextImage(reason string) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.doomed = reason })
}

func (s *state) failImage(m *awssim.Moment, i image, reason string) {
	i.reason = reason
	s.finishSnapshots(m, i, types.SnapshotStateError)
	s.become(m, i, types.ImageStateFailed, i.request)
}

// ImageView is an image as it is at present.
type ImageView struct {
	ID, Name, Description, Owner string
	SourceInstance, Snapshot     string // Snapshot: of the root volume
	State                        types.ImageState
	Reason                       string   // why it failed
	Snapshots                    []string // of all volumes
	Tags                         map[string]string
}

// Images are all images, in the order they were made, and those deregistered for
// as long as they are shown.
func (s *Service) Images() []ImageView {
	var views []ImageView
	s.store.View(func(st *state) {
		for _, i := range st.images.all(func(i image) bool { return !i.forgotten }) {
			views = append(views, ImageView{i.id, i.name, i.description, i.owner, i.sourceInstance, i.devices[0].snapshot, i.state, i.reason, i.snapshots(), st.tagMap(i.id)})
		}
	})
	return views
}
