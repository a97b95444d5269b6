package imagerollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation/version"
)

// State is what an observation found, and what the steps must remember.
type State struct {
	// Elsewhere says why nothing that the run was told of concerns the group, if that is
	// so: then nothing more was read.
	Elsewhere string `json:"elsewhere,omitempty"`
	// Observed is when the reads began.
	Observed time.Time `json:"observed"`
	Group    Group     `json:"group"`
	// Templates are those that the group launches from, each once.
	Templates []Template `json:"templates,omitempty"`
	// Images that the source chooses, newest first; at most maxImages.
	Images []Image `json:"images,omitempty"`
	// Foreign are images that events are about and that the source does not choose.
	Foreign []string `json:"foreign,omitempty"`
	// Names are those of images that this automation has made.
	Names []string `json:"names,omitempty"`
	// Tried are those of Images that earlier runs have tried, with how that ended.
	Tried []Tried `json:"tried,omitempty"`
	// Asked is the image that a person asked for.
	Asked string `json:"asked,omitempty"`
	// Missing is what a rollout of the image that would be chosen could not do
	// without, such as a subnet that does not exist.
	Missing []Missing `json:"missing,omitempty"`
	// Unread is what is not known of that, for want of permission.
	Unread []string `json:"unread,omitempty"`

	// Commands are the documents that this run has sent, or is about to send.
	Commands []Command `json:"commands,omitempty"`
	// Terminated counts how often this run has terminated a machine, and Undone how
	// often it has taken its version back: they are a part of client tokens, which
	// EC2 answers with what it did before.
	Terminated int `json:"terminated,omitempty"`
	Undone     int `json:"undone,omitempty"`
	// Approving is the image that a person is asked to approve.
	Approving string `json:"approving,omitempty"`
	// LetGo says that what was held is released, before the end of the run.
	LetGo bool `json:"letGo,omitempty"`
	// Leaving is since when machines of a refresh that was rolled back are waited for.
	Leaving time.Time `json:"leaving,omitzero"`
	// Looked is when it was last looked whether a newer image supersedes the run's.
	Looked time.Time `json:"looked,omitzero"`
}

// Group is the Auto Scaling group as it was read.
type Group struct {
	Name string `json:"name"`
	// Gone: there is none of this name, or it is being deleted.
	Gone string `json:"gone,omitempty"`
	// ARN says also whose it is, and where.
	ARN string `json:"arn,omitempty"`
	// Role is that with which it launches instances.
	Role string `json:"role,omitempty"`
	// Refreshing is the instance refresh that is under way, if there is one.
	Refreshing string `json:"refreshing,omitempty"`
	Desired    int    `json:"desired"`
	Min        int    `json:"min"`
	Max        int    `json:"max"`
	// Running is how many instances it has.
	Running int `json:"running"`
	// Protected and Standby are instances that a refresh does not replace as it does
	// others.
	Protected []string `json:"protected,omitempty"`
	Standby   []string `json:"standby,omitempty"`
	// Original is its maximum before a run of this ledger lowered it that could not
	// restore it; 0 if there is none.
	Original int `json:"original,omitempty"`
	// Suspended are its suspended processes.
	Suspended []string `json:"suspended,omitempty"`
}

// Template is a launch template that the group launches from, as it was read.
type Template struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Version is what the group launches from, as AWS shows it: a number, "$Latest"
	// or "$Default"; and Number is which one that is.
	Version string `json:"version"`
	Number  int64  `json:"number"`
	// Torn are other versions of it that the group names beside.
	Torn []string `json:"torn,omitempty"`
	// Default and Latest are the template's own.
	Default int64  `json:"default"`
	Latest  int64  `json:"latest"`
	Type    string `json:"type,omitempty"` // of instances
	// Current is the image that the version has.
	Current Image `json:"current,omitzero"`
	// Numbers are those of all versions, the highest first.
	Numbers []int64 `json:"numbers,omitempty"`
	// Uses are the versions that somebody uses.
	Uses []version.Use `json:"uses,omitempty"`
}

// Image is an image as it was read.
type Image struct {
	ID           string    `json:"id"`
	Name         string    `json:"name,omitempty"`
	State        string    `json:"state,omitempty"` // EC2's
	Why          string    `json:"why,omitempty"`   // it is in this state, if EC2 says
	Architecture string    `json:"architecture,omitempty"`
	Created      time.Time `json:"created,omitzero"`
	// Source is the image that this one was made from by a rollout, and From when
	// that one was created.
	Source string    `json:"source,omitempty"`
	From   time.Time `json:"from,omitzero"`
	// Instance is what it was made of.
	Instance string `json:"instance,omitempty"`
	// Snapshots are those of its volumes.
	Snapshots []string `json:"snapshots,omitempty"`
	// Stays says that volumes stay behind when a machine of it is terminated.
	Stays bool `json:"stays,omitempty"`
	// Owner is the account whose it is.
	Owner string `json:"owner,omitempty"`
}

// Tried is how an earlier run ended that tried an image.
type Tried struct {
	Image   string    `json:"image"`
	Run     string    `json:"run"`
	Outcome string    `json:"outcome"`
	Ended   time.Time `json:"ended"`
}

// Missing is something that a rollout needs and that is not as it must be.
type Missing struct {
	Resource string `json:"resource"`
	Why      string `json:"why"`
}

// Command is a document that is sent to a machine.
type Command struct {
	Instance string `json:"instance"`
	Index    int    `json:"index"`        // of the document, in its list
	ID       string `json:"id,omitempty"` // empty: it is not known to be sent
	// Armed is the attempt that may send it without looking for it first.
	Armed int `json:"armed"`
	// Doubt is since when it is looked for, and Wanted since when for the agent.
	Doubt  time.Time `json:"doubt,omitzero"`
	Wanted time.Time `json:"wanted,omitzero"`
	Sent   time.Time `json:"sent,omitzero"`
	Done   bool      `json:"done,omitempty"`
}

// The states of images that matter.
const (
	stateAvailable = "available"
	statePending   = "pending"
)

// The versions that AWS looks up at every launch.
const (
	versionLatest  = "$Latest"
	versionDefault = "$Default"
)

// backupPrefix begins the names of images of AWS Backup.
const backupPrefix = "AwsBackup_"

// maxImages bounds the images in a State.
const maxImages = 20

// origin is the image that an image comes from, and when that was created: what the
// order of rollouts goes by. An image that no rollout has made comes from itself.
func (i Image) origin() (id string, created time.Time) {
	if i.Source != "" {
		return i.Source, i.From
	}
	return i.ID, i.Created
}

// isBackup says whether AWS Backup has made it.
func (i Image) isBackup() bool { return strings.HasPrefix(i.Name, backupPrefix) }

// least is the least maximum with which nothing of the group is terminated.
func (g Group) least() int { return max(g.Desired, g.Running, g.Min) }

// newestFirst orders images. Two of the same moment keep one order, whatever order
// EC2 lists them in.
func newestFirst(a, b Image) int {
	return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID))
}

func (s State) tried(image string) (Tried, bool) {
	i := slices.IndexFunc(s.Tried, func(t Tried) bool { return t.Image == image })
	if i < 0 {
		return Tried{}, false
	}
	return s.Tried[i], true
}

// image is one that was observed.
func (s State) image(id string) (Image, bool) {
	i := slices.IndexFunc(s.Images, func(i Image) bool { return i.ID == id })
	if i < 0 {
		return Image{}, false
	}
	return s.Images[i], true
}

// template is one of the group's, by its id.
func (s State) template(id string) (Template, bool) {
	i := slices.IndexFunc(s.Templates, func(t Template) bool { return t.ID == id })
	if i < 0 {
		return Template{}, false
	}
	return s.Templates[i], true
}

// floats says whether the group launches from a version that AWS looks up at every
// launch.
func (t Template) floats() bool { return strings.HasPrefix(t.Version, "$") }
