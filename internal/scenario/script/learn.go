package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// What has come to be since the scenario began, and how it is called.

const (
	groupTag  = "aws:autoscaling:groupName"
	sourceTag = "drover:source"
	// builder is how instances are called that no group has launched: builder/1 and so on.
	builder = "builder"
	// madeFrom is how an image may be called by the one that it was made from, of which
	// its tags tell.
	madeFrom = "made-from:"
)

// learn gives what has been made meanwhile its name.
func (s *stage) learn() {
	built := map[string]int{}
	for _, i := range s.ImageBuilder.Images() {
		pipeline := aws.ToString(i.SourcePipelineName)
		built[pipeline]++
		if ami := s.ImageBuilder.Made(aws.ToString(i.Arn)); ami != "" {
			s.names.ids[member(pipeline, built[pipeline])] = ami
		}
	}
	for _, j := range s.Backup.Jobs() {
		if name := s.backups[j.ID]; name != "" && j.Image != "" {
			s.names.ids[name] = j.Image
			s.told[j.Image] = true
		}
	}
	named := map[string]bool{}
	for _, id := range s.names.ids {
		named[id] = true
	}
	for _, i := range s.EC2.Instances() {
		if named[i.ID] {
			continue
		}
		of := i.Tags[groupTag]
		if of == "" {
			of = builder
		}
		s.members[of]++
		s.names.add("instance", member(of, s.members[of]), i.ID, "")
	}
	for _, i := range s.EC2.Images() {
		switch {
		case named[i.ID]:
		case s.names.kind[i.Name] == "image" && s.names.ids[i.Name] == "":
			s.names.ids[i.Name] = i.ID
		default: // with names for the ids in what Drover calls it
			if name := s.names.shown(i.Name); name != "" {
				s.names.add("image", name, i.ID, "")
				s.told[i.ID] = true
			}
		}
	}
}

// image is the id of the image of a name, or the text as it is.
func (s *stage) image(name string) string {
	s.learn()
	from, made := strings.CutPrefix(name, madeFrom)
	if !made {
		return s.names.id(name)
	}
	found := name
	for _, i := range s.EC2.Images() { // the last is the newest
		if source := i.Tags[sourceTag]; i.State != types.ImageStateDeregistered && source != "" && (source == s.names.id(from) || strings.HasSuffix(source, "/"+s.names.id(from))) {
			found = i.ID
		}
	}
	return found
}

// made is the id of an image that there is by now.
func (s *stage) made(name string) (string, error) {
	id := s.image(name)
	if !imageID.MatchString(id) {
		return "", fmt.Errorf("there is no image %s yet", name)
	}
	return id, nil
}

// instance is the id of the instance of a name.
func (s *stage) instance(name string) string {
	s.learn()
	return s.names.id(name)
}

// everything are the ids of all that could be left behind.
func (s *stage) everything() (ids []string) {
	for _, i := range s.EC2.Instances() {
		ids = append(ids, i.ID)
	}
	for _, i := range s.EC2.Images() {
		ids = append(append(ids, i.ID), i.Snapshots...)
	}
	for _, v := range s.EC2.Volumes() {
		ids = append(ids, v.ID)
	}
	return append(ids, s.EC2.LooseSnapshots()...)
}

// left is what has been made since the scenario began and is still there.
func (s *stage) left() (all []string) {
	for _, i := range s.EC2.Instances() {
		gone := i.State == types.InstanceStateNameTerminated || i.State == types.InstanceStateNameShuttingDown
		if !s.own[i.ID] && i.Tags[groupTag] == "" && !gone {
			all = append(all, s.shown(i.ID))
		}
	}
	for _, i := range s.EC2.Images() {
		if !s.own[i.ID] && i.State != types.ImageStateDeregistered {
			all = append(all, s.shown(i.ID))
		}
	}
	for _, v := range s.EC2.Volumes() {
		if !s.own[v.ID] && v.Instance == "" {
			all = append(all, "volume "+v.ID)
		}
	}
	for _, id := range s.EC2.LooseSnapshots() {
		if !s.own[id] {
			all = append(all, "snapshot "+id)
		}
	}
	slices.Sort(all)
	return all
}

// settleBoots sets how instances of images boot that have been made meanwhile.
func (s *stage) settleBoots() {
	s.boots = slices.DeleteFunc(s.boots, func(b Boots) bool {
		id := s.image(b.Image)
		if !imageID.MatchString(id) {
			return false
		}
		s.EC2.SetBoot(id, b.boot())
		s.AutoScaling.FailImage(id, b.Unfit)
		return true
	})
}
