package backup

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is. A row is never changed, only replaced.
type state struct {
	options Options
	vaults  []string
	jobs    []*job          // in the order in which they were created
	points  []*point        // in the order in which they were made
	tokens  map[string]call // by idempotency token
	ends    map[string]end  // what becomes of the next job of an instance
}

type job struct {
	id, instance, vault, role string
	plan                      string // empty if somebody started it
	tags, backupOptions       map[string]string
	deleteAfterDays           int64 // 0: never
	created, completed        time.Time
	running                   time.Duration // for how long it is
	startBy                   time.Time
	state                     types.BackupJobState
	message                   string
	recoveryPoint             string // its ARN, once there is one
	end                       end
}

// point is a recovery point, which is an image.
type point struct {
	arn, image, job string
	vault           string
	tags            map[string]string // as the image has them
	status          types.RecoveryPointStatus
	message         string
	created         time.Time
	refuses         bool // to be deleted
}

// end is how a job ends, if not as usual.
type end struct {
	in      types.BackupJobState
	message string
}

// call is a StartBackupJob with an idempotency token.
type call struct{ parameters, job string }

func newState(o Options) *state {
	return &state{options: o, vaults: []string{"Default"}, tokens: map[string]call{}, ends: map[string]end{}}
}

func (s *state) clone() *state {
	return &state{
		options: s.options, vaults: slices.Clone(s.vaults), jobs: slices.Clone(s.jobs), points: slices.Clone(s.points),
		tokens: maps.Clone(s.tokens), ends: maps.Clone(s.ends),
	}
}

func (s *state) job(id string) (job, bool) {
	if i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.id == id }); i >= 0 {
		return *s.jobs[i], true
	}
	return job{}, false
}

func (s *state) putJob(j job) {
	if i := slices.IndexFunc(s.jobs, func(old *job) bool { return old.id == j.id }); i >= 0 {
		s.jobs[i] = &j
		return
	}
	s.jobs = append(s.jobs, &j)
}

func (s *state) point(arn string) (point, bool) {
	if i := slices.IndexFunc(s.points, func(p *point) bool { return p.arn == arn }); i >= 0 {
		return *s.points[i], true
	}
	return point{}, false
}

func (s *state) putPoint(p point) {
	if i := slices.IndexFunc(s.points, func(old *point) bool { return old.arn == p.arn }); i >= 0 {
		s.points[i] = &p
		return
	}
	s.points = append(s.points, &p)
}

func vaultARN(m *awssim.Moment, name string) string { return m.ARN("backup", "backup-vault:"+name) }

func instanceARN(m *awssim.Moment, id string) string { return m.ARN("ec2", "instance/"+id) }

// imageARN is the ARN of a recovery point of an instance: that of the image, which has
// no account (facts/events.md 5, facts/iam.md 1).
func imageARN(m *awssim.Moment, id string) string {
	return "arn:aws:ec2:" + m.Region() + "::image/" + id
}
