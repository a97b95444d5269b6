package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// scene is the host before two gateways, with a route through the first, on
// simulated AWS. It is for synctest bubbles.
type scene struct {
	*testing.T
	host  *Host
	world *scenario.Simulated
	stage *scenario.Stage
	log   *bytes.Buffer
}

func newScene(t *testing.T, o awssim.Options) *scene {
	t.Helper()
	w := scenario.NewSimulated(clock.Real{}, o)
	s := &scene{T: t, world: w, stage: scenario.NewStage(t.Context(), w), log: &bytes.Buffer{}}
	s.stage.Set(scenario.Layout{Gateways: 2})
	s.stage.Route(0, "10.1.0.0/16", s.stage.Gateways[0].Interfaces[0])
	if err := s.stage.Err(); err != nil {
		t.Fatal(err)
	}
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(s.stage.Failover()), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	logger := newLogger(s.log, slog.LevelDebug)
	s.host = &Host{
		Fleet: fleet, Ledger: memory.New(clock.Real{}), AWS: cloud.LogCalls(w.AWS(), logger, clock.Real{}), Clock: clock.Real{},
		Log: logger, Version: "test", Function: "edge", Seed: 1,
	}
	return s
}

// stop stops a gateway; the last event of that is returned.
func (s *scene) stop(gateway int) event.Event {
	s.Helper()
	events := s.stage.Stop(gateway)
	if err := s.stage.Err(); err != nil {
		s.Fatal(err)
	}
	return events[len(events)-1]
}

// invoke invokes the function with so much time.
func (s *scene) invoke(id string, timeout time.Duration, payload any) (answer, error) {
	s.Helper()
	data, ok := payload.(string)
	if !ok {
		encoded, err := json.Marshal(payload)
		if err != nil {
			s.Fatal(err)
		}
		data = string(encoded)
	}
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(s.Context(), &lambdacontext.LambdaContext{AwsRequestID: id}), timeout)
	defer cancel()
	got, err := s.host.Invoke(ctx, []byte(data))
	var a answer
	if err == nil {
		encoded, err := json.Marshal(got)
		if err != nil {
			s.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &a); err != nil && encoded[0] == '{' {
			s.Fatal(err)
		}
		a.text = string(encoded)
	}
	return a, err
}

// answer is what callers may rely on, declared anew.
type answer struct {
	text string
	Runs []struct {
		ID, Automation, Kind, Outcome, Reason, Step string
		Changes                                     int
		Left                                        []struct{ Resource, Why string }
	}
	NotWanted []struct{ Automation, Why string }
	Later     []string
	Results   []struct {
		Plans []struct {
			Automation string
			Plan       struct {
				Changes []struct{ Resource, From, To string }
			}
		}
		NotWanted []struct{ Automation, Why string }
	}
	BatchItemFailures []struct{ ItemIdentifier string }
	Go                string
	Seconds           int
}

// expectTarget wants the route to go to a gateway.
func (s *scene) expectTarget(gateway int) {
	s.Helper()
	s.stage.ExpectRoute(0, "10.1.0.0/16", s.stage.Gateways[gateway].Interfaces[0])
	if err := s.stage.Err(); err != nil {
		s.Error(err)
	}
}

// lines are the lines of the log with a message.
func (s *scene) lines(message string) []map[string]any {
	s.Helper()
	var found []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			s.Fatalf("a line of the log is not JSON: %q", line)
		}
		if object["message"] == message {
			found = append(found, object)
		}
	}
	return found
}
