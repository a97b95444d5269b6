package parameterfollowsplatform

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

const iis = "IIS 10.0 running on 64bit Windows Server 2019"

func config(edit ...func(*Config)) Config {
	c := Config{Parameter: "/golden/base", Source: Source{Branch: iis}}
	defaults(&c)
	for _, e := range edit {
		e(&c)
	}
	return c
}

func aged(c *Config) { c.MinAge = automation.Duration(72 * time.Hour) }
func arm(c *Config)  { c.Architecture = ARM64 }

// day is an image that was so many days old at t0, and is available.
func day(n int, edit ...func(*Image)) Image {
	i := Image{ID: fmt.Sprintf("ami-%d", n), State: stateAvailable, Architecture: "x86_64", Virtualization: "hvm", Created: t0.AddDate(0, 0, -n)}
	for _, e := range edit {
		e(&i)
	}
	return i
}

func gone(i *Image)    { i.State, i.Architecture, i.Created = stateGone, "", time.Time{} }
func pv(i *Image)      { i.ID, i.Virtualization = i.ID+"pv", "paravirtual" }
func onARM(i *Image)   { i.ID, i.Architecture = i.ID+"arm", "arm64" }
func pending(i *Image) { i.State = "pending" }

func version(number string, images ...Image) Candidate {
	return Candidate{Name: "version " + number, Origin: "arn:platform/(" + number + ")", Images: images}
}

func image(i Image) Candidate {
	return Candidate{Name: "image " + i.ID, Origin: i.ID, Images: []Image{i}, Passed: true}
}

// kept is a parameter with an image, and tags of the first candidate.
func kept(value string, candidates ...Candidate) State {
	s := State{
		Keeper:     Keeper{Fleet: "stage", Automation: "base"},
		Parameter:  Parameter{Exists: true, Value: value, Type: "String", DataType: dataImage},
		Candidates: candidates,
	}
	if len(candidates) > 0 {
		s.Parameter.Tags = map[string]string{tagFleet: "stage", tagAutomation: "base", tagSource: tagValue(candidates[0].Origin)}
	}
	return s
}

func with(s State, edit func(*State)) State {
	edit(&s)
	return s
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		state  State
		want   string // the plan, a line for each fact
	}{
		{
			name: "it has the image", config: config(), state: kept("ami-9", version("2", day(9))),
			want: "nothing: /golden/base has ami-9, which comes from version 2",
		},
		{
			name: "another image", config: config(), state: kept("ami-20", version("2", day(9))),
			want: "publish ssm:PutParameter /golden/base: ami-20 -> ami-9 because ami-9 of 2026-11-12T03:00:00Z comes from version 2",
		},
		{
			name: "there is no parameter", config: config(),
			state: with(kept("", version("2", day(9))), func(s *State) { s.Parameter = Parameter{} }),
			want: `
				publish ssm:PutParameter /golden/base:  -> ami-9 because ami-9 of 2026-11-12T03:00:00Z comes from version 2
				tag ssm:AddTagsToResource /golden/base tags:  -> drover:automation=base, drover:fleet=stage, drover:source=arn:platform/_2_ because tags say where the image is from, and who keeps it`,
		},
		{
			name: "only tags", config: config(),
			state: with(kept("ami-9", version("2", day(9))), func(s *State) {
				s.Parameter.Tags[tagSource] = "elsewhere"
				delete(s.Parameter.Tags, tagFleet)
			}),
			want: "tag ssm:AddTagsToResource /golden/base tags: drover:source=elsewhere -> drover:fleet=stage, drover:source=arn:platform/_2_ because tags say where the image is from, and who keeps it",
		},
		{
			name: "the image, as plain text", config: config(),
			state: with(kept("ami-9", version("2", day(9))), func(s *State) { s.Parameter.DataType = dataText }),
			want:  "publish ssm:PutParameter /golden/base: ami-9 of data type text -> ami-9 because ami-9 of 2026-11-12T03:00:00Z comes from version 2, and the data type is to be aws:ec2:image",
		},
		{
			name: "a SecureString", config: config(),
			state: with(kept("", version("2", day(9))), func(s *State) { s.Parameter.Type = "SecureString" }),
			want:  "stuck: /golden/base stays as it is: it is a SecureString, and only a String can have the data type aws:ec2:image; delete it, or name another parameter",
		},
		{
			name: "another data type", config: config(),
			state: with(kept("ami-1", version("2", day(9))), func(s *State) { s.Parameter.DataType = "aws:ssm:integration" }),
			want:  "stuck: /golden/base stays as it is: it has the data type aws:ssm:integration; delete it, or name another parameter",
		},
		{
			name: "something else", config: config(), state: kept("", version("2", day(9))),
			want: "stuck: /golden/base stays as it is: what it holds is no image id, so it may be somebody else's; delete it, or name another parameter",
		},
		{
			name: "a source without anything", config: config(), state: with(kept("ami-9"), func(s *State) { s.Missing = "it is not there" }),
			want: "stuck: /golden/base gets no image: it is not there",
		},
		{
			name: "an empty list", config: config(), state: kept("ami-9", version("2")),
			want: "stuck: /golden/base gets no image: version 2 lists no image",
		},
		{
			name: "an image that is gone, and nothing older instead", config: config(), state: kept("ami-20", version("2", day(9, gone)), version("1", day(15))),
			want: "stuck: /golden/base gets no image: version 2 has no image that is x86_64, hvm and available: ami-9 is not shown by EC2",
		},
		{
			name: "chosen by both, not by their order", config: config(), state: kept("ami-20", version("2", day(9, pv), day(9, onARM), day(9))),
			want: `
				publish ssm:PutParameter /golden/base: ami-20 -> ami-9 because ami-9 of 2026-11-12T03:00:00Z comes from version 2`,
		},
		{
			name: "the other architecture", config: config(arm), state: kept("ami-20", version("2", day(9), day(9, onARM))),
			want: "publish ssm:PutParameter /golden/base: ami-20 -> ami-9arm because ami-9arm of 2026-11-12T03:00:00Z comes from version 2",
		},
		{
			name: "none of the architecture", config: config(arm), state: kept("ami-20", version("2", day(9), day(8, pv), day(7, onARM, pending))),
			want: "stuck: /golden/base gets no image: version 2 has no image that is arm64, hvm and available: ami-9 is x86_64, ami-8pv is paravirtual, ami-7arm is pending",
		},
		{
			name: "of several the newest", config: config(), state: kept("ami-20", version("2", day(9), day(8), day(10))),
			want: "publish ssm:PutParameter /golden/base: ami-20 -> ami-8 because ami-8 of 2026-11-13T03:00:00Z comes from version 2",
		},
		{
			name: "a version that is Creating", config: config(), state: kept("ami-9", Candidate{Name: "version 3", Status: "Creating"}, version("2", day(9))),
			want: `
				tag ssm:AddTagsToResource /golden/base tags: drover:source= -> drover:source=arn:platform/_2_ because tags say where the image is from, and who keeps it
				rejected: version 3 is Creating`,
		},
		{
			name: "only versions that are not ready", config: config(), state: kept("ami-9", Candidate{Name: "version 3", Status: "Creating"}, Candidate{Name: "version 2", Status: "Failed"}),
			want: `
				stuck: /golden/base gets no image: platform branch IIS 10.0 running on 64bit Windows Server 2019 has none that can be published (version 3 is Creating; version 2 is Failed)
				rejected: version 2 is Failed
				rejected: version 3 is Creating`,
		},
		{
			name: "too young: the one before it", config: config(aged), state: kept("ami-20", version("2", day(2)), version("1", day(9))),
			want: `
				publish ssm:PutParameter /golden/base: ami-20 -> ami-9 because ami-9 of 2026-11-12T03:00:00Z comes from version 1
				tag ssm:AddTagsToResource /golden/base tags: drover:source=arn:platform/_2_ -> drover:source=arn:platform/_1_ because tags say where the image is from, and who keeps it
				rejected: version 2 has ami-2 of 2026-11-19T03:00:00Z, which is 72h old at 2026-11-22T03:00:00Z, and not published before`,
		},
		{
			name: "just old enough", config: config(aged), state: kept("ami-20", version("2", day(3))),
			want: "publish ssm:PutParameter /golden/base: ami-20 -> ami-3 because ami-3 of 2026-11-18T03:00:00Z comes from version 2",
		},
		{
			name: "too young, and published already", config: config(aged), state: kept("ami-2", version("2", day(2)), version("1", day(9))),
			want: `
				nothing: /golden/base has ami-2, which comes from version 2
				note: ami-2 is not 72h old before 2026-11-22T03:00:00Z, but /golden/base has it already`,
		},
		{
			name: "all too young", config: config(aged), state: kept("ami-20", version("2", day(2))),
			want: `
				nothing: no image is old enough: ami-2 of version 2 is 72h old at 2026-11-22T03:00:00Z
				rejected: version 2 has ami-2 of 2026-11-19T03:00:00Z, which is 72h old at 2026-11-22T03:00:00Z, and not published before`,
		},
		{
			name: "images that are pending are passed over", config: config(), state: kept("ami-20", image(day(1, pending)), image(day(2))),
			want: `
				publish ssm:PutParameter /golden/base: ami-20 -> ami-2 because ami-2 of 2026-11-19T03:00:00Z comes from image ami-2
				tag ssm:AddTagsToResource /golden/base tags: drover:source=ami-1 -> drover:source=ami-2 because tags say where the image is from, and who keeps it
				rejected: image ami-1 has no image that is x86_64, hvm and available: ami-1 is pending`,
		},
		{
			name: "a branch that is retired, and a pinned version that is not its newest", config: config(),
			state: with(kept("ami-9", version("2", day(9))), func(s *State) { s.Branch = Branch{Name: iis, State: "retired", Newest: "2.10.0"} }),
			want: `
				nothing: /golden/base has ami-9, which comes from version 2
				note: platform branch IIS 10.0 running on 64bit Windows Server 2019 is retired: it gets no new versions
				note: version 2.10.0 of IIS 10.0 running on 64bit Windows Server 2019 is newer than the pinned one; name source.branch to follow new versions`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.PlanSays(t, kindtest.Decide(t, Kind, test.config, test.state, t0), test.want)
		})
	}
}

func TestCompareVersions(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"2.10.0", "2.9.0", 1}, {"2.9.0", "2.9.0", 0}, {"2.9", "2.9.0", -1}, {"3.0.0", "2.99.99", 1}, {"2.9.0-beta", "2.9.0", 1}, {"", "1", -1},
	} {
		if got := compareVersions(test.a, test.b); got != test.want || compareVersions(test.b, test.a) != -test.want {
			t.Errorf("%s and %s compare as %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestTagValue(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:elasticbeanstalk:us-west-1::platform/IIS 10.0 running on 64bit Windows Server 2019/2.6.5": "arn:aws:elasticbeanstalk:us-west-1::platform/IIS 10.0 running on 64bit Windows Server 2019/2.6.5",
		"GlassFish 5.0 with Java 8 (Preconfigured - Docker), new":                                          "GlassFish 5.0 with Java 8 _Preconfigured - Docker__ new",
		strings.Repeat("é", 300): strings.Repeat("_", 256),
	} {
		if got := tagValue(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
