package elasticbeanstalk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is: branches in the order they were added, versions in the
// order of their ARNs. A row is never changed, only replaced.
type state struct {
	branches []*branch
	versions []*version
}

type branch struct {
	Branch
	order       int32
	recommended string // the ARN of a version, if somebody chose one
}

type version struct {
	Version
	arn              string
	status           types.PlatformStatus
	created, updated time.Time
}

func (s *state) clone() *state { return &state{slices.Clone(s.branches), slices.Clone(s.versions)} }

func (s *state) branch(name string) (branch, bool) {
	if i := s.branchIndex(name); i >= 0 {
		return *s.branches[i], true
	}
	return branch{}, false
}

func (s *state) branchIndex(name string) int {
	return slices.IndexFunc(s.branches, func(b *branch) bool { return b.Name == name })
}

func (s *state) find(arn string) (int, bool) {
	return slices.BinarySearchFunc(s.versions, arn, func(v *version, arn string) int { return strings.Compare(v.arn, arn) })
}

func (s *state) get(arn string) (version, bool) {
	if i, found := s.find(arn); found {
		return *s.versions[i], true
	}
	return version{}, false
}

func (s *state) put(v version) {
	i, found := s.find(v.arn)
	if found {
		s.versions[i] = &v
	} else {
		s.versions = slices.Insert(s.versions, i, &v)
	}
}

// arn has no account, and the name with its blanks (facts/awssamples.md 4.1).
func arn(m *awssim.Moment, branch, number string) string {
	return "arn:aws:elasticbeanstalk:" + m.Region() + "::platform/" + branch + "/" + number
}

// newest is the version of a branch with the highest number among those that keep
// chooses.
func (s *state) newest(branch string, keep func(version) bool) (version, bool) {
	var found *version
	for _, v := range s.versions {
		if v.Branch == branch && keep(*v) && (found == nil || compare(v.Number, found.Number) > 0) {
			found = v
		}
	}
	if found == nil {
		return version{}, false
	}
	return *found, true
}

// recommended says whether a version is the one that its branch recommends:
// "typically the most recent one" (doc of PlatformDescription).
func (s *state) recommended(v version) bool {
	b, _ := s.branch(v.Branch)
	if b.recommended != "" {
		return b.recommended == v.arn
	}
	newest, ok := s.newest(v.Branch, func(o version) bool { return o.status == types.PlatformStatusReady })
	return ok && newest.arn == v.arn
}

// compare orders numbers of versions: 2.10.0 comes after 2.9.0.
func compare(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, errA := strconv.Atoi(a)
		n, errB := strconv.Atoi(b)
		if errA != nil || errB != nil {
			return strings.Compare(a, b)
		}
		return cmp.Compare(m, n)
	})
}

// lifecycle is "Recommended" or nothing, in the spelling of AWS's own command line
// (lib:40733535104); the docs have it in lower case too.
func (s *state) lifecycle(v version) *string {
	if s.recommended(v) {
		return aws.String(recommended)
	}
	return nil
}

const recommended = "Recommended"
