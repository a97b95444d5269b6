package parameterfollowsplatform

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is what an observation found: plain values, small enough to be stored
// with the run.
type State struct {
	// Observed is when the reads began.
	Observed  time.Time `json:"observed"`
	Keeper    Keeper    `json:"keeper"`
	Parameter Parameter `json:"parameter"`
	// Candidates are what the source offers, the newest first, down to the first
	// that can be published or that settles that nothing can.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Missing says why the source offers nothing; empty if it does.
	Missing string `json:"missing,omitempty"`
	// Branch is the platform's branch, if the source has one.
	Branch Branch `json:"branch,omitzero"`

	// Sent is when the image was written, or may have been.
	Sent time.Time `json:"sent,omitzero"`
	// Acknowledged: AWS has said that it took it.
	Acknowledged bool `json:"acknowledged,omitempty"`
	// Ended is the last attempt to write that has come to its end. If it was not the
	// one before, a process has died, and may have written.
	Ended int `json:"ended,omitempty"`
}

// Keeper is who looks after the parameter. It goes into the tags.
type Keeper struct {
	Fleet      string `json:"fleet"`
	Automation string `json:"automation"`
}

// Parameter is the parameter as it was read.
type Parameter struct {
	Exists bool `json:"exists,omitempty"`
	// Value is only kept if it is, or looks like, the id of an image: what else
	// somebody has written may be nobody's business.
	Value    string `json:"value,omitempty"`
	Type     string `json:"type,omitempty"`
	DataType string `json:"data_type,omitempty"`
	// Tags are those that are ours to write.
	Tags map[string]string `json:"tags,omitempty"`
}

// Branch is a platform branch.
type Branch struct {
	Name  string `json:"name,omitempty"`
	State string `json:"state,omitempty"` // Beta, Supported, Deprecated or Retired
	// Newest is the branch's newest Ready version, if a version is pinned and that
	// is newer.
	Newest string `json:"newest,omitempty"`
}

// Candidate is something that may say which image is the current one: a platform
// version, a parameter, or an image itself.
type Candidate struct {
	// Name says what it is, for people; Origin says it for the tag.
	Name   string `json:"name"`
	Origin string `json:"origin,omitempty"`
	// Status is that of a platform version that is not ready; empty if it is.
	Status string  `json:"status,omitempty"`
	Images []Image `json:"images,omitempty"`
	// Passed: if it offers no image, the next one is looked at.
	Passed bool `json:"passed,omitempty"`
}

// Image is an image as EC2 shows it.
type Image struct {
	ID             string    `json:"id"`
	State          string    `json:"state,omitempty"` // EC2's, or stateGone
	Architecture   string    `json:"architecture,omitempty"`
	Virtualization string    `json:"virtualization,omitempty"`
	Created        time.Time `json:"created,omitzero"`
}

const (
	stateAvailable = "available"
	// stateGone is the state of an image that EC2 does not show.
	stateGone = "gone"
	// statusReady is that of a platform version that can be used.
	statusReady = "Ready"
)

const (
	// maxCandidates bounds those that are looked at, for want of age or a state.
	maxCandidates = 30
)

// newestFirst orders images. Two of the same moment keep one order, whatever
// order EC2 lists them in.
func newestFirst(a, b Image) int {
	return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID))
}

// compareVersions orders the numbers of platform versions: 2.10.0 comes after
// 2.9.0, which lists of AWS have the other way round.
func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, errA := strconv.Atoi(a)
		n, errB := strconv.Atoi(b)
		if errA != nil || errB != nil {
			return strings.Compare(a, b)
		}
		return cmp.Compare(m, n)
	})
}
