package imagerollout

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/failure"
)

func TestAnImageIsMadeOnce(t *testing.T) {
	for name, fault := range map[string]awssim.Fault{"the answer is lost": awssim.FailAfter(errGone), "it was refused": awssim.FailBefore(errGone)} {
		t.Run(name, func(t *testing.T) {
			r := after(t, stepImage)
			first := true
			r.sim.Intercept(func(c awssim.Call) awssim.Fault {
				if c.Operation != opImage || !first {
					return awssim.Fault{}
				}
				first = false
				return fault
			})
			if err := r.do(stepImage); err != nil {
				r.is(err, failure.Retry, "make an image of builder ")
				r.clock.Advance(time.Minute)
				r.turn.Attempt++
				r.must(r.resume(time.Minute, createImage))
			}
			var made []simec2.ImageView
			for _, i := range r.ec2.Images() {
				if i.SourceInstance == r.turn.Values["launch.builder"] {
					made = append(made, i)
				}
			}
			if len(made) != 1 || made[0].ID != r.turn.Values["create-image.image"] || made[0].Name != "web-from-"+source(r.plan) {
				t.Errorf("images %+v, and it provides %q", made, r.turn.Values["create-image.image"])
			}
		})
	}
}

func TestAnImageSaysWhatItComesFrom(t *testing.T) {
	r := after(t, stepTry)
	s := r.look(r.turn.Config)
	found, err := made(t.Context(), r.turn)
	r.must(err)
	i, err := imageOf(found[0])
	r.must(err)
	backup, _ := s.image(source(r.plan))
	if id, from := i.origin(); id != backup.ID || !from.Equal(backup.Created) {
		t.Errorf("it comes from %s of %s, want %s of %s", id, from, backup.ID, backup.Created)
	}
	out, err := r.aws.EC2.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{OwnerIds: []string{self}, Filters: ownedBy(r.turn.Run)})
	r.must(err)
	if len(out.Snapshots) != len(i.Snapshots) {
		t.Errorf("%d snapshots say whose they are, of %d", len(out.Snapshots), len(i.Snapshots))
	}
}

func TestAnImageFails(t *testing.T) {
	r := after(t, stepReady)
	r.must(r.ec2.FailImage(r.turn.Values["create-image.image"], "no space"))
	r.is(r.do(stepReady), failure.Stop, " is failed: no space")
	r.must(r.undo(stepImage))
	r.noImages()
}

// noImages fails unless nothing is left of what the run has imaged.
func (r *rollout) noImages() {
	r.Helper()
	found, err := made(r.Context(), r.turn)
	r.must(err)
	found = slices.DeleteFunc(found, func(i types.Image) bool { return i.State == types.ImageStateDeregistered })
	snapshots, err := r.aws.EC2.DescribeSnapshots(r.Context(), &ec2.DescribeSnapshotsInput{OwnerIds: []string{self}, Filters: ownedBy(r.turn.Run)})
	r.must(err)
	if len(found) > 0 || len(snapshots.Snapshots) > 0 {
		r.Errorf("%d images and %d snapshots are left", len(found), len(snapshots.Snapshots))
	}
}

// TestAnImageIsTakenBack: also one that is pending, which EC2 does not deregister yet.
func TestAnImageIsTakenBack(t *testing.T) {
	for _, step := range []string{stepReady, stepTry} {
		r := after(t, step)
		r.must(r.undo(stepImage))
		r.noImages()
		r.must(r.undo(stepImage)) // again
	}
}

func TestAnImageThatSomebodyDeregisters(t *testing.T) {
	r := after(t, stepTry)
	_, err := r.aws.EC2.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(r.turn.Values["create-image.image"])})
	r.must(err)
	r.clock.Advance(time.Hour)
	r.is(r.do(stepReady), failure.Stop, "somebody else has deregistered it")
	r.must(r.undo(stepImage)) // the snapshots are left
	r.noImages()
}

// TestANameThatSomebodyTakes: an image of that name may be this run's and not shown yet,
// but not for ever.
func TestANameThatSomebodyTakes(t *testing.T) {
	r := after(t, stepImage)
	name := "web-from-" + source(r.plan)
	theirs := r.ec2.AddImage(simec2.Image{Name: name, Created: r.clock.Now()})
	r.is(r.do(stepImage), failure.Retry, "InvalidAMIName.Duplicate")
	r.turn.Attempt++
	r.is(r.once(createImage), failure.Retry, "InvalidAMIName.Duplicate")
	r.clock.Advance(imageLimit/8 + time.Second)
	r.turn.Attempt++
	r.is(r.once(createImage), failure.Stop, "an image that is not this run's is called "+name)
	r.must(r.undo(stepImage))
	if left := r.images(name); !slices.Equal(left, []string{theirs}) {
		t.Errorf("left are %q, want %s", left, theirs)
	}
	if got := r.turn.Values["create-image.image"]; got != "" {
		t.Errorf("it takes %s for its own", got)
	}
}

// images are those of a name.
func (w *world) images(name string) []string {
	var all []string
	for _, i := range w.ec2.Images() {
		if i.Name == name {
			all = append(all, i.ID)
		}
	}
	return all
}

// TestVolumesGoWithTheirMachines: also those of which the image says that they stay, and
// which stay so in the new image; the group's are let be.
func TestVolumesGoWithTheirMachines(t *testing.T) {
	for _, end := range []string{"released", "let go"} {
		t.Run(end, func(t *testing.T) {
			w := newWorld(t)
			before := len(w.ec2.Volumes())
			w.ec2.AddImage(simec2.Image{Name: "golden-1", Created: w.clock.Now(), Devices: []simec2.Device{{}, {Name: "/dev/sdf", Stays: true}, {Name: "/dev/sdg"}}})
			r := w.begin(w.config(tested, func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} })).upTo(stepVerify)
			if n := len(w.ec2.Volumes()); n != before+6 {
				t.Fatalf("%d volumes, and %d before", n, before)
			}
			if end == "let go" {
				r.must(r.do(stepLetGo))
			} else {
				r.must(r.release(stepTry))
			}
			r.clock.Advance(5 * time.Minute)
			for _, v := range w.ec2.Volumes() {
				if v.Tags[tagRun] != "" || v.Instance == "" {
					t.Errorf("%s of %q is left: %s", v.Device, v.Instance, v.ID)
				}
			}
			if n := len(w.ec2.Volumes()); n != before {
				t.Errorf("%d volumes, and %d before", n, before)
			}
			out, err := w.aws.EC2.DescribeImages(t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{r.turn.Values["create-image.image"]}})
			w.must(err)
			for _, b := range out.Images[0].BlockDeviceMappings {
				if stays := !aws.ToBool(b.Ebs.DeleteOnTermination); stays != (*b.DeviceName == "/dev/sdf") {
					t.Errorf("%s of the new image stays: %t", *b.DeviceName, stays)
				}
			}
			// What the plan says of this is what is done, and no more.
			if planned, did := len(r.plan.For(stepLetGo)), r.calls(opModify)+r.calls(opTerminate); end == "let go" && planned != did {
				t.Errorf("%d calls are planned, %d were made", planned, did)
			}
		})
	}
}
