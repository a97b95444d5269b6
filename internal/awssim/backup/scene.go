package backup

// What tests and scenarios can see and do beside the API.

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// Job is a job that a backup plan runs: no call starts it, and CloudTrail tells of none.
type Job struct {
	Instance        string
	Vault           string            // default "Default"
	Role            string            // default that of AWS Backup itself
	Plan            string            // the id of the plan; there is a usual one
	Tags            map[string]string // of the recovery point, beside those of the instance
	DeleteAfterDays int64             // default never
	Takes           time.Duration     // from its creation to its end; default what [Times] say
}

// AddVault adds a vault.
func (s *Service) AddVault(name string) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.vaults = append(st.vaults, name) })
}

// Start starts a job as a backup plan does, and returns its id. It goes through its states
// as any other.
func (s *Service) Start(spec Job) (id string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		j, wrong := st.planned(m, spec)
		if err = wrong; err != nil {
			return
		}
		if j, err = st.start(m, j, 8*time.Hour); err != nil {
			err = fmt.Errorf("start backup of %s: %w", spec.Instance, err)
		}
		id = j.id
	})
	return id, err
}

// AddCompletedJob puts a job there that a backup plan has run and that completed at a
// time, with its image and its recovery point, and returns its id. If that is now, which
// is what the zero time means, its last event comes as any other's. No event tells of
// one in the past.
func (s *Service) AddCompletedJob(spec Job, completed time.Time) (id string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		j, wrong := st.planned(m, spec)
		if err = wrong; err != nil {
			return
		}
		past := !completed.IsZero() && completed.Before(m.Now)
		if !past {
			completed = m.Now
		}
		t := s.options.Times
		j.completed, j.created = completed.UTC(), completed.UTC().Add(-t.Created-t.Pending-j.running)
		j.id, j.startBy = m.UUID("backup-job"), j.created.Add(8*time.Hour)
		j = st.make(m, j, types.BackupJobStateCompleted)
		if past {
			j.state = types.BackupJobStateCompleted
			st.putJob(j)
		} else {
			m.Emit(event.NewImageStateChange(m.Account(), m.Region(), imageOf(j.recoveryPoint), "available", "", m.Now.UTC().Truncate(time.Second)))
			st.become(m, j, types.BackupJobStateCompleted)
		}
		id = j.id
	})
	return id, err
}

// planned is a job of a plan before it is created.
func (s *state) planned(m *awssim.Moment, spec Job) (job, error) {
	j := job{
		instance: spec.Instance, vault: cmp.Or(spec.Vault, "Default"), plan: cmp.Or(spec.Plan, "bde0f455-4e24-4668-aeaa-4932a97f5cc5"), // the samples'
		role: cmp.Or(spec.Role, "arn:aws:iam::"+m.Account()+":role/service-role/AWSBackupDefaultServiceRole"),
		tags: maps.Clone(spec.Tags), deleteAfterDays: spec.DeleteAfterDays, running: s.options.Times.Running,
	}
	if t := s.options.Times; spec.Takes > 0 {
		j.running = max(0, spec.Takes-t.Created-t.Pending)
	}
	if _, found := s.tagsOf(m, j.instance); !found {
		return job{}, fmt.Errorf("no instance %q to back up", j.instance)
	}
	if !slices.Contains(s.vaults, j.vault) {
		return job{}, fmt.Errorf("no backup vault %q", j.vault)
	}
	return j, nil
}

// EndNext has the next job of an instance that is started end in another way: FAILED,
// ABORTED or PARTIAL when it would be COMPLETED, EXPIRED when its start window is over,
// or COMPLETED with a message, which is what the console calls "with issues"
// (facts/events.md 5). The message is without the quotes that events have around it.
func (s *Service) EndNext(instance string, in types.BackupJobState, message string) error {
	switch in {
	case types.BackupJobStateCompleted, types.BackupJobStatePartial, types.BackupJobStateFailed, types.BackupJobStateAborted, types.BackupJobStateExpired:
	default:
		return fmt.Errorf("a backup job does not end as %q", in)
	}
	s.store.Do(func(_ *awssim.Moment, st *state) { st.ends[instance] = end{in, message} })
	return nil
}

// Abort aborts a job that has not ended, as somebody else does.
func (s *Service) Abort(id string) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		j, ok := st.job(id)
		if !ok || !j.completed.IsZero() {
			err = fmt.Errorf("abort %q: not a backup job that is under way", id)
			return
		}
		j.message, j.completed = "Backup job was stopped by user.", m.Now.UTC() // the sample's
		st.become(m, j, types.BackupJobStateAborted)
	})
	return err
}

// RefuseDeletion has a recovery point be EXPIRED instead of deleted, whoever deletes it,
// as where its role has lost the permission.
func (s *Service) RefuseDeletion(recoveryPoint string) (err error) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		p, ok := st.point(recoveryPoint)
		if !ok {
			err = fmt.Errorf("no recovery point %q", recoveryPoint)
			return
		}
		p.refuses = true
		st.putPoint(p)
	})
	return err
}

// View is a job as it is at present.
type View struct {
	ID, Instance, Vault  string
	Plan                 string // empty if somebody started it
	State                types.BackupJobState
	Message              string
	RecoveryPoint, Image string // empty as long as there is none
	Created, Completed   time.Time
}

// Jobs are all jobs, in the order in which they were created here.
func (s *Service) Jobs() []View {
	var all []View
	s.store.View(func(st *state) {
		for _, j := range st.jobs {
			all = append(all, View{j.id, j.instance, j.vault, j.plan, j.state, j.message, j.recoveryPoint, imageOf(j.recoveryPoint), j.created, j.completed})
		}
	})
	return all
}

// RecoveryPoint is a recovery point as it is at present.
type RecoveryPoint struct {
	ARN, Image, Vault, Job string
	Status                 types.RecoveryPointStatus
}

// RecoveryPoints are all that there are, in the order in which they were made.
func (s *Service) RecoveryPoints() []RecoveryPoint {
	var all []RecoveryPoint
	s.store.View(func(st *state) {
		for _, p := range st.points {
			all = append(all, RecoveryPoint{p.arn, p.image, p.vault, p.job, p.status})
		}
	})
	return all
}
