package backup_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	backupsim "github.com/droverhq/drover/internal/awssim/backup"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	server = "i-00000000000000001"
	role   = "arn:aws:iam::123456789012:role/backup"
	whole  = 10*time.Minute + 30*time.Second // of a job
)

func instanceARN(id string) string { return "arn:aws:ec2:us-west-1:123456789012:instance/" + id }

type scene struct {
	t       *testing.T
	clock   *clock.Virtual
	world   *awssim.World
	sim     *backupsim.Service
	client  *backup.Client
	servers map[string]map[string]string // their tags
	images  map[string]backupsim.AMI     // in EC2
	events  []event.Event
}

// newScene has one instance, "server", and an EC2 that is a map.
func newScene(t *testing.T, times backupsim.Times) *scene {
	s := &scene{
		t: t, clock: clock.NewVirtual(dawn), images: map[string]backupsim.AMI{},
		servers: map[string]map[string]string{server: {"app": "web", "Name": "web-1", "aws:autoscaling:groupName": "web"}},
	}
	s.sim = backupsim.New(backupsim.Options{
		Times:      times,
		Images:     func(a backupsim.AMI) { s.images[a.ID] = a },
		Deregister: func(id string) { delete(s.images, id) },
		Instance: func(_ *awssim.Moment, id string) (map[string]string, bool) {
			tags, found := s.servers[id]
			return tags, found
		},
	})
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = backup.NewFromConfig(s.world.Config(), func(o *backup.Options) { o.RetryMaxAttempts = 1 })
	return s
}

// start starts a job by a call, of which change says more.
func (s *scene) start(token string, change func(*backup.StartBackupJobInput)) (string, error) {
	in := &backup.StartBackupJobInput{
		BackupVaultName: aws.String("Default"), IamRoleArn: aws.String(role), ResourceArn: aws.String(instanceARN(server)), IdempotencyToken: aws.String(token),
	}
	if change != nil {
		change(in)
	}
	out, err := s.client.StartBackupJob(s.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.BackupJobId, nil
}

func (s *scene) started(token string, change func(*backup.StartBackupJobInput)) string {
	s.t.Helper()
	id, err := s.start(token, change)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *scene) job(id string) *backup.DescribeBackupJobOutput {
	s.t.Helper()
	out, err := s.client.DescribeBackupJob(s.t.Context(), &backup.DescribeBackupJobInput{BackupJobId: &id})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *scene) point(arn string) (*backup.DescribeRecoveryPointOutput, error) {
	return s.client.DescribeRecoveryPoint(s.t.Context(), &backup.DescribeRecoveryPointInput{BackupVaultName: aws.String("Default"), RecoveryPointArn: &arn})
}

func (s *scene) remove(arn string) error {
	_, err := s.client.DeleteRecoveryPoint(s.t.Context(), &backup.DeleteRecoveryPointInput{BackupVaultName: aws.String("Default"), RecoveryPointArn: &arn})
	return err
}

func (s *scene) pass(d time.Duration) {
	s.clock.Advance(d)
	s.world.Settle()
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// told are the events, as "AMI id state" or, of a job, when and which state.
func (s *scene) told() []string {
	var all []string
	for _, e := range s.events {
		if d, ok, err := event.AsImageStateChange(e); ok && err == nil {
			all = append(all, "AMI "+d.State)
		} else if d, ok, err := event.AsBackupJobStateChange(e); ok && err == nil {
			all = append(all, strings.TrimSpace(fmt.Sprint(e.Time.Sub(dawn), " ", d.State, " ", d.Message)))
		} else {
			all = append(all, e.DetailType)
		}
	}
	return all
}

func TestJobInTime(t *testing.T) {
	s := newScene(t, backupsim.Times{Pending: time.Minute})
	id := s.started("1", func(in *backup.StartBackupJobInput) {
		in.RecoveryPointTags = map[string]string{"app": "mine", "kept": "yes"}
		in.BackupOptions = map[string]string{"WindowsVSS": "enabled"}
	})
	for _, step := range []struct {
		after  time.Duration
		state  types.BackupJobState
		images int
	}{
		{0, "CREATED", 0}, {30 * time.Second, "PENDING", 0}, {time.Minute, "RUNNING", 0}, {10*time.Minute - 1, "RUNNING", 0}, {1, "COMPLETED", 1}, {time.Hour, "COMPLETED", 1},
	} {
		s.pass(step.after)
		j := s.job(id)
		if j.State != step.state || len(s.images) != step.images || (j.RecoveryPointArn != nil) != (step.images > 0) || (j.ExpectedCompletionDate != nil) != (step.state == "RUNNING") {
			t.Errorf("%s later: %s, %d images, recovery point %v", step.after, j.State, len(s.images), j.RecoveryPointArn)
		}
	}
	j := s.job(id)
	image := s.images[strings.TrimPrefix(*j.RecoveryPointArn, "arn:aws:ec2:us-west-1::image/")]
	want := backupsim.AMI{
		ID: image.ID, Name: "AwsBackup_" + server + "_" + id, Description: "This image is created by the AWS Backup service.", Instance: server, Created: dawn.Add(whole + time.Minute),
		Tags: map[string]string{"Name": "web-1", "app": "mine", "kept": "yes", "aws:backup:source-resource": server},
	}
	if diff := cmp.Diff(want, image); diff != "" || image.ID == "" {
		t.Error(diff)
	}
	if *j.ResourceArn != instanceARN(server) || *j.ResourceType != "EC2" || *j.IamRoleArn != role || *j.BackupType != "WindowsVSS" || *j.PercentDone != "100.0" ||
		!j.CreationDate.Equal(dawn) || !j.CompletionDate.Equal(want.Created) || !j.StartBy.Equal(dawn.Add(8*time.Hour)) || j.CreatedBy != nil || j.StatusMessage != nil {
		t.Errorf("%+v", j)
	}
	if diff := cmp.Diff([]string{"12s CREATED", "42s PENDING", "1m42s RUNNING", "AMI available", "11m42s COMPLETED", "AWS API Call via CloudTrail"}, sorted(s.told())); diff != "" {
		t.Error(diff)
	}
	p, err := s.point(*j.RecoveryPointArn)
	if err != nil || p.Status != types.RecoveryPointStatusCompleted || *p.ResourceArn != instanceARN(server) || !p.CompletionDate.Equal(want.Created) {
		t.Errorf("%+v, %v", p, err)
	}
}

// A job takes as long as a scene says.
func TestJobThatTakesLonger(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	for takes, want := range map[time.Duration]time.Duration{0: whole, time.Hour: time.Hour, time.Second: 30 * time.Second} {
		began := s.clock.Now()
		id, err := s.sim.Start(backupsim.Job{Instance: server, Takes: takes})
		if err != nil {
			t.Fatal(err)
		}
		s.pass(want - 1)
		if j := s.job(id); j.State == types.BackupJobStateCompleted || j.ExpectedCompletionDate != nil && !j.ExpectedCompletionDate.Equal(began.Add(want)) {
			t.Errorf("of %s: %s, expected to be completed %v", takes, j.State, j.ExpectedCompletionDate)
		}
		if s.pass(1); s.job(id).State != types.BackupJobStateCompleted {
			t.Errorf("of %s: %s after %s", takes, s.job(id).State, want)
		}
	}
}

func sorted(told []string) []string { // CloudTrail's own delay does not matter here
	slices.SortStableFunc(told, func(a, b string) int {
		return strings.Compare(strings.Repeat("z", strings.Count(a, "CloudTrail")), strings.Repeat("z", strings.Count(b, "CloudTrail")))
	})
	return told
}

// Each event has the members of the samples of its state, and no other.
func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		sample, state string
		planned       bool
		prepare       func(*scene) error
		meanwhile     func(*scene, string) error // in the first second
	}{
		{sample: "created", state: "CREATED"},
		{sample: "pending", state: "PENDING"},
		{sample: "running", state: "RUNNING", planned: true},
		{sample: "completed", state: "COMPLETED"},
		{sample: "completed-ec2", state: "COMPLETED", planned: true},
		{sample: "completed-with-issues-ec2", state: "COMPLETED", planned: true, prepare: func(s *scene) error {
			return s.sim.EndNext(server, types.BackupJobStateCompleted, "Windows VSS Backup Job Error encountered, trying for regular backup")
		}},
		{sample: "failed", state: "FAILED", prepare: func(s *scene) error { return s.sim.EndNext(server, types.BackupJobStateFailed, "no vault") }},
		{sample: "expired", state: "EXPIRED", planned: true, prepare: func(s *scene) error { return s.sim.EndNext(server, types.BackupJobStateExpired, "too late") }},
		{sample: "aborted", state: "ABORTED", meanwhile: func(s *scene, id string) error { return s.sim.Abort(id) }},
	} {
		t.Run(tt.sample, func(t *testing.T) {
			data, err := os.ReadFile("../../event/testdata/samples/backup-job-" + tt.sample + ".json")
			if err != nil {
				t.Fatal(err)
			}
			sample, err := event.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			s := newScene(t, backupsim.Times{Pending: time.Minute})
			s.pass(207 * time.Millisecond)
			if tt.prepare != nil {
				if err := tt.prepare(s); err != nil {
					t.Fatal(err)
				}
			}
			var id string
			if tt.planned {
				if id, err = s.sim.Start(backupsim.Job{Instance: server}); err != nil {
					t.Fatal(err)
				}
			} else {
				id = s.started("1", nil)
			}
			if tt.meanwhile != nil {
				if err := tt.meanwhile(s, id); err != nil {
					t.Fatal(err)
				}
			}
			s.pass(9 * time.Hour)
			for _, e := range s.events {
				if !strings.Contains(string(e.Detail), `"state":"`+tt.state+`"`) {
					continue
				}
				if diff := cmp.Diff(shape(t, sample.Detail), shape(t, e.Detail)); diff != "" {
					t.Errorf("other members than the sample's:\n%s", diff)
				}
				if e.Source != sample.Source || e.DetailType != sample.DetailType || len(e.Resources) != len(sample.Resources) {
					t.Errorf("%s %s, resources %s", e.Source, e.DetailType, e.Resources)
				}
				return
			}
			t.Errorf("no such event: %s", s.told())
		})
	}
}

// A date says no more of a second than there is (the samples' startBy).
func TestDatesOfEvents(t *testing.T) {
	for since, want := range map[time.Duration]string{0: `"creationDate":"2026-01-02T03:04:05Z"`, 200 * time.Millisecond: `"creationDate":"2026-01-02T03:04:05.200Z"`} {
		s := newScene(t, backupsim.Times{})
		s.pass(since)
		s.started("1", nil)
		s.pass(15 * time.Second)
		if len(s.events) != 1 || !strings.Contains(string(s.events[0].Detail), want) {
			t.Errorf("%s: %+v", since, s.events)
		}
	}
}

// shape is an object with the kinds of its members in place of their values, and a
// string that is quoted once more as such.
func shape(t *testing.T, data json.RawMessage) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range all {
		switch v := value.(type) {
		case map[string]any:
			all[name] = slices.Sorted(maps.Keys(v))
		case string:
			_, date := time.Parse(time.RFC3339, v)
			_, spelt := time.Parse("Jan 2, 2006 3:04:05 PM", v)
			all[name] = fmt.Sprint("text, quoted ", strings.HasPrefix(v, `"`), ", date ", date == nil, spelt == nil)
		default:
			all[name] = fmt.Sprintf("%T", v)
		}
	}
	return all
}

func TestJobsThatEndOtherwise(t *testing.T) {
	for _, tt := range []struct {
		in    types.BackupJobState
		after time.Duration
		point types.RecoveryPointStatus // of what there is then
	}{
		{types.BackupJobStateFailed, whole, ""},
		{types.BackupJobStateAborted, whole, ""},
		{types.BackupJobStateExpired, time.Hour, ""},
		{types.BackupJobStatePartial, whole, types.RecoveryPointStatusPartial},
		{types.BackupJobStateCompleted, whole, types.RecoveryPointStatusCompleted},
	} {
		s := newScene(t, backupsim.Times{})
		if err := s.sim.EndNext(server, tt.in, "why"); err != nil {
			t.Fatal(err)
		}
		id := s.started("1", func(in *backup.StartBackupJobInput) { in.StartWindowMinutes = aws.Int64(60) })
		s.pass(tt.after - 1)
		before := s.job(id).State
		s.pass(1)
		j := s.job(id)
		if before == tt.in || j.State != tt.in || *j.StatusMessage != "why" || j.CompletionDate == nil || len(s.images) != len(s.sim.RecoveryPoints()) {
			t.Errorf("%s: was %s, is %+v", tt.in, before, j)
		}
		if points := s.sim.RecoveryPoints(); (tt.point == "") != (len(points) == 0) || tt.point != "" && points[0].Status != tt.point {
			t.Errorf("%s: recovery points %+v", tt.in, points)
		}
		if err := s.sim.Abort(id); err == nil {
			t.Errorf("%s: aborted after its end", tt.in)
		}
		next := s.started("2", nil) // only one was to end so
		s.pass(whole)
		if got := s.job(next).State; got != types.BackupJobStateCompleted {
			t.Errorf("after %s: %s", tt.in, got)
		}
	}
	s := newScene(t, backupsim.Times{})
	id := s.started("1", nil)
	delete(s.servers, server)
	s.pass(time.Hour)
	if j := s.job(id); j.State != types.BackupJobStateFailed || len(s.images) != 0 {
		t.Errorf("the instance is gone: %s, %d images", j.State, len(s.images))
	}
	if err := s.sim.EndNext(server, types.BackupJobStateRunning, ""); err == nil {
		t.Error("a job ends as RUNNING")
	}
	if err := s.sim.Abort("x"); err == nil {
		t.Error("aborted what is not there")
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	for name, tt := range map[string]struct {
		change func(*backup.StartBackupJobInput)
		want   string
	}{
		"no vault":       {func(in *backup.StartBackupJobInput) { in.BackupVaultName = aws.String("x") }, "ResourceNotFoundException"},
		"no instance":    {func(in *backup.StartBackupJobInput) { in.ResourceArn = aws.String(instanceARN("i-2")) }, "ResourceNotFoundException"},
		"short window":   {func(in *backup.StartBackupJobInput) { in.StartWindowMinutes = aws.Int64(59) }, "InvalidParameterValueException"},
		"no days at all": {func(in *backup.StartBackupJobInput) { in.Lifecycle = &types.Lifecycle{DeleteAfterDays: aws.Int64(0)} }, "InvalidParameterValueException"},
	} {
		if _, err := s.start("1", tt.change); code(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	var not *awssim.NotModelled
	for name, change := range map[string]func(*backup.StartBackupJobInput){
		"a volume": func(in *backup.StartBackupJobInput) {
			in.ResourceArn = aws.String("arn:aws:ec2:us-west-1:123456789012:volume/vol-1")
		},
		"a completion window": func(in *backup.StartBackupJobInput) { in.CompleteWindowMinutes = aws.Int64(120) },
		"cold storage": func(in *backup.StartBackupJobInput) {
			in.Lifecycle = &types.Lifecycle{MoveToColdStorageAfterDays: aws.Int64(1)}
		},
	} {
		if _, err := s.start("1", change); !errors.As(err, &not) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, describe := s.client.DescribeBackupJob(t.Context(), &backup.DescribeBackupJobInput{BackupJobId: aws.String("x")})
	_, point := s.point("x")
	for _, err := range []error{describe, point, s.remove("x")} {
		if code(err) != "ResourceNotFoundException" {
			t.Errorf("nothing is there: %v", err)
		}
	}
	_, first := s.client.ListRecoveryPointsByResource(t.Context(), &backup.ListRecoveryPointsByResourceInput{ResourceArn: aws.String("x"), MaxResults: aws.Int32(1001)})
	_, second := s.client.ListRecoveryPointsByResource(t.Context(), &backup.ListRecoveryPointsByResourceInput{ResourceArn: aws.String("x"), NextToken: aws.String("x")})
	if code(first) != "InvalidParameterValueException" || code(second) != "InvalidParameterValueException" {
		t.Errorf("%v, %v", first, second)
	}
	_, planned := s.sim.Start(backupsim.Job{Instance: "i-2"})
	_, vaultless := s.sim.AddCompletedJob(backupsim.Job{Instance: server, Vault: "x"}, time.Time{})
	if planned == nil || vaultless == nil || s.sim.RefuseDeletion("x") == nil || len(s.sim.Jobs()) != 0 {
		t.Errorf("%v, %v, jobs %+v", planned, vaultless, s.sim.Jobs())
	}
	s.sim.AddVault("x")
	if _, err := s.start("1", func(in *backup.StartBackupJobInput) { in.BackupVaultName = aws.String("x") }); err != nil {
		t.Error(err)
	}
}

// A token starts one job, however often it is used.
func TestToken(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	first, again, other := s.started("1", nil), s.started("1", nil), s.started("2", nil)
	if first != again || first == other || len(s.sim.Jobs()) != 2 {
		t.Errorf("%s, %s, %s: %+v", first, again, other, s.sim.Jobs())
	}
	var not *awssim.NotModelled
	if _, err := s.start("1", func(in *backup.StartBackupJobInput) { in.StartWindowMinutes = aws.Int64(90) }); !errors.As(err, &not) {
		t.Errorf("a token of another request: %v", err)
	}
}

func TestPlannedJobs(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	old, err := s.sim.AddCompletedJob(backupsim.Job{Instance: server}, dawn.Add(-24*time.Hour))
	if err != nil || len(s.events) != 0 {
		t.Fatal(err, s.told())
	}
	now, err := s.sim.AddCompletedJob(backupsim.Job{Instance: server, Plan: "nightly", Tags: map[string]string{"plan": "nightly"}}, time.Time{})
	if err != nil || len(s.images) != 2 {
		t.Fatal(err, s.images)
	}
	running, err := s.sim.Start(backupsim.Job{Instance: server})
	if err != nil {
		t.Fatal(err)
	}
	s.pass(time.Hour)
	for id, plan := range map[string]string{old: "bde0f455-4e24-4668-aeaa-4932a97f5cc5", now: "nightly", running: "bde0f455-4e24-4668-aeaa-4932a97f5cc5"} {
		if j := s.job(id); j.State != types.BackupJobStateCompleted || *j.CreatedBy.BackupPlanId != plan {
			t.Errorf("%s: %s by %+v", id, j.State, j.CreatedBy)
		}
	}
	if j := s.job(old); !j.CompletionDate.Equal(dawn.Add(-24 * time.Hour)) {
		t.Errorf("completed at %s", j.CompletionDate)
	}
	if diff := cmp.Diff([]string{"AMI available", "12s COMPLETED", "12s CREATED", "42s RUNNING", "AMI available", "10m42s COMPLETED"}, s.told()); diff != "" {
		t.Error(diff) // and no record of a call
	}
	view := s.sim.Jobs()[1]
	if want := (backupsim.View{
		ID: now, Instance: server, Vault: "Default", Plan: "nightly", State: types.BackupJobStateCompleted, RecoveryPoint: "arn:aws:ec2:us-west-1::image/" + view.Image, Image: view.Image,
		Created: dawn.Add(-whole), Completed: dawn,
	}); view != want {
		t.Errorf("got %+v, want %+v", view, want)
	}
	if image := s.images[view.Image]; image.Tags["plan"] != "nightly" || image.Tags["app"] != "web" {
		t.Errorf("%+v of %+v", image, view)
	}
	var listed []string
	for p := backup.NewListRecoveryPointsByResourcePaginator(s.client, &backup.ListRecoveryPointsByResourceInput{ResourceArn: aws.String(instanceARN(server)), ManagedByAWSBackupOnly: true}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.RecoveryPoints {
			listed = append(listed, *r.RecoveryPointArn)
		}
	}
	var want []string
	for _, p := range s.sim.RecoveryPoints() {
		want = append(want, p.ARN)
	}
	if diff := cmp.Diff(want, listed); diff != "" || len(want) != 3 {
		t.Error(diff)
	}
}

func TestRecoveryPointGoes(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	made := func(spec backupsim.Job) backupsim.View {
		t.Helper()
		spec.Instance = server
		if _, err := s.sim.AddCompletedJob(spec, time.Time{}); err != nil {
			t.Fatal(err)
		}
		all := s.sim.Jobs()
		return all[len(all)-1]
	}
	deleted, kept, ageing := made(backupsim.Job{}), made(backupsim.Job{}), made(backupsim.Job{DeleteAfterDays: 7})
	if err := s.remove(deleted.RecoveryPoint); err != nil {
		t.Fatal(err)
	}
	if p, err := s.point(deleted.RecoveryPoint); err != nil || p.Status != types.RecoveryPointStatusDeleting || s.images[deleted.Image].ID == "" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := s.remove(deleted.RecoveryPoint); code(err) != "InvalidResourceStateException" {
		t.Errorf("deleted twice: %v", err)
	}
	s.pass(time.Minute)
	if _, err := s.point(deleted.RecoveryPoint); code(err) != "ResourceNotFoundException" || s.images[deleted.Image].ID != "" {
		t.Errorf("it is still there: %v", err)
	}
	if j := s.job(deleted.ID); *j.RecoveryPointArn != deleted.RecoveryPoint {
		t.Errorf("its job says %s", *j.RecoveryPointArn)
	}

	if err := errors.Join(s.sim.RefuseDeletion(kept.RecoveryPoint), s.remove(kept.RecoveryPoint)); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Hour)
	if p, err := s.point(kept.RecoveryPoint); err != nil || p.Status != types.RecoveryPointStatusExpired || *p.StatusMessage == "" || s.images[kept.Image].ID == "" {
		t.Errorf("%+v, %v", p, err)
	}

	p, err := s.point(ageing.RecoveryPoint)
	if err != nil || *p.Lifecycle.DeleteAfterDays != 7 || !p.CalculatedLifecycle.DeleteAt.Equal(dawn.Add(7*24*time.Hour-whole)) {
		t.Fatalf("%+v, %v", p, err)
	}
	s.pass(7*24*time.Hour - whole - 2*time.Hour)
	if s.images[ageing.Image].ID == "" {
		t.Error("it is gone too early")
	}
	s.pass(2 * time.Hour)
	if s.images[ageing.Image].ID != "" {
		t.Error("it did not go in its time")
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	if _, err := s.sim.AddCompletedJob(backupsim.Job{Instance: server}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	arn := s.sim.RecoveryPoints()[0].ARN
	var asked []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		var with []string
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			with = append(with, fmt.Sprint(key, keys[key]))
		}
		asked = append(asked, strings.TrimSpace(strings.Join(append([]string{action, resource}, with...), " ")))
		return action != "backup:DeleteRecoveryPoint"
	})
	id := s.started("1", nil)
	s.job(id)
	_, err := s.point(arn)
	_, err2 := s.client.ListRecoveryPointsByResource(t.Context(), &backup.ListRecoveryPointsByResourceInput{ResourceArn: aws.String(instanceARN(server))})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if err := s.remove(arn); code(err) != "AccessDeniedException" {
		t.Errorf("allowed: %v", err)
	}
	of := arn + " aws:ResourceTag/Name[web-1] aws:ResourceTag/app[web] aws:ResourceTag/aws:backup:source-resource[" + server + "]"
	want := []string{
		"backup:StartBackupJob arn:aws:backup:us-west-1:123456789012:backup-vault:Default",
		"iam:PassRole " + role + " iam:PassedToService[backup.amazonaws.com]",
		"backup:DescribeBackupJob *",
		"backup:DescribeRecoveryPoint " + of,
		"backup:ListRecoveryPointsByResource *",
		"backup:DeleteRecoveryPoint " + of,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestCallsAreRecorded(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	id := s.started("1", nil)
	s.pass(whole)
	if err := s.remove(s.sim.RecoveryPoints()[0].ARN); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Hour)
	var told []string
	for _, e := range s.events {
		if c, ok, err := event.AsAPICall(e); ok && err == nil {
			told = append(told, strings.TrimSpace(strings.Join([]string{c.Service, c.Operation, c.Parameter("backupVaultName"), c.Element("backupJobId")}, " ")))
		}
	}
	if diff := cmp.Diff([]string{"backup.amazonaws.com StartBackupJob Default " + id, "backup.amazonaws.com DeleteRecoveryPoint Default"}, told); diff != "" {
		t.Error(diff)
	}
}

func TestStaleReads(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	s.world.StaleReads(func(awssim.Call) time.Duration { return 20 * time.Second })
	s.clock.Advance(time.Minute)
	id := s.started("1", nil)
	if _, err := s.client.DescribeBackupJob(t.Context(), &backup.DescribeBackupJobInput{BackupJobId: &id}); code(err) != "ResourceNotFoundException" {
		t.Errorf("seen at once: %v", err)
	}
	s.pass(40 * time.Second)
	if got := s.job(id).State; got != types.BackupJobStateCreated {
		t.Errorf("10 s after it began to run: %s", got)
	}
}

func TestDependencyFailure(t *testing.T) {
	s := newScene(t, backupsim.Times{})
	id := s.started("1", nil)
	s.world.Intercept(func(awssim.Call) awssim.Fault { return awssim.FailBefore(backupsim.DependencyFailure()) })
	_, err := s.client.DescribeBackupJob(t.Context(), &backup.DescribeBackupJobInput{BackupJobId: &id})
	var modelled *types.DependencyFailureException
	if !errors.As(err, &modelled) {
		t.Error(err)
	}
}
