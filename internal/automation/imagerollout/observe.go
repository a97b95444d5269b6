package imagerollout

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/wildcard"
)

func observe(ctx context.Context, t *turn) error {
	why, err := elsewhere(ctx, t)
	if err != nil {
		return err
	}
	if why != "" {
		t.State = State{Observed: t.Clock.Now(), Group: Group{Name: t.Config.Group}, Elsewhere: why}
		return nil
	}
	s, err := read(ctx, t)
	if err != nil {
		return err
	}
	if err := s.inspect(ctx, t); err != nil {
		return err
	}
	// What the run has done before counts on: it may be tried again.
	s.Terminated, s.Undone, s.Approving = t.State.Terminated, t.State.Undone, t.State.Approving
	s.Looked = s.Observed
	t.State = s
	return t.Await(doubtful(s, toldOf(t.Events)), observePoll, rereadFor)
}

// doubtful says which read is awaited that agrees with the events: an image that they
// say is complete, or that somebody asks for, is not shown, or not yet as available.
func doubtful(s State, told []string) string {
	for _, id := range told {
		shown := slices.ContainsFunc(s.Images, func(i Image) bool { return i.ID == id && i.State == stateAvailable })
		if !shown && !slices.Contains(s.Foreign, id) {
			return "a read of " + id + " that agrees with the event"
		}
	}
	return ""
}

// toldOf are the images that events say are complete, or ask for.
func toldOf(events []event.Event) []string {
	var all []string
	for _, e := range events {
		if r, ok, err := event.AsRolloutRequest(e); ok && err == nil {
			all = append(all, r.Image)
		}
		if change, ok, err := event.AsImageStateChange(e); ok && err == nil && change.State == stateAvailable {
			all = append(all, change.ImageID)
		}
		if job, ok, err := event.AsBackupJobStateChange(e); ok && err == nil {
			if image := imageIn(job.RecoveryPoint); image != "" {
				all = append(all, image)
			}
		}
	}
	return all
}

// imageIn is the image that a recovery point is; "" if it is something else.
func imageIn(recoveryPoint string) string {
	_, image, _ := strings.Cut(recoveryPoint, ":image/") // an older form names another resource
	return image
}

// read asks AWS for everything that a decision needs.
func read(ctx context.Context, t *turn) (State, error) {
	s := State{Observed: t.Clock.Now(), Group: Group{Name: t.Config.Group}, Asked: asked(t.Events)}
	g, found, err := describeGroup(ctx, t)
	if err != nil {
		return State{}, err
	}
	switch {
	case !found:
		s.Group.Gone = "does not exist"
	case aws.ToString(g.Status) != "":
		s.Group.Gone = "is being deleted: " + aws.ToString(g.Status)
	}
	if s.Group.Gone != "" {
		return s, nil
	}
	s.Group = groupOf(g)
	mended := false
	if s.Group.Original, mended = originalOf(t.Tried, s.Group.Max); mended {
		t.Try(restoredName)
	}
	s.Templates = templatesOf(g)
	reads, together := errgroup.WithContext(ctx)
	for i := range s.Templates {
		reads.Go(func() (err error) {
			s.Templates[i], err = readTemplate(together, t, s.Templates[i])
			return err
		})
	}
	if t.Config.Refresh != nil {
		reads.Go(func() (err error) {
			s.Group.Refreshing, err = refreshing(together, t)
			return err
		})
	}
	var candidates, own []types.Image
	reads.Go(func() (err error) {
		candidates, err = describeCandidates(together, t)
		return err
	})
	reads.Go(func() (err error) {
		own, err = describeImages(together, t, filter.By("tag:"+tagAutomation, t.Run.Automation), filter.By("tag:"+tagFleet, t.Run.Fleet))
		return err
	})
	if err := reads.Wait(); err != nil {
		return State{}, err
	}
	for _, i := range own {
		s.Names = append(s.Names, aws.ToString(i.Name))
	}
	slices.Sort(s.Names)
	if err := s.choose(candidates); err != nil {
		return State{}, err
	}
	return s, s.complete(ctx, t, own)
}

// choose takes note of the images that the source chooses. Those that rollouts have
// made are none of them.
func (s *State) choose(candidates []types.Image) error {
	for _, c := range candidates {
		i, err := imageOf(c)
		if err != nil {
			return err
		}
		if i.Source != "" {
			s.Foreign = append(s.Foreign, i.ID)
			continue
		}
		s.Images = append(s.Images, i)
	}
	slices.SortFunc(s.Images, newestFirst)
	s.Images = s.Images[:min(len(s.Images), maxImages)]
	return nil
}

// complete adds what depends on the first reads: what the group's images come from,
// images that events are about or that somebody asked for, what was tried, and who
// uses which version.
func (s *State) complete(ctx context.Context, t *turn, own []types.Image) error {
	if err := s.fill(ctx, t, own); err != nil {
		return err
	}
	s.tell(t.Tried)
	slices.SortFunc(s.Images, newestFirst)
	told := toldOf(t.Events)
	s.Foreign = slices.DeleteFunc(s.Foreign, func(id string) bool { return !slices.Contains(told, id) })
	slices.Sort(s.Foreign)
	s.Foreign = slices.Compact(s.Foreign)
	for i := range s.Templates {
		if found := &s.Templates[i]; len(found.Numbers) >= t.Config.Keep {
			by, err := launchtemplate.Uses(ctx, t.AWS, launchtemplate.Ref{ID: found.ID, Name: found.Name})
			if err != nil {
				return err
			}
			found.Uses = version.Uses(by)
		}
	}
	return nil
}

// tell takes note of how earlier runs have ended that tried the images.
func (s *State) tell(tried map[string]automation.Trial) {
	for _, i := range s.Images {
		if t, ok := tried[i.ID]; ok {
			s.Tried = append(s.Tried, Tried{Image: i.ID, Run: t.Run, Outcome: t.Outcome, Ended: t.Ended})
		}
	}
}

// fill reads the images that are not read yet and that matter all the same.
func (s *State) fill(ctx context.Context, t *turn, own []types.Image) error {
	wanted := append([]string{t.Config.Pin}, toldOf(t.Events)...)
	for _, found := range s.Templates {
		wanted = append(wanted, found.Current.ID)
	}
	read := map[string]Image{}
	add := func(images []types.Image) error {
		for _, found := range images {
			i, err := imageOf(found)
			if err != nil {
				return err
			}
			read[i.ID] = i
		}
		return nil
	}
	if err := add(own); err != nil {
		return err
	}
	for _, i := range s.Images {
		read[i.ID] = i
	}
	wanted = slices.DeleteFunc(wanted, func(id string) bool {
		_, known := read[id]
		return known || !strings.HasPrefix(id, "ami-")
	})
	slices.Sort(wanted)
	if wanted = slices.Compact(wanted); len(wanted) > 0 {
		// The image of a template may be another account's.
		others, err := ami.ByID(ctx, t.AWS.EC2, wanted)
		if err != nil {
			return err
		}
		if err := add(others); err != nil {
			return err
		}
	}
	for i, found := range s.Templates {
		if image, ok := read[found.Current.ID]; ok {
			s.Templates[i].Current = image
		}
	}
	for _, id := range slices.Sorted(maps.Keys(read)) {
		if _, chosen := s.image(id); chosen {
			continue
		}
		// Whoever may write to the bus can ask, so not for what is another account's.
		asked := id == s.Asked && s.Group.owns(read[id])
		if i := read[id]; i.Source == "" && (asked || id == t.Config.Pin) {
			s.Images = append(s.Images, i)
		} else if slices.Contains(toldOf(t.Events), id) {
			s.Foreign = append(s.Foreign, id)
		}
	}
	return nil
}

// asked is the image that the latest request of a person names.
func asked(events []event.Event) string {
	image := ""
	for _, e := range events {
		if r, ok, err := event.AsRolloutRequest(e); ok && err == nil {
			image = r.Image
		}
	}
	return image
}

func describeGroup(ctx context.Context, t *turn) (g scaling.AutoScalingGroup, found bool, err error) {
	out, err := t.AWS.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{t.Config.Group}})
	if err != nil {
		return g, false, fmt.Errorf("describe group %s: %w", t.Config.Group, err)
	}
	for _, g := range out.AutoScalingGroups {
		return g, true, nil
	}
	return g, false, nil
}

func groupOf(g scaling.AutoScalingGroup) Group {
	found := Group{
		Name: aws.ToString(g.AutoScalingGroupName), ARN: aws.ToString(g.AutoScalingGroupARN), Role: aws.ToString(g.ServiceLinkedRoleARN), Suspended: suspended(g),
		Desired: int(aws.ToInt32(g.DesiredCapacity)), Min: int(aws.ToInt32(g.MinSize)), Max: int(aws.ToInt32(g.MaxSize)),
		Running: len(g.Instances),
	}
	for _, i := range g.Instances {
		id := aws.ToString(i.InstanceId)
		if aws.ToBool(i.ProtectedFromScaleIn) {
			found.Protected = append(found.Protected, id)
		}
		if i.LifecycleState == scaling.LifecycleStateStandby {
			found.Standby = append(found.Standby, id)
		}
	}
	slices.Sort(found.Protected)
	slices.Sort(found.Standby)
	return found
}

// templatesOf are the templates that a group launches from, each once, with the
// versions that it names.
func templatesOf(g scaling.AutoScalingGroup) []Template {
	var all []Template
	for _, spec := range launchtemplate.Specs(g) {
		t := Template{ID: aws.ToString(spec.LaunchTemplateId), Name: aws.ToString(spec.LaunchTemplateName), Version: cmp.Or(aws.ToString(spec.Version), versionDefault)}
		i := slices.IndexFunc(all, func(known Template) bool { return known.ID == t.ID })
		switch {
		case i < 0:
			all = append(all, t)
		case all[i].Version != t.Version && !slices.Contains(all[i].Torn, t.Version):
			all[i].Torn = append(all[i].Torn, t.Version)
		}
	}
	return all
}

// readTemplate reads all versions of a template.
func readTemplate(ctx context.Context, t *turn, found Template) (Template, error) {
	all, err := launchtemplate.Describe(ctx, t.AWS.EC2, launchtemplate.Ref{ID: found.ID})
	if err != nil {
		return found, err
	}
	found.Name, found.Default, found.Latest, found.Numbers = all.Name, all.Default.Number, all.Latest.Number, all.Numbers()
	switch found.Version {
	case versionLatest:
		found.Number = found.Latest
	case versionDefault:
		found.Number = found.Default
	default:
		if found.Number, err = strconv.ParseInt(found.Version, 10, 64); err != nil {
			return found, failure.Stopf("group %s launches from version %q of %s, which is no number", t.Config.Group, found.Version, found.ID)
		}
	}
	i := slices.IndexFunc(all.Versions, func(v launchtemplate.Version) bool { return v.Number == found.Number })
	if i < 0 {
		return found, failure.Stopf("group %s launches from version %d of %s, which does not exist", t.Config.Group, found.Number, found.ID)
	}
	found.Type, found.Current.ID = all.Versions[i].Type, all.Versions[i].Image
	return found, nil
}

// refreshing is the instance refresh that is under way; "" if there is none.
func refreshing(ctx context.Context, t *turn) (string, error) {
	out, err := t.AWS.AutoScaling.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String(t.Config.Group), MaxRecords: aws.Int32(1)})
	if err != nil {
		return "", fmt.Errorf("describe the instance refreshes of group %s: %w", t.Config.Group, err)
	}
	for _, r := range out.InstanceRefreshes {
		switch r.Status {
		case scaling.InstanceRefreshStatusPending, scaling.InstanceRefreshStatusInProgress, scaling.InstanceRefreshStatusBaking,
			scaling.InstanceRefreshStatusCancelling, scaling.InstanceRefreshStatusRollbackInProgress:
			return aws.ToString(r.InstanceRefreshId), nil
		default:
		}
	}
	return "", nil
}

// describeCandidates are the images that the source chooses.
func describeCandidates(ctx context.Context, t *turn) ([]types.Image, error) {
	if i := t.Config.Source.Images; i != nil {
		var filters []types.Filter
		if i.Name != "" {
			filters = append(filters, filter.By("name", i.Name))
		}
		filters = append(filters, filter.Tags(i.Tags)...)
		all, err := describeImages(ctx, t, filters...)
		return slices.DeleteFunc(all, func(image types.Image) bool {
			return i.Name != "" && !wildcard.Match(i.Name, aws.ToString(image.Name))
		}), err
	}
	instances, err := backedUp(ctx, t)
	if err != nil {
		return nil, err
	}
	var all []types.Image
	for some := range slices.Chunk(instances, filterValues) {
		found, err := describeImages(ctx, t, filter.By("source-instance-id", some...), filter.By("name", backupName))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

const (
	// filterValues is how many values a filter of EC2 takes.
	filterValues = 200
	// backupName is what the images of AWS Backup are called.
	backupName = backupPrefix + "*"
)

// tagGroup is what Auto Scaling writes on the instances of a group
// (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html).
const tagGroup = "aws:autoscaling:groupName"

// backedUp are the instances whose backups count: those of the group, or those with
// the tags. EC2 shows terminated ones for about an hour.
func backedUp(ctx context.Context, t *turn) ([]string, error) {
	tags := t.Config.backedUp()
	var ids []string
	pages := ec2.NewDescribeInstancesPaginator(t.AWS.EC2, &ec2.DescribeInstancesInput{Filters: filter.Tags(tags), MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the instances with %s: %w", tagText(tags), err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if tagsOf(i.Tags)[tagTemporary] == "" {
					ids = append(ids, aws.ToString(i.InstanceId))
				}
			}
		}
	}
	return ids, nil
}

// describeImages are images of this account.
func describeImages(ctx context.Context, t *turn, filters ...types.Filter) ([]types.Image, error) {
	all, err := ami.Describe(ctx, t.AWS.EC2, ec2.DescribeImagesInput{Owners: []string{self}, Filters: filters, IncludeDeprecated: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("describe the images for group %s: %w", t.Config.Group, err)
	}
	return all, nil
}

func imageOf(i types.Image) (Image, error) {
	tags := tagsOf(i.Tags)
	image := Image{
		ID: aws.ToString(i.ImageId), Name: aws.ToString(i.Name), State: string(i.State), Architecture: string(i.Architecture), Owner: aws.ToString(i.OwnerId),
		Source: tags[tagSource], Instance: aws.ToString(i.SourceInstanceId),
	}
	if i.StateReason != nil {
		image.Why = aws.ToString(i.StateReason.Message)
	}
	for _, b := range i.BlockDeviceMappings {
		if b.Ebs == nil {
			continue
		}
		if b.Ebs.SnapshotId != nil {
			image.Snapshots = append(image.Snapshots, *b.Ebs.SnapshotId)
		}
		image.Stays = image.Stays || b.Ebs.DeleteOnTermination != nil && !*b.Ebs.DeleteOnTermination
	}
	var err error
	if image.Created, err = ami.Created(i); err != nil {
		return Image{}, err
	}
	if image.Source != "" {
		if image.From, err = time.Parse(time.RFC3339, tags[tagFrom]); err != nil {
			image.From = image.Created // somebody has changed the tag
		}
	}
	return image, nil
}
