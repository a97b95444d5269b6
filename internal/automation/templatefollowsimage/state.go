package templatefollowsimage

import (
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation/version"
)

// State is what an observation found: plain values, small enough to be stored
// with the run.
type State struct {
	// Observed is when the reads began.
	Observed time.Time `json:"observed"`
	Template Found     `json:"template"`
	// Images that match, newest first, down to the first that is available; of
	// those before it the newest maxUnusable.
	Images []Image `json:"images,omitempty"`
	// Named are images that events were about and that are not among Images.
	Named []Image `json:"named,omitempty"`
	// Present are the images of the default and the latest version, as far as EC2
	// shows them.
	Present []Image `json:"present,omitempty"`
	// Holders say which versions have one of Images.
	Holders []Holder `json:"holders,omitempty"`
	// Numbers are those of all versions, the highest first.
	Numbers []int64 `json:"numbers,omitempty"`
	// Uses are the versions that somebody uses. They are only looked for when
	// there are enough versions that some may be deleted.
	Uses []version.Use `json:"uses,omitempty"`

	// Awaited is the image that this run has begun to wait for.
	Awaited string `json:"awaited,omitempty"`
	// Missing is since when EC2 has not shown the awaited image.
	Missing time.Time `json:"missing,omitzero"`
	// Undone counts how often this run has taken its version back. It is a part
	// of the client token: EC2 answers a token it knows with what it did before.
	Undone int `json:"undone,omitempty"`
}

// Found is the launch template as it was read.
type Found struct {
	ID      string  `json:"id"`
	Name    string  `json:"name,omitempty"`
	Default Version `json:"default"`
	Latest  Version `json:"latest"`
	// Unfit says why the template is not to be touched; empty if it is.
	Unfit string `json:"unfit,omitempty"`
}

// Version is a version of the template.
type Version struct {
	Number int64  `json:"number"`
	Image  string `json:"image,omitempty"`
}

// Image is an image as it was read.
type Image struct {
	ID      string    `json:"id"`
	State   string    `json:"state,omitempty"` // EC2's, or stateGone
	Created time.Time `json:"created,omitzero"`
	// Why says why it is in this state, if EC2 does.
	Why string `json:"why,omitempty"`
	// Foreign: it is none of those that are followed.
	Foreign bool `json:"foreign,omitempty"`
}

// Holder says which versions have an image: the highest, and the highest of those
// that this automation has made. Zero: none.
type Holder struct {
	Image   string `json:"image"`
	Version int64  `json:"version"`
	Ours    int64  `json:"ours,omitempty"`
}

// The states of images that matter.
const (
	stateAvailable    = "available"
	statePending      = "pending"
	stateFailed       = "failed"
	stateDeregistered = "deregistered"
	// stateGone is the state of an image that EC2 does not show.
	stateGone = "gone"
	// stateCreated is what an event tells of an image that begins to be made.
	stateCreated = "created"
)

const (
	// maxUnusable bounds the images in a State that cannot be used.
	maxUnusable = 20
	// maxNamed bounds the images that events are about.
	maxNamed = 50
)

// usable says whether instances can be launched from the image, now or soon.
func (i Image) usable() bool { return i.State == stateAvailable || i.State == statePending }

// newestFirst orders images. Two of the same moment keep one order, whatever
// order EC2 lists them in.
func newestFirst(a, b Image) int {
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// chosen is the image that the template is to have: the newest that is available
// or will be. An image that the run has waited for and that is there now goes
// before one that is still pending, or images that come faster than they are made
// would never enter the template.
func (s State) chosen() (Image, bool) {
	awaited := slices.ContainsFunc(s.Images, func(i Image) bool { return i.ID == s.Awaited && i.State == stateAvailable })
	for _, i := range s.Images {
		if i.State == stateAvailable || i.State == statePending && !awaited {
			return i, true
		}
	}
	return Image{}, false
}

// present is an image that the default or the latest version has.
func (s State) present(id string) (Image, bool) {
	for _, i := range s.Present {
		if i.ID == id {
			return i, true
		}
	}
	return Image{}, false
}

// source is the version that a new one is made from.
func (s State) source(c Config) Version {
	if c.From == FromDefault {
		return s.Template.Default
	}
	return s.Template.Latest
}
