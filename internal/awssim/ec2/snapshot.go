package ec2

// The snapshots of images. Not modelled: snapshots made by themselves, copies,
// tiers, and the `EBS Snapshot Notification`, of which facts/events has
// no sample.

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type snapshot struct {
	id, volume, owner, description string
	state                          types.SnapshotState
	started, completed             time.Time
	size                           int32  // GiB
	kmsKey                         string // the ARN of its key; empty if it is not encrypted
}

func (s snapshot) key() string { return s.id }

// noVolume is the volume of a snapshot that was copied; the id means nothing (doc of
// ec2 types.Snapshot.VolumeId).
const noVolume = "vol-ffffffff"

func (s snapshot) progress() string {
	if s.state == types.SnapshotStateCompleted {
		return "100%"
	}
	return "0%"
}

// finishSnapshots ends the snapshots of an image, as far as they still exist.
func (s *state) finishSnapshots(m *awssim.Moment, i image, into types.SnapshotState) {
	for _, id := range i.snapshots() {
		snap, ok := s.snapshots.get(id)
		if !ok {
			continue
		}
		snap.state = into
		if into == types.SnapshotStateCompleted {
			snap.completed = m.Now.UTC()
		}
		s.snapshots.put(snap)
	}
}

// userOf is the registered image that a snapshot belongs to.
func (s *state) userOf(id string) (image, bool) {
	return s.images.first(func(i image) bool {
		return slices.Contains(i.snapshots(), id) && i.state != types.ImageStateDeregistered
	})
}

// dropSnapshot deletes a snapshot together with its image, if the caller may (doc of
// ec2 types.DeleteSnapshotReturnCode).
func (s *state) dropSnapshot(m *awssim.Moment, id string) types.SnapshotReturnCodes {
	for _, r := range s.snapshotPermissions(m, id) {
		if r.Action = "ec2:DeleteSnapshot"; !m.Allowed(r) {
			return types.SnapshotReturnCodesErrorMissingPermissions
		}
	}
	s.snapshots.remove(id)
	s.tags.remove(id)
	return types.SnapshotReturnCodesSuccess
}

var snapshotFilters = filters[snapshot]{
	"snapshot-id": field(snapshot.key),
	"description": field(func(s snapshot) string { return s.description }),
	"owner-id":    field(func(s snapshot) string { return s.owner }),
	"progress":    field(snapshot.progress),
	"encrypted":   field(func(s snapshot) string { return strconv.FormatBool(s.kmsKey != "") }),
	"volume-size": field(func(s snapshot) string { return strconv.Itoa(int(s.size)) }),
	"status":      field(func(s snapshot) string { return string(s.state) }),
	"volume-id":   field(func(s snapshot) string { return s.volume }),
}

func describeSnapshots(m *awssim.Moment, s *state, in *ec2.DescribeSnapshotsInput) (*ec2.DescribeSnapshotsOutput, error) {
	owns, err := owners(m, in.OwnerIds)
	if err != nil {
		return nil, err
	}
	visible := table[snapshot]{}
	for _, r := range s.snapshots.all(func(r snapshot) bool { return owns(r.owner, "") }) {
		visible.put(r)
	}
	page, next, err := list(m, s, &visible, "snap", listing{ids: in.SnapshotIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, snapshotFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSnapshotsOutput{NextToken: next}
	for _, r := range page {
		shown := types.Snapshot{
			SnapshotId:  aws.String(r.id),
			VolumeId:    aws.String(r.volume),
			VolumeSize:  aws.Int32(r.size),
			OwnerId:     aws.String(r.owner),
			Description: aws.String(r.description),
			State:       r.state,
			Progress:    aws.String(r.progress()),
			StartTime:   aws.Time(r.started),
			Encrypted:   aws.Bool(r.kmsKey != ""),
			StorageTier: types.StorageTierStandard,
			Tags:        s.tagSet(r.id),
		}
		if r.kmsKey != "" {
			shown.KmsKeyId = aws.String(r.kmsKey)
		}
		if !r.completed.IsZero() {
			shown.CompletionTime = aws.Time(r.completed)
		}
		out.Snapshots = append(out.Snapshots, shown)
	}
	return out, nil
}

// deleteSnapshot refuses what a registered image needs (doc of ec2 DeleteSnapshot;
// the code as the API's list of errors has it).
func deleteSnapshot(_ *awssim.Moment, s *state, in *ec2.DeleteSnapshotInput) (*ec2.DeleteSnapshotOutput, error) {
	r, err := need(&s.snapshots, "snap", in.SnapshotId)
	if err != nil {
		return nil, err
	}
	if i, used := s.userOf(r.id); used {
		return nil, invalid("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", r.id, i.id)
	}
	s.snapshots.remove(r.id)
	s.tags.remove(r.id)
	return &ec2.DeleteSnapshotOutput{}, nil
}
