//go:build conformance

package conformance

import (
	"strings"
	"time"
)

// What scripts may rely on in the program's JSON, declared anew: that it stays.
type report struct {
	Results []struct {
		Event struct {
			DetailType string    `json:"detailType"`
			Resources  []string  `json:"resources"`
			Time       time.Time `json:"time"`
		} `json:"event"`
		Plans []struct {
			Automation string `json:"automation"`
			Plan       struct {
				Changes []change `json:"changes"`
			} `json:"plan"`
		} `json:"plans"`
		Runs []struct {
			ID         string   `json:"id"`
			Automation string   `json:"automation"`
			Outcome    string   `json:"outcome"`
			Made       []change `json:"made"`
			Calls      []struct {
				Operation string `json:"operation"`
				Resource  string `json:"resource"`
				To        string `json:"to"`
				Outcome   string `json:"outcome"`
				RequestID string `json:"requestId"`
			} `json:"calls"`
			Notices []struct {
				Topic string    `json:"topic"`
				Sent  time.Time `json:"sent"`
			} `json:"notices"`
		} `json:"runs"`
	} `json:"results"`
}

type change struct {
	Operation string `json:"operation"`
	Resource  string `json:"resource"`
	From      string `json:"from"`
	To        string `json:"to"`
	Why       string `json:"why"`
}

// saysTheSame compares what the program prints for people with its JSON, and
// both with what went over the wire.
func saysTheSame(s *scene) {
	s.stop(0)
	text := s.drover("", "plan", "--fleet", "fleet.yaml", "--event", "event.json")
	var planned report
	s.decode(s.drover("", "plan", "--fleet", "fleet.yaml", "--event", "event.json", "--json").stdout, &planned)
	changes := planned.Results[0].Plans[0].Plan.Changes
	if len(changes) != 2*len(destinations) {
		s.Errorf("%d changes planned, want %d", len(changes), 2*len(destinations))
	}
	for _, c := range changes {
		for _, word := range []string{c.Resource, c.From, c.To, c.Why} {
			if word == "" || !strings.Contains(text.stdout, word) {
				s.Errorf("the JSON says %q, the text does not", word)
			}
		}
	}

	r := s.run("--json")
	s.expect(r, 0)
	var handled report
	s.decode(r.stdout, &handled)
	result := handled.Results[0]
	if want := time.Date(2021, 12, 11, 12, 59, 41, 0, time.UTC); !result.Event.Time.Equal(want) {
		s.Errorf("the event's time is %v, want %v", result.Event.Time, want)
	}
	run := result.Runs[0]
	if run.Outcome != "succeeded" || len(run.Made) != len(changes) || len(run.Notices) != 1 {
		s.Errorf("run is %+v", run)
	}
	s.expectAudit(r, handled)

	text = s.run()
	var again report
	s.decode(s.run("--json").stdout, &again)
	if got := again.Results[0].Runs[0].Outcome; got != "nothing-to-do" || !strings.Contains(text.stdout, got) {
		s.Errorf("the JSON says %q, the text %q", got, text.stdout)
	}
}

// expectAudit holds every call in the JSON against the wire.
func (s *scene) expectAudit(r result, said report) {
	s.Helper()
	onWire := map[string]bool{}
	for _, q := range r.requests {
		if q.Operation == "ec2:ReplaceRoute" && q.done() {
			onWire[q.mutation()] = true
		}
	}
	for _, c := range said.Results[0].Runs[0].Calls {
		if c.Outcome != "done" || c.RequestID == "" {
			s.Errorf("call %+v, want it done and with a request id", c)
		}
		name := c.Operation + " " + c.Resource + " -> " + c.To
		if c.Operation == "ec2:ReplaceRoute" && !onWire[name] {
			s.Errorf("the JSON tells of %s, which was not on the wire", name)
		}
		delete(onWire, name)
	}
	if len(onWire) > 0 {
		s.Errorf("the JSON does not tell of %v", onWire)
	}
}
