package ssm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	ssmsim "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// machines is a scene with instances in it.
type machines struct {
	*scene
	ec2    *ec2.Client
	sim2   *ec2sim.Service
	subnet string
}

func newMachines(t *testing.T, o awssim.Options) *machines {
	t.Helper()
	s := &machines{scene: &scene{t: t, clock: clock.NewVirtual(dawn)}, sim2: ec2sim.New(ec2sim.Times{})}
	s.sim = ssmsim.New(ssmsim.Options{Tags: s.sim2.TagsOf, ShutDown: s.sim2.ShutDownFromWithin, Agentless: s.sim2.BootsWithoutAgent})
	s.world = awssim.New(s.clock, o, s.sim2, s.sim)
	s.sim2.WatchInstances(func(m *awssim.Moment, id string, state ec2types.InstanceStateName) {
		s.sim.InstanceIs(m, id, string(state))
	})
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = ssm.NewFromConfig(s.world.Config(), func(o *ssm.Options) { o.RetryMaxAttempts = 1 })
	s.ec2 = ec2.NewFromConfig(s.world.Config())
	vpc, err := s.sim2.PlaceVPC(ec2sim.VPC{CIDR: "10.0.0.0/16"})
	if err == nil {
		s.subnet, err = s.sim2.PlaceSubnet("", vpc, "10.0.1.0/24", "us-west-1a")
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// place puts an instance there whose agent is online.
func (s *machines) place(tags map[string]string) string {
	s.t.Helper()
	id, err := s.sim2.PlaceInstance(ec2sim.PlacedInstance{Subnet: s.subnet, Tags: tags})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *machines) launch() string {
	s.t.Helper()
	out, err := s.ec2.RunInstances(s.t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.Instances[0].InstanceId
}

// turn starts, stops or terminates an instance.
func (s *machines) turn(verb, id string) {
	s.t.Helper()
	var err error
	switch ids := []string{id}; verb {
	case "start":
		_, err = s.ec2.StartInstances(s.t.Context(), &ec2.StartInstancesInput{InstanceIds: ids})
	case "stop":
		_, err = s.ec2.StopInstances(s.t.Context(), &ec2.StopInstancesInput{InstanceIds: ids})
	case "terminate":
		_, err = s.ec2.TerminateInstances(s.t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *machines) state(id string) string {
	s.t.Helper()
	out, err := s.ec2.DescribeInstances(s.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(out.Reservations[0].Instances[0].State.Name)
}

// send sends a document to instances, and is the id of the command.
func (s *machines) send(document string, ids ...string) string {
	s.t.Helper()
	out, err := s.client.SendCommand(s.t.Context(), &ssm.SendCommandInput{DocumentName: &document, InstanceIds: ids})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.Command.CommandId
}

// status is "status details code", or the error's code.
func (s *machines) status(command, id string) string {
	out, err := s.client.GetCommandInvocation(s.t.Context(), &ssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id})
	if err != nil {
		return code(err)
	}
	return fmt.Sprint(out.Status, " ", *out.StatusDetails, " ", out.ResponseCode)
}

// told is what was told of invocations, and when after the given time.
func (s *machines) told(since time.Time) string {
	s.t.Helper()
	s.world.Settle()
	var all []string
	for _, e := range s.events {
		switch d, ok, err := event.AsCommandInvocationChange(e); {
		case err != nil:
			s.t.Error(err)
		case ok:
			all = append(all, fmt.Sprint(d.Status, " ", e.Time.Sub(since)))
		}
	}
	return strings.Join(all, ", ")
}

const own = "Own-Document" // of the account

func TestAgents(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.launch()
	agent := func() string {
		s.t.Helper()
		out, err := s.client.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{
			Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: []string{id}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(ssmsim.RunSysprep), InstanceIds: []string{id}})
		if len(out.InstanceInformationList) == 0 {
			return strings.TrimSpace("hidden " + code(err))
		}
		i := out.InstanceInformationList[0]
		if !i.RegistrationDate.Equal(dawn.Add(48 * time.Second)) {
			t.Errorf("registered %v", i.RegistrationDate)
		}
		return strings.TrimSpace(fmt.Sprint(i.PingStatus, " ", s.clock.Now().Sub(*i.LastPingDateTime), " ", code(err)))
	}
	for _, step := range []struct {
		do   string
		wait time.Duration
		want string // status, how long after the last ping, what SendCommand is told
	}{
		{"", 47 * time.Second, "hidden InvalidInstanceId"},
		{"", time.Second, "Online 0s"},
		{"stop", 19 * time.Second, "Online 19s"}, // stopping
		{"", time.Second, "hidden"},              // a stopped one takes commands
		{"start", 10 * time.Second, "Online 30s"},
		{"", 38 * time.Second, "Online 0s"},
		{"none", time.Minute, "Online 1m0s"},
		{"", 4 * time.Minute, "ConnectionLost 5m0s"},
		{"some", 40 * time.Second, "Online 0s"},
		{"none", 0, "Online 0s"},
		{"stop", time.Minute, "hidden"},
		{"some", time.Minute, "hidden"},
		{"start", 47 * time.Second, "Online 2m47s"},
		{"", time.Second, "Online 0s"},
		{"terminate", 4 * time.Second, "Online 4s InvalidInstanceId"}, // shutting down
		{"", time.Second, "hidden InvalidInstanceId"},
	} {
		switch step.do {
		case "none", "some":
			s.sim.SetAgent(id, step.do == "some")
		case "":
		default:
			s.turn(step.do, id)
		}
		s.clock.Advance(step.wait)
		if got := agent(); got != step.want {
			t.Fatalf("%s, %v later: %s, want %s", step.do, step.wait, got, step.want)
		}
	}
}

func TestAnInstanceWithoutAnAgent(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.launch()
	s.sim.SetAgent(id, false)
	s.clock.Advance(time.Hour)
	_, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(ssmsim.RunSysprep), InstanceIds: []string{id}})
	if code(err) != "InvalidInstanceId" || !strings.Contains(err.Error(), "Instances [["+id+"]] not in a valid state for account 123456789012") {
		t.Errorf("sent to it: %v", err)
	}
	if got := s.sim.Commands(); len(got) != 0 {
		t.Errorf("there are commands: %v", got)
	}
}

// What an instance was about to do before it was stopped does not happen afterwards.
// An image without an agent: no instance of it takes commands, and others do.
func TestAnImageWithoutAnAgent(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	s.sim2.SetBoot("ami-1", ec2sim.Boot{Agentless: true})
	bare, well := s.launch(), s.place(nil)
	s.clock.Advance(time.Hour)
	for _, id := range []string{bare, well} {
		_, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(ssmsim.RunSysprep), InstanceIds: []string{id}})
		if refused := err != nil; refused != (id == bare) {
			t.Errorf("%s takes a command: %v", id, err)
		}
	}
	if usual := ssmsim.Usual(ssmsim.RunSysprep); usual.End != ssmsim.ShutsDown || ssmsim.Usual("Deploy") != (ssmsim.Behaviour{}) {
		t.Errorf("sysprep usually %+v", usual)
	}
}

func TestNothingSurvivesARestart(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.launch()
	s.clock.Advance(20 * time.Second) // its agent would come 28 s from now
	s.turn("stop", id)
	s.clock.Advance(20 * time.Second)
	s.turn("start", id)
	s.clock.Advance(47 * time.Second)
	if _, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(ssmsim.RunSysprep), InstanceIds: []string{id}}); code(err) != "InvalidInstanceId" {
		t.Errorf("sent before its agent has ever been online: %v", err)
	}
	s.clock.Advance(time.Second)
	s.sim.Behave(own, ssmsim.Behaviour{End: ssmsim.ReportsThenShutsDown, Lingers: time.Hour})
	s.send(own, id)
	s.clock.Advance(time.Minute)
	s.turn("stop", id)
	s.clock.Advance(time.Minute)
	s.turn("start", id)
	s.clock.Advance(2 * time.Hour)
	if got := s.state(id); got != "running" {
		t.Errorf("it is %s", got)
	}
}

func TestDescribeInstanceInformation(t *testing.T) {
	s := newMachines(t, awssim.Options{PageSize: 2})
	var ids []string // ascending
	for range 5 {
		ids = append(ids, s.place(nil))
	}
	lost := ids[1]
	s.sim.SetAgent(lost, false)
	s.clock.Advance(5 * time.Minute)
	describe := func(filters ...types.InstanceInformationStringFilter) (got []string) {
		for p := ssm.NewDescribeInstanceInformationPaginator(s.client, &ssm.DescribeInstanceInformationInput{Filters: filters}); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.InstanceInformationList {
				got = append(got, *i.InstanceId)
			}
		}
		return got
	}
	by := func(key string, values ...string) types.InstanceInformationStringFilter {
		return types.InstanceInformationStringFilter{Key: &key, Values: values}
	}
	for _, tt := range []struct {
		filters []types.InstanceInformationStringFilter
		want    []string
	}{
		{nil, ids},
		{[]types.InstanceInformationStringFilter{by("PingStatus", "Online")}, slices.Concat(ids[:1], ids[2:])},
		{[]types.InstanceInformationStringFilter{by("PingStatus", "ConnectionLost")}, []string{lost}},
		{[]types.InstanceInformationStringFilter{by("InstanceIds", ids[0], lost), by("PingStatus", "Online")}, ids[:1]},
		{[]types.InstanceInformationStringFilter{by("InstanceIds", "i-0123456789abcdef0")}, nil},
	} {
		if got := describe(tt.filters...); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.filters, got, tt.want)
		}
	}
	var not *awssim.NotModelled
	for in, want := range map[*ssm.DescribeInstanceInformationInput]string{
		{Filters: []types.InstanceInformationStringFilter{by("AgentVersion", "3")}}: `ssm:DescribeInstanceInformation: filter "AgentVersion" is not modelled`,
		{MaxResults: aws.Int32(4)}: "",
	} {
		_, err := s.client.DescribeInstanceInformation(t.Context(), in)
		if errors.As(err, &not) && not.Error() != want || not == nil && code(err) != "ValidationException" {
			t.Errorf("%v", err)
		}
		not = nil
	}
}

// What comes of a document, as it is told and as it is shown in the end.
func TestBehaviours(t *testing.T) {
	for name, tt := range map[string]struct {
		behaviour ssmsim.Behaviour
		meanwhile func(s *machines, id string) // a minute later
		told, end string
		stdout    string
		elapsed   string
	}{
		"succeeds": {
			behaviour: ssmsim.Behaviour{Takes: 5500 * time.Millisecond, Output: "done", Error: "a warning"},
			told:      "InProgress 1s, Success 6s", end: "Success Success 0", stdout: "done", elapsed: "PT5.5S",
		},
		"at once":   {told: "InProgress 1s, Success 1s", end: "Success Success 0", elapsed: "PT0S"},
		"fails":     {behaviour: ssmsim.Behaviour{Takes: 90 * time.Minute, ExitCode: 3010}, told: "InProgress 1s, Failed 1h30m1s", end: "Failed Failed 3010", elapsed: "PT1H30M"},
		"hangs":     {behaviour: ssmsim.Behaviour{End: ssmsim.Hangs}, told: "InProgress 1s, TimedOut 2h0m1s", end: "TimedOut ExecutionTimedOut 137", elapsed: "PT2H"},
		"too long":  {behaviour: ssmsim.Behaviour{Takes: 3 * time.Hour}, told: "InProgress 1s, TimedOut 2h0m1s", end: "TimedOut ExecutionTimedOut 137", elapsed: "PT2H"},
		"never":     {behaviour: ssmsim.Behaviour{End: ssmsim.NeverDelivered}, told: "TimedOut 2h10m0s", end: "TimedOut DeliveryTimedOut -1"},
		"shut down": {behaviour: ssmsim.Behaviour{End: ssmsim.ShutsDown, Takes: time.Minute, Output: "lost"}, told: "InProgress 1s, TimedOut 2h10m0s", end: "TimedOut DeliveryTimedOut -1", elapsed: "PT2H9M59S"},
		"shut down and started": {
			behaviour: ssmsim.Behaviour{End: ssmsim.ShutsDown, Takes: 10 * time.Second},
			meanwhile: func(s *machines, id string) { s.turn("start", id) },
			told:      "InProgress 1s, Failed 1m48s", end: "Failed Failed 1", elapsed: "PT1M47S",
		},
		"reported": {
			behaviour: ssmsim.Behaviour{End: ssmsim.ReportsThenShutsDown, Takes: time.Second, Lingers: time.Minute, Output: "bye"},
			told:      "InProgress 1s, Success 2s", end: "Success Success 0", stdout: "bye", elapsed: "PT1S",
		},
		"stopped by somebody": {
			behaviour: ssmsim.Behaviour{Takes: 10 * time.Minute},
			meanwhile: func(s *machines, id string) { s.turn("stop", id) },
			told:      "InProgress 1s, TimedOut 2h10m0s", end: "TimedOut DeliveryTimedOut -1", elapsed: "PT2H9M59S",
		},
		"terminated": {
			behaviour: ssmsim.Behaviour{Takes: 10 * time.Minute},
			meanwhile: func(s *machines, id string) { s.turn("terminate", id) },
			told:      "InProgress 1s, TimedOut 2h10m0s", end: "TimedOut DeliveryTimedOut -1", elapsed: "PT2H9M59S",
		},
		"its agent dies and comes back": {
			behaviour: ssmsim.Behaviour{Takes: 10 * time.Minute},
			meanwhile: func(s *machines, id string) { s.sim.SetAgent(id, false); s.sim.SetAgent(id, true) },
			told:      "InProgress 1s, Failed 1m40s", end: "Failed Failed 1", elapsed: "PT1M39S",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMachines(t, awssim.Options{})
			s.sim.Behave(own, tt.behaviour)
			id := s.place(nil)
			out, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{
				DocumentName: aws.String(own), InstanceIds: []string{id}, TimeoutSeconds: aws.Int32(600),
				Parameters: map[string][]string{"executionTimeout": {"7200"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Command.ExpiresAfter.Sub(dawn); got != 130*time.Minute {
				t.Errorf("expires %v after it was sent", got)
			}
			command := *out.Command.CommandId
			if got := s.status(command, id); got != "Pending Pending -1" {
				t.Errorf("just sent: %s", got)
			}
			s.clock.Advance(time.Minute)
			if tt.meanwhile != nil {
				tt.meanwhile(s, id)
			}
			s.clock.Advance(24 * time.Hour)
			if got := s.told(dawn); got != tt.told {
				t.Errorf("told: %s, want %s", got, tt.told)
			}
			if got := s.status(command, id); got != tt.end {
				t.Errorf("in the end: %s, want %s", got, tt.end)
			}
			shown, err := s.client.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id})
			if err != nil || *shown.StandardOutputContent != tt.stdout || *shown.ExecutionElapsedTime != tt.elapsed {
				t.Errorf("output %q, elapsed %s, %v; want %q, %s", *shown.StandardOutputContent, *shown.ExecutionElapsedTime, err, tt.stdout, tt.elapsed)
			}
		})
	}
}

// Sysprep stops the machine, whatever becomes of the command.
func TestSysprep(t *testing.T) {
	for name, tt := range map[string]struct {
		behaviour *ssmsim.Behaviour
		told      string // in ten minutes
		stops     time.Duration
	}{
		"as it is":     {nil, "InProgress 1s", 3*time.Minute + time.Second},
		"reports":      {&ssmsim.Behaviour{End: ssmsim.ReportsThenShutsDown, Takes: 9 * time.Second, Lingers: 2 * time.Minute}, "InProgress 1s, Success 10s", 2*time.Minute + 10*time.Second},
		"stays up":     {&ssmsim.Behaviour{}, "InProgress 1s, Success 1s", 0},
		"is cancelled": {nil, "InProgress 1s, Cancelling 1m0s, Cancelled 1m1s", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMachines(t, awssim.Options{})
			if tt.behaviour != nil {
				s.sim.Behave(ssmsim.RunSysprep, *tt.behaviour)
			}
			id := s.place(nil)
			command := s.send(ssmsim.RunSysprep, id)
			s.clock.Advance(time.Minute)
			if name == "is cancelled" {
				if _, err := s.client.CancelCommand(t.Context(), &ssm.CancelCommandInput{CommandId: &command}); err != nil {
					t.Fatal(err)
				}
			}
			s.clock.Advance(9 * time.Minute)
			if got := s.told(dawn); got != tt.told {
				t.Errorf("told: %s, want %s", got, tt.told)
			}
			var stops []string
			for _, e := range s.events {
				if d, ok, _ := event.AsInstanceStateChange(e); ok {
					stops = append(stops, fmt.Sprint(d.State, " ", e.Time.Sub(dawn)))
				}
			}
			want, state := []string(nil), "running"
			if tt.stops > 0 {
				want, state = []string{fmt.Sprint("stopping ", tt.stops), fmt.Sprint("stopped ", tt.stops+20*time.Second)}, "stopped"
			}
			if got := s.state(id); got != state || !slices.Equal(stops, want) {
				t.Errorf("it is %s after %v, want %s after %v", got, stops, state, want)
			}
		})
	}
}

// A command waits for an agent that is away, unless AWS knows that it is, and not for
// longer than it says.
func TestDelivery(t *testing.T) {
	for name, tt := range map[string]struct {
		away, back time.Duration // before and after it is sent
		told       string
	}{
		"back soon":     {time.Minute, time.Minute, "Delayed 1s, InProgress 1m40s, Success 1m40s"},
		"back too late": {time.Minute, 10 * time.Minute, "Delayed 1s, TimedOut 1h10m0s"},
		"never back":    {time.Minute, 0, "Delayed 1s, TimedOut 1h10m0s"},
		"known to be":   {5 * time.Minute, time.Minute, "Failed 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMachines(t, awssim.Options{})
			s.sim.Behave(own, ssmsim.Behaviour{})
			id := s.place(nil)
			s.sim.SetAgent(id, false)
			s.clock.Advance(tt.away)
			sent := s.clock.Now()
			out, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(own), InstanceIds: []string{id}, TimeoutSeconds: aws.Int32(600)})
			if err != nil {
				t.Fatal(err)
			}
			s.clock.Advance(tt.back)
			if tt.back > 0 {
				s.sim.SetAgent(id, true)
			}
			s.clock.Advance(2 * time.Hour)
			if got := s.told(sent); got != tt.told {
				t.Errorf("told: %s, want %s", got, tt.told)
			}
			if got := s.status(*out.Command.CommandId, id); name == "known to be" && got != "Failed Undeliverable -1" {
				t.Errorf("it is %s", got)
			}
			if got := s.sim.Commands()[0].Status == types.CommandStatusSuccess; got != strings.Contains(tt.told, "Success") {
				t.Errorf("the command has succeeded: %t", got)
			}
		})
	}
}

// Each run of a document may be another.
func TestBehaveAs(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.place(nil)
	var runs []ssmsim.Run
	s.sim.BehaveAs(ssmsim.RunPowerShellScript, func(r ssmsim.Run) ssmsim.Behaviour {
		runs = append(runs, r)
		return ssmsim.Behaviour{ExitCode: int32(2 - len(runs))}
	})
	var commands []string
	for range 2 {
		in := &ssm.SendCommandInput{
			DocumentName: aws.String("arn:aws:ssm:us-west-1::document/AWS-RunPowerShellScript"), DocumentVersion: aws.String("1"),
			InstanceIds: []string{id}, Comment: aws.String("mark"), Parameters: map[string][]string{"commands": {"a", "b"}},
		}
		out, err := s.client.SendCommand(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		in.Parameters["commands"][0], out.Command.Parameters["commands"][1] = "of the caller", "too"
		commands = append(commands, *out.Command.CommandId)
		s.clock.Advance(time.Second)
	}
	want := ssmsim.Run{Command: commands[1], Document: ssmsim.RunPowerShellScript, Instance: id, Comment: "mark", Parameters: map[string][]string{"commands": {"a", "b"}}}
	if got := s.status(commands[0], id) + ", " + s.status(commands[1], id); got != "Failed Failed 1, Success Success 0" {
		t.Errorf("they end %s", got)
	}
	if diff := cmp.Diff(want, runs[1]); diff != "" {
		t.Error(diff)
	}
}

func TestSendCommandErrors(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	s.sim.Behave(own, ssmsim.Behaviour{})
	id := s.place(map[string]string{"role": "builder"})
	tag := func(key string, values ...string) []types.Target { return []types.Target{{Key: &key, Values: values}} }
	script := map[string][]string{"commands": {"date"}}
	many := make([]string, 51)
	for name, tt := range map[string]struct {
		in   ssm.SendCommandInput
		want string
	}{
		"one of one's own":      {ssm.SendCommandInput{DocumentName: aws.String(own), Parameters: map[string][]string{"any": {"thing"}}}, ""},
		"a script":              {ssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), Parameters: script}, ""},
		"no document":           {ssm.SendCommandInput{DocumentName: aws.String("AWS-None")}, "InvalidDocument"},
		"another account's":     {ssm.SendCommandInput{DocumentName: aws.String("arn:aws:ssm:us-west-1:999999999999:document/" + own)}, "InvalidDocument"},
		"a version":             {ssm.SendCommandInput{DocumentVersion: aws.String("$LATEST")}, ""},
		"no version":            {ssm.SendCommandInput{DocumentVersion: aws.String("7")}, "InvalidDocumentVersion"},
		"nothing to run":        {ssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript")}, "InvalidParameters"},
		"what it does not take": {ssm.SendCommandInput{Parameters: script}, "InvalidParameters"},
		"no time":               {ssm.SendCommandInput{DocumentName: aws.String(own), Parameters: map[string][]string{"executionTimeout": {"long"}}}, "InvalidParameters"},
		"delivered too soon":    {ssm.SendCommandInput{TimeoutSeconds: aws.Int32(29)}, "ValidationException"},
		"delivered too late":    {ssm.SendCommandInput{TimeoutSeconds: aws.Int32(2_592_001)}, "ValidationException"},
		"100 characters":        {ssm.SendCommandInput{Comment: aws.String(strings.Repeat("ü", 100))}, ""},
		"101 characters":        {ssm.SendCommandInput{Comment: aws.String(strings.Repeat("x", 101))}, "ValidationException"},
		"unknown instance":      {ssm.SendCommandInput{InstanceIds: []string{id, "i-0123456789abcdef0"}}, "InvalidInstanceId"},
		"twice":                 {ssm.SendCommandInput{InstanceIds: []string{id, id}}, "DuplicateInstanceId"},
		"too many":              {ssm.SendCommandInput{InstanceIds: many}, "ValidationException"},
		"ids and targets":       {ssm.SendCommandInput{InstanceIds: []string{id}, Targets: tag("InstanceIds", id)}, "ValidationException"},
		"targets":               {ssm.SendCommandInput{Targets: tag("InstanceIds", id)}, ""},
		"unknown target":        {ssm.SendCommandInput{Targets: tag("InstanceIds", "i-0123456789abcdef0")}, "InvalidInstanceId"},
		"by tag":                {ssm.SendCommandInput{Targets: tag("tag:role", "x", "builder")}, ""},
		"by tag, none":          {ssm.SendCommandInput{Targets: tag("tag:role", "x")}, "a command whose targets match no instance is not modelled"},
		"by group":              {ssm.SendCommandInput{Targets: tag("resource-groups:Name", "x")}, "is not modelled"},
		"rates":                 {ssm.SendCommandInput{MaxErrors: aws.String("1")}, `parameter "MaxErrors" is not modelled`},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.sim.Commands())
			if tt.in.DocumentName == nil {
				tt.in.DocumentName = aws.String(ssmsim.RunSysprep)
			}
			if tt.in.InstanceIds == nil && tt.in.Targets == nil {
				tt.in.InstanceIds = []string{id}
			}
			_, err := s.client.SendCommand(t.Context(), &tt.in)
			var not *awssim.NotModelled
			if got := code(err); got != tt.want && (!errors.As(err, &not) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			want := before
			if tt.want == "" {
				want++
			}
			if got := s.sim.Commands(); len(got) != want || tt.want == "" && got[before].TargetCount != 1 {
				t.Errorf("there are %d commands, want %d", len(got), want)
			}
		})
	}
}

func TestOutputIsCut(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.place(nil)
	s.sim.Behave(own, ssmsim.Behaviour{Output: strings.Repeat("ü", 24_001), Error: strings.Repeat("é", 8_001)})
	command := s.send(own, id)
	s.clock.Advance(time.Minute)
	out, err := s.client.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id, PluginName: aws.String("runScript")})
	if err != nil {
		t.Fatal(err)
	}
	if *out.StandardOutputContent != strings.Repeat("ü", 24_000) || *out.StandardErrorContent != strings.Repeat("é", 8_000) {
		t.Errorf("%d and %d bytes", len(*out.StandardOutputContent), len(*out.StandardErrorContent))
	}
	if _, err := s.client.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id, PluginName: aws.String("other")}); code(err) != "InvalidPluginName" {
		t.Errorf("another step: %v", err)
	}
	if got := s.sim.Invocations()[0].CommandPlugins[0]; *got.Output != strings.Repeat("ü", 2_500) {
		t.Errorf("%d bytes in a list", len(*got.Output))
	}
}

// Right after it was sent, a command need not be there to be read.
func TestACommandIsNotThereAtOnce(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	id := s.place(nil)
	s.world.StaleReads(func(awssim.Call) time.Duration { return 2 * time.Second })
	s.clock.Advance(time.Minute)
	command := s.send(ssmsim.RunSysprep, id)
	for _, want := range []string{"InvocationDoesNotExist 0", "Pending Pending -1 1", "InProgress InProgress -1 1"} {
		out, err := s.client.ListCommands(t.Context(), &ssm.ListCommandsInput{InstanceId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.status(command, id), " ", len(out.Commands)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		s.clock.Advance(2 * time.Second)
	}
}

func TestCancel(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	s.sim.Behave(own, ssmsim.Behaviour{Takes: 10 * time.Minute})
	one, two := s.place(nil), s.place(nil)
	command := s.send(own, one, two)
	cancel := func(command string, ids ...string) string {
		_, err := s.client.CancelCommand(t.Context(), &ssm.CancelCommandInput{CommandId: &command, InstanceIds: ids})
		return code(err)
	}
	if got := cancel(command, one); got != "" {
		t.Fatal(got)
	}
	s.clock.Advance(time.Minute)
	if got := s.status(command, one) + ", " + s.status(command, two); got != "Cancelled Cancelled -1, InProgress InProgress -1" {
		t.Errorf("one of them cancelled before it begins: %s", got)
	}
	if got := cancel(command); got != "" {
		t.Fatal(got)
	}
	if got := s.status(command, two); got != "Cancelling Cancelling -1" {
		t.Errorf("asked to end: %s", got)
	}
	s.clock.Advance(time.Hour)
	if got := cancel(command); got != "" {
		t.Errorf("cancelled again: %s", got)
	}
	if got := s.told(dawn); got != "Cancelled 0s, InProgress 1s, Cancelling 1m0s, Cancelled 1m1s" {
		t.Errorf("told: %s", got)
	}
	if got := s.sim.Commands()[0]; got.Status != types.CommandStatusCancelled || got.CompletedCount != 2 {
		t.Errorf("the command is %s, with %d completed", got.Status, got.CompletedCount)
	}
	if a, b := cancel("00000000-0000-0000-0000-000000000000"), cancel(command, "i-0123456789abcdef0"); a != "InvalidCommandId" || b != "InvalidInstanceId" {
		t.Errorf("what is not there: %s, %s", a, b)
	}
	lost := s.send(own, one)
	s.clock.Advance(time.Minute)
	s.turn("stop", one)
	if got := cancel(lost); got != "" {
		t.Fatal(got)
	}
	s.clock.Advance(3 * time.Hour)
	if got := s.status(lost, one); got != "TimedOut DeliveryTimedOut -1" {
		t.Errorf("nobody is there to cancel it: %s", got)
	}
}

// The status of a command comes from those of its instances.
func TestStatusOfACommand(t *testing.T) {
	for name, tt := range map[string]struct {
		one, two ssmsim.Behaviour
		want     string // status, details, and how many have ended, failed and were not delivered
		early    string // the same in the beginning
	}{
		"both succeed": {want: "Success Success 2 0 0", early: "Pending Pending 0 0 0"},
		"one fails":    {two: ssmsim.Behaviour{ExitCode: 1}, want: "Failed Failed 2 1 0"},
		"one hangs":    {two: ssmsim.Behaviour{End: ssmsim.Hangs}, want: "TimedOut ExecutionTimedOut 2 1 0"},
		"one is lost":  {two: ssmsim.Behaviour{End: ssmsim.NeverDelivered}, want: "Failed Incomplete 2 0 1"},
		"both are lost": {
			one: ssmsim.Behaviour{End: ssmsim.NeverDelivered}, two: ssmsim.Behaviour{End: ssmsim.ShutsDown},
			want: "TimedOut DeliveryTimedOut 2 0 2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMachines(t, awssim.Options{})
			one, two := s.place(nil), s.place(nil)
			s.sim.BehaveAs(own, func(r ssmsim.Run) ssmsim.Behaviour {
				if r.Instance == one {
					return tt.one
				}
				return tt.two
			})
			s.send(own, two, one)
			status := func() string {
				c := s.sim.Commands()[0]
				return fmt.Sprint(c.Status, " ", *c.StatusDetails, " ", c.CompletedCount, c.ErrorCount, c.DeliveryTimedOutCount)
			}
			if got := status(); tt.early != "" && got != tt.early {
				t.Errorf("early: %s, want %s", got, tt.early)
			}
			s.clock.Advance(3 * time.Hour)
			if got := status(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// A command that was sent is found again by its instance and its comment.
func TestLists(t *testing.T) {
	s := newMachines(t, awssim.Options{PageSize: 2})
	one, two := s.place(nil), s.place(nil)
	s.sim.BehaveAs(own, func(r ssmsim.Run) ssmsim.Behaviour {
		if r.Comment == "c3" {
			return ssmsim.Behaviour{End: ssmsim.Hangs}
		}
		return ssmsim.Behaviour{Takes: time.Second, Output: r.Comment}
	})
	names := map[string]string{}
	for i, ids := range [][]string{{one}, {two, one}, {two}, {one}, {one}} {
		comment := fmt.Sprint("c", i)
		document := own
		if i == 4 {
			document = ssmsim.RunSysprep
		}
		out, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: &document, InstanceIds: ids, Comment: &comment})
		if err != nil {
			t.Fatal(err)
		}
		names[*out.Command.CommandId] = comment
		s.clock.Advance(time.Minute)
	}
	third := ""
	for id, name := range names {
		if name == "c2" {
			third = id
		}
	}
	by := func(key types.CommandFilterKey, value string) []types.CommandFilter {
		return []types.CommandFilter{{Key: key, Value: &value}}
	}
	at := func(minute int) string { return dawn.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339) }
	const commands, invocations = 0, 1
	for name, tt := range map[string]struct {
		command, instance *string
		filters           []types.CommandFilter
		want              [2]string
	}{
		"all":            {want: [2]string{"c4 c3 c2 c1 c0", "c4 c3 c2 c1 c1 c0"}},
		"of an instance": {instance: &two, want: [2]string{"c2 c1", "c2 c1"}},
		"one":            {command: &third, want: [2]string{"c2", "c2"}},
		"one, elsewhere": {command: &third, instance: &one},
		"after":          {filters: by(types.CommandFilterKeyInvokedAfter, at(3)), want: [2]string{"c4 c3", "c4 c3"}},
		"before":         {filters: by(types.CommandFilterKeyInvokedBefore, at(2)), want: [2]string{"c1 c0", "c1 c1 c0"}},
		"of a document":  {filters: by(types.CommandFilterKeyDocumentName, ssmsim.RunSysprep), want: [2]string{"c4", "c4"}},
		"of a status":    {filters: by(types.CommandFilterKeyStatus, "InProgress"), want: [2]string{"c4 c3", "c4 c3"}},
		"of both":        {filters: slices.Concat(by(types.CommandFilterKeyStatus, "Success"), by(types.CommandFilterKeyInvokedAfter, at(1))), want: [2]string{"c2 c1", "c2 c1 c1"}},
		"that run":       {filters: by(types.CommandFilterKeyExecutionStage, "Executing"), want: [2]string{"c4 c3", "InvalidFilterKey"}},
		"that do not":    {filters: by(types.CommandFilterKeyExecutionStage, "Complete"), want: [2]string{"c2 c1 c0", "InvalidFilterKey"}},
		"at no time":     {filters: by(types.CommandFilterKeyInvokedAfter, "today"), want: [2]string{"ValidationException", "ValidationException"}},
		"pending there":  {instance: &one, filters: by(types.CommandFilterKeyStatus, "Pending"), want: [2]string{"ValidationException", ""}},
	} {
		var got [2][]string
		for p := ssm.NewListCommandsPaginator(s.client, &ssm.ListCommandsInput{CommandId: tt.command, InstanceId: tt.instance, Filters: tt.filters}); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				got[commands] = append(got[commands], code(err))
				break
			}
			for _, c := range page.Commands {
				if got[commands] = append(got[commands], *c.Comment); names[*c.CommandId] != *c.Comment {
					t.Errorf("%s has the comment %s", *c.CommandId, *c.Comment)
				}
			}
		}
		for p := ssm.NewListCommandInvocationsPaginator(s.client, &ssm.ListCommandInvocationsInput{
			CommandId: tt.command, InstanceId: tt.instance, Filters: tt.filters, Details: true,
		}); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				got[invocations] = append(got[invocations], code(err))
				break
			}
			for _, i := range page.CommandInvocations {
				if got[invocations] = append(got[invocations], *i.Comment); i.Status == types.CommandInvocationStatusSuccess && *i.CommandPlugins[0].Output != *i.Comment {
					t.Errorf("%s has the output %s", *i.Comment, *i.CommandPlugins[0].Output)
				}
			}
		}
		if all := [2]string{strings.Join(got[commands], " "), strings.Join(got[invocations], " ")}; all != tt.want {
			t.Errorf("%s: %q, want %q", name, all, tt.want)
		}
	}
	out, err := s.client.ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{})
	if err != nil || out.CommandInvocations[0].CommandPlugins != nil {
		t.Errorf("details that nobody asked for: %v, %v", out, err)
	}
}

// The events have the members of AWS's samples, and no other.
func TestCommandEvents(t *testing.T) {
	s := newMachines(t, awssim.Options{Account: "123456789012", Region: "us-east-2"})
	id := s.place(nil)
	out, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{
		DocumentName: aws.String(ssmsim.RunPowerShellScript), InstanceIds: []string{id},
		Parameters: map[string][]string{"executionTimeout": {"3600"}, "commands": {"date"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
	s.world.Settle()
	if len(s.events) != 4 {
		t.Fatalf("%d events: %v", len(s.events), s.events)
	}
	for i, name := range []string{"command-invocation-status-change-inprogress", "command-status-change-inprogress", "command-invocation-status-change-success", "command-status-change-success"} {
		sample, err := os.ReadFile("../../event/testdata/samples/ssm-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := json.Unmarshal(sample, &e); err != nil {
			t.Fatal(err)
		}
		e.ID, e.Time = s.events[i].ID, dawn.Add(time.Duration(1+i/2*2)*time.Second)
		e.Resources = []string{"arn:aws:ec2:us-east-2:123456789012:instance/" + id}
		want := decoded(t, e)
		for member, value := range map[string]any{
			"command-id": *out.Command.CommandId, "instance-id": id,
			"requested-date-time": "2026-01-02T03:04:05.000Z", "expire-after": "2026-01-02T05:04:05.000Z",
		} {
			detail := want["detail"].(map[string]any)
			if _, has := detail[member]; has {
				detail[member] = value
			}
		}
		if diff := cmp.Diff(want, decoded(t, s.events[i])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSendCommandPermissions(t *testing.T) {
	s := newMachines(t, awssim.Options{})
	s.sim.Behave(own, ssmsim.Behaviour{})
	tagged, bare := s.place(map[string]string{"role": "builder"}), s.place(nil)
	var asked []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		asked = append(asked, fmt.Sprintf("%s %s %v %v", action, resource, keys["ssm:resourceTag/role"], keys["aws:ResourceTag/role"]))
		return !strings.HasSuffix(resource, bare)
	})
	_, err := s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(ssmsim.RunSysprep), InstanceIds: []string{tagged, bare}})
	if code(err) != "AccessDeniedException" || len(s.sim.Commands()) != 0 {
		t.Errorf("without permission for one of them: %v", err)
	}
	_, err = s.client.SendCommand(t.Context(), &ssm.SendCommandInput{DocumentName: aws.String(own), Targets: []types.Target{{Key: aws.String("tag:role"), Values: []string{"builder"}}}})
	if err != nil {
		t.Error(err)
	}
	command := s.sim.Commands()[0].CommandId
	_, err = s.client.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: command, InstanceId: &tagged})
	_, err2 := s.client.CancelCommand(t.Context(), &ssm.CancelCommandInput{CommandId: command})
	if err := errors.Join(err, err2); err != nil {
		t.Error(err)
	}
	instance := func(id string) string { return "ssm:SendCommand arn:aws:ec2:us-west-1:123456789012:instance/" + id }
	want := []string{
		"ssm:SendCommand arn:aws:ssm:us-west-1::document/AWSEC2-RunSysprep [] []", instance(tagged) + " [builder] [builder]", instance(bare) + " [] []",
		"ssm:SendCommand arn:aws:ssm:us-west-1:123456789012:document/Own-Document [] []", instance(tagged) + " [builder] [builder]",
		"ssm:GetCommandInvocation * [] []", "ssm:CancelCommand * [] []",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}
