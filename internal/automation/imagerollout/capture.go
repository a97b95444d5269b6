package imagerollout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/failure"
)

// GroupOf is the group of an automation of this kind. It reports false for another kind.
func GroupOf(a *automation.Automation) (group string, ok bool) {
	c, err := configOf(a)
	return c.Group, err == nil
}

func configOf(a *automation.Automation) (c Config, err error) {
	if a.Kind.Name != Kind.Name {
		return c, fmt.Errorf("automation %q is of kind %s, not %s", a.Name, a.Kind.Name, Kind.Name)
	}
	return c, json.Unmarshal(a.Config, &c)
}

// Capture makes the image of an instance that somebody wants to be rolled out. It is no
// step of a run: the image is what the rollout begins with, and stays.
type Capture struct {
	Automation *automation.Automation
	Ledger     string // its identity
	Instance   string
	// Reboot has EC2 reboot the instance, so that what is in memory is on its volumes.
	Reboot bool
	// Began names the image, by its minute: who is interrupted and begins again at once
	// makes no second one.
	Began time.Time

	// Image is its id, once that is known. Adopted says that it was there already.
	Image   string
	Adopted bool

	since time.Time // it waits for what it waits for
}

// Name is what the image is called.
func (c *Capture) Name() string {
	group, _ := GroupOf(c.Automation)
	return fmt.Sprintf("%s-of-%s-%s", namedAfter(group), c.Instance, c.Began.UTC().Format("20060102-1504"))
}

// Take makes the image, or finds it, and says whether it is available: its error waits
// until then. It is called until it does not.
func (c *Capture) Take(ctx context.Context, client *ec2.Client, now time.Time) error {
	if c.since.IsZero() {
		c.since = now
	}
	if c.Image == "" {
		if err := c.make(ctx, client, now); err != nil {
			return err
		}
		c.since = now
	}
	found, err := ami.ByID(ctx, client, []string{c.Image})
	if err != nil {
		return err
	}
	var i types.Image
	if len(found) > 0 {
		i = found[0]
	}
	lasted := now.Sub(c.since)
	err = available("image "+c.Image+" of "+c.Instance, c.Image, i, len(found) > 0, now, lasted)
	switch {
	case err == nil:
		return nil
	case failure.ClassOf(err) != failure.Wait && len(found) == 0:
		return err
	case failure.ClassOf(err) != failure.Wait:
		return failure.WithHint(fmt.Errorf("%w; it is left", err), "aws ec2 deregister-image --image-id %s --delete-associated-snapshots", c.Image)
	case lasted >= imageLimit:
		return failure.Stopf("image %s of %s is not available within %s", c.Image, c.Instance, automation.Duration(imageLimit))
	}
	return failure.Waitf(later(failure.Until(err), now.Add(lookAgain)), "%w", err)
}

// make asks for the image. That is safe to repeat, since a name is given once: that it
// is taken says that an earlier attempt has succeeded, of which the answer was lost.
func (c *Capture) make(ctx context.Context, client *ec2.Client, now time.Time) error {
	group, _ := GroupOf(c.Automation)
	name := c.Name()
	tags := c.tags()
	maps.Copy(tags, map[string]string{tagName: name, tagLedger: c.Ledger})
	out, err := client.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: aws.String(c.Instance), Name: aws.String(name), NoReboot: aws.Bool(!c.Reboot),
		Description:       aws.String(fmt.Sprintf("Made for group %s by drover %s/%s", group, c.Automation.Fleet, c.Automation.Name)),
		TagSpecifications: specify(tags, types.ResourceTypeImage, types.ResourceTypeSnapshot),
	})
	switch {
	case cloud.Code(err) == "InvalidAMIName.Duplicate": // facts/apis.md 1.3
		return c.adopt(ctx, client, now)
	case err != nil:
		return fmt.Errorf("make an image of %s: %w", c.Instance, err)
	}
	c.Image = aws.ToString(out.ImageId)
	return nil
}

// tags are those by which an image that was made for the automation is known.
func (c *Capture) tags() map[string]string {
	return map[string]string{tagFleet: c.Automation.Fleet, tagAutomation: c.Automation.Name}
}

// adopt finds the image that has the name.
func (c *Capture) adopt(ctx context.Context, client *ec2.Client, now time.Time) error {
	name := c.Name()
	found, err := ami.Describe(ctx, client, ec2.DescribeImagesInput{Owners: []string{self}, Filters: []types.Filter{filter.By("name", filter.Literal(name))}, IncludeDeprecated: aws.Bool(true)})
	if err != nil {
		return fmt.Errorf("find the image %s of %s: %w", name, c.Instance, err)
	}
	for _, i := range found {
		if i.State == types.ImageStateDeregistered {
			continue
		}
		has := tagsOf(i.Tags)
		for k, v := range c.tags() {
			if has[k] != v || aws.ToString(i.SourceInstanceId) != c.Instance {
				return failure.Stopf("make an image of %s: %s is called %s, and was not made by drover for %s/%s", c.Instance, aws.ToString(i.ImageId), name, c.Automation.Fleet, c.Automation.Name)
			}
		}
		c.Image, c.Adopted = aws.ToString(i.ImageId), true
		return nil
	}
	if now.Sub(c.since) < settling {
		return failure.Waitf(now.Add(lookAgain), "the image %s to be shown by EC2", name)
	}
	return failure.WithHint(failure.Stopf("make an image of %s: the name %s is taken, and EC2 shows no image that has it: it was deregistered of late", c.Instance, name), "the same again, a minute later")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
