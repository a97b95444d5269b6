package templatefollowsimage

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func config(edit ...func(*Config)) Config {
	c := Config{Images: Images{Description: "EC2_BACKUP"}, Template: Template{ID: "lt-1"}}
	defaults(&c)
	for _, e := range edit {
		e(&c)
	}
	return c
}

func fromDefault(c *Config) { c.From = FromDefault }

// day is an image of so many days after t0, and available.
func day(n int, edit ...func(*Image)) Image {
	i := Image{ID: fmt.Sprintf("ami-%d", n), State: stateAvailable, Created: t0.AddDate(0, 0, n)}
	for _, e := range edit {
		e(&i)
	}
	return i
}

func pending(i *Image) { i.State = statePending }
func failed(i *Image)  { i.State, i.Why = stateFailed, "out of ink" }
func gone(i *Image)    { i.State, i.Created = stateGone, time.Time{} }
func foreign(i *Image) { i.Foreign = true }

// template has version 4 for its default and latest, with an image of day 4, and
// versions 3 and 2 before it.
func template(edit ...func(*State)) State {
	s := State{
		Template: Found{ID: "lt-1", Name: "app", Default: Version{4, "ami-4"}, Latest: Version{4, "ami-4"}},
		Numbers:  []int64{4, 3, 2},
		Present:  []Image{day(4)},
		Holders:  []Holder{{Image: "ami-4", Version: 4}},
	}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func images(list ...Image) func(*State)  { return func(s *State) { s.Images = list } }
func present(list ...Image) func(*State) { return func(s *State) { s.Present = list } }
func latest(number int64, image string) func(*State) {
	return func(s *State) {
		s.Template.Latest = Version{number, image}
		s.Numbers = append([]int64{number}, s.Numbers...)
	}
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		state  State
		want   string // the plan, a line for each fact
	}{
		{
			name:   "the template has the newest image",
			config: config(), state: template(images(day(4))),
			want: "nothing: version 4 of lt-1, the default, has ami-4, the newest image that matches",
		},
		{
			name:   "a newer image makes a version, and that the default; the oldest goes",
			config: config(), state: template(images(day(5))),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it`,
		},
		{
			name:   "a pending image is planned for, and will be waited for",
			config: config(), state: template(images(day(5, pending), day(4))),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches and will be available; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches and will be available
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it
				rejected: ami-4 is older than ami-5`,
		},
		{
			name:   "an image that was waited for goes before one that is still pending",
			config: config(), state: template(images(day(6, pending), day(5)), func(s *State) { s.Awaited = "ami-5"; s.Numbers = nil }),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches
				rejected: ami-6 is pending; its turn comes when it is available`,
		},
		{
			name:   "a failed image never enters the template",
			config: config(), state: template(images(day(5, failed), day(4))),
			want: `
				nothing: version 4 of lt-1, the default, has ami-4, the newest image that matches
				rejected: ami-5 is failed: out of ink`,
		},
		{
			name:   "nor does one that is the only one",
			config: config(), state: template(images(day(5, failed))),
			want: `
				nothing: no image that matches is available
				rejected: ami-5 is failed: out of ink`,
		},
		{
			name:   "no image at all",
			config: config(), state: template(),
			want: "nothing: no image matches",
		},
		{
			name:   "the late event of an older image takes nothing back",
			config: config(), state: template(images(day(4)), func(s *State) { s.Named = []Image{day(3), day(2, gone), day(9, foreign), day(1, failed)} }),
			want: `
				nothing: version 4 of lt-1, the default, has ami-4, the newest image that matches
				rejected: ami-1 is failed: out of ink
				rejected: ami-2 is not shown by EC2
				rejected: ami-3 of 2026-11-24T03:00:00Z is older than ami-4
				rejected: ami-9 is none of the images that are followed`,
		},
		{
			name:   "somebody has given the template a newer image, which is none of those followed",
			config: config(), state: template(images(day(3)), present(day(4))),
			want: `
				nothing: version 4 of lt-1 has ami-4, and no image that matches is newer
				rejected: ami-3 of 2026-11-24T03:00:00Z is not newer than ami-4 of 2026-11-25T03:00:00Z, which version 4 has`,
		},
		{
			name:   "somebody is trying out a newer image in a version that is not the default",
			config: config(), state: template(images(day(5)), present(day(4), day(6)), latest(5, "ami-6")),
			want: `
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it
				rejected: ami-5 of 2026-11-26T03:00:00Z is not newer than ami-6 of 2026-11-27T03:00:00Z, which version 5 has`,
		},
		{
			name:   "two images of one moment do not take turns",
			config: config(), state: template(images(Image{ID: "ami-x", State: stateAvailable, Created: day(4).Created})),
			want: `
				nothing: version 4 of lt-1 has ami-4, and no image that matches is newer
				rejected: ami-x of 2026-11-25T03:00:00Z is not newer than ami-4 of 2026-11-25T03:00:00Z, which version 4 has`,
		},
		{
			name:   "an image that is gone gives way to an older one: nothing could be launched",
			config: config(func(c *Config) { c.Keep = 9 }), state: template(images(day(3)), present()),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-3 because ami-3 of 2026-11-24T03:00:00Z is the newest image that matches, and EC2 no longer shows ami-4; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-3 of 2026-11-24T03:00:00Z is the newest image that matches, and EC2 no longer shows ami-4`,
		},
		{
			name:   "so does one that is deregistered and still shown",
			config: config(func(c *Config) { c.Keep = 9 }), state: template(images(day(3)), present(day(4, func(i *Image) { i.State = stateDeregistered }))),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-3 because ami-3 of 2026-11-24T03:00:00Z is the newest image that matches, and ami-4 is deregistered; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-3 of 2026-11-24T03:00:00Z is the newest image that matches, and ami-4 is deregistered`,
		},
		{
			name:   "a run has died between the version and the default",
			config: config(), state: template(images(day(5)), latest(5, "ami-5"), func(s *State) { s.Holders = []Holder{{"ami-5", 5, 5}} }),
			want: `
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version 5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; this version has it already
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it`,
		},
		{
			name:   "from $Default a version that somebody else tries out does not become the default",
			config: config(fromDefault), state: template(images(day(5)), latest(5, "ami-5"), func(s *State) { s.Holders = []Holder{{"ami-5", 5, 0}}; s.Numbers = nil }),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches`,
		},
		{
			name:   "from $Default one of our own does",
			config: config(fromDefault), state: template(images(day(5)), latest(6, "ami-5"), func(s *State) { s.Holders = []Holder{{"ami-5", 6, 5}}; s.Numbers = nil }),
			want: `set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version 5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; this version has it already`,
		},
		{
			name:   "the latest version is the source, and has another image than the default",
			config: config(), state: template(images(day(5)), latest(7, "ami-2"), func(s *State) { s.Numbers = nil }),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-2 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; made from version 7
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches`,
		},
		{
			name:   "the latest version is behind the default: told, since groups may launch from it",
			config: config(), state: template(images(day(4)), latest(5, "")),
			want: `
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it
				note: version 5 of lt-1, the latest, has no image, not ami-4: what launches from $Latest launches with that`,
		},
		{
			name:   "a template that takes its image from a parameter is left alone",
			config: config(), state: template(images(day(5)), func(s *State) { s.Template.Default.Image = "resolve:ssm:/golden" }, present()),
			want: `stuck: lt-1 stays as it is: version 4 takes its image from parameter /golden, which ami-5 would put an end to; give the version an image id, or the parameter another image`,
		},
		{
			name:   "a template without the tags is left alone",
			config: config(), state: template(images(day(5)), func(s *State) { s.Template.Unfit = "is not touched: it does not have the tags a=b" }),
			want: "stuck: lt-1 is not touched: it does not have the tags a=b",
		},
		{
			name:   "what is in use is kept, and said; runs of versions are one call",
			config: config(func(c *Config) { c.Keep = 1 }),
			state: template(images(day(4)), func(s *State) {
				s.Template.Default, s.Template.Latest = Version{9, "ami-4"}, Version{9, "ami-4"}
				s.Numbers = []int64{9, 8, 7, 6, 5, 3, 1}
				s.Uses = []version.Use{{Version: 6, By: "group web uses it"}, {Version: 9, By: "i-1 uses it"}}
			}),
			want: `
				prune ec2:DeleteLaunchTemplateVersions lt-1 versions 1, 3, 5, 7-8: unused -> deleted because the newest 1 are kept, and nobody uses it
				note: version 6 of lt-1 is kept: group web uses it`,
		},
		{
			name:   "the default is kept beside the newest",
			config: config(func(c *Config) { c.Keep = 2 }),
			state: template(images(day(4)), func(s *State) {
				s.Template.Latest = Version{9, "ami-4"}
				s.Numbers = []int64{9, 8, 7, 4, 3}
			}),
			want: `prune ec2:DeleteLaunchTemplateVersions lt-1 versions 3, 7: unused -> deleted because the newest 2 are kept, and nobody uses it`,
		},
		{
			name:   "the expected image is missing",
			config: config(func(c *Config) { c.Expect = automation.Duration(24 * time.Hour) }), state: template(images(day(4))),
			want: "stuck: lt-1 did not get the image that is expected every 24h: ami-4, the newest that matches, is of 2026-11-25T03:00:00Z",
		},
		{
			name:   "there is none to begin with",
			config: config(func(c *Config) { c.Expect = automation.Duration(24 * time.Hour) }), state: template(images(day(9, failed))),
			want: `
				stuck: lt-1 did not get the image that is expected every 24h: no image that matches is available
				rejected: ami-9 is failed: out of ink`,
		},
		{
			name:   "a missing image keeps nothing else from being done",
			config: config(func(c *Config) { c.Expect = automation.Duration(24 * time.Hour); c.Keep = 9 }), state: template(images(day(5))),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-5 because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-5 of 2026-11-26T03:00:00Z is the newest image that matches
				stuck: lt-1 did not get the image that is expected every 24h: ami-5, the newest that matches, is of 2026-11-26T03:00:00Z`,
		},
		{
			name:   "it is not late yet",
			config: config(func(c *Config) { c.Expect = automation.Duration(24 * time.Hour) }), state: template(images(day(10, pending)), present(day(4))),
			want: `
				create-version ec2:CreateLaunchTemplateVersion lt-1: ami-4 -> ami-10 because ami-10 of 2026-12-01T03:00:00Z is the newest image that matches and will be available; made from version 4
				set-default ec2:ModifyLaunchTemplate lt-1 default: version 4 -> version ${create-version.number} because ami-10 of 2026-12-01T03:00:00Z is the newest image that matches and will be available
				prune ec2:DeleteLaunchTemplateVersions lt-1 version 2: unused -> deleted because the newest 3 are kept, and nobody uses it`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.PlanSays(t, kindtest.Decide(t, Kind, test.config, test.state, t0.AddDate(0, 0, 10)), test.want)
		})
	}
}

func TestALongTemplateIsPrunedInSeveralCalls(t *testing.T) {
	s := template(images(day(4)))
	s.Numbers = nil
	for n := int64(500); n > 0; n-- {
		s.Numbers = append(s.Numbers, n)
	}
	s.Template.Default.Number, s.Template.Latest.Number = 500, 500
	s.Uses = []version.Use{{Version: 100, By: "group web uses it"}}
	var got []string
	for _, c := range decide(config(), s, t0).Changes {
		got = append(got, c.Resource)
	}
	want := []string{"lt-1 versions 1-99, 101-201", "lt-1 versions 202-401", "lt-1 versions 402-497"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
