//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// resumeLimit is for how long the second start may take. It waits until the
// attempt that was killed does not own its step any more: its deadline, a minute
// at most here, and a slack.
const resumeLimit = 2 * time.Minute

// stake is what one run is about, apart from all others.
type stake struct {
	fleet string
	event event.Event
	// check is what must be there in the end.
	check func() error
}

// TestKilled kills `drover run` before each of its calls of AWS, and after each,
// with the answer lost, and starts it again with the same ledger. The end must be
// that of a run that was not killed, by the same changes and no more.
//
// All are killed first, in one moto, each with a template or a VPC of its own, and
// then all are started again, so that what their first owners are waited for is
// waited for once. Other tests begin only then: they play meanwhile.
func TestKilled(t *testing.T) {
	program := build(t)
	w := newWorld(t)
	began := time.Now()
	var all []*convict
	checks := map[*convict]func() error{}
	usual := map[*convict]map[string]int{}
	for _, kind := range []struct {
		name string
		set  func(i int) stake
	}{{"template-follows-image", followedImage(t, w)}, {"route-failover", failedGateway(t, w)}} {
		i := 0
		next := func(b blade) *convict {
			i++
			s := kind.set(i)
			c := newConvict(t, w, program, fmt.Sprintf("%s, %v", kind.name, b), s, b)
			checks[c] = s.check
			return c
		}
		model := next(blade{})
		if err := model.live(t.Context(), model.args...); err != nil {
			t.Fatalf("%s: %v\n%s%s", model.name, err, &model.output, lines(model.requests()))
		}
		if err := checks[model](); err != nil {
			t.Fatalf("%s: %v", model.name, err)
		}
		calls := len(model.requests())
		t.Logf("%s makes %d calls, which change: %v", kind.name, calls, changes(model.requests()))
		for n := 1; n <= calls; n++ {
			for _, after := range []bool{false, true} {
				c := next(blade{request: n, after: after})
				usual[c] = changes(model.requests())
				all = append(all, c)
			}
		}
	}
	t.Logf("%d stakes are set after %v", len(all), time.Since(began).Round(time.Second))

	troubles := map[*convict]error{}
	each(t.Context(), all, troubles, resumeLimit, 4, func(ctx context.Context, c *convict) error { return c.die(ctx) })
	t.Logf("all are killed after %v", time.Since(began).Round(time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		each(t.Context(), all, troubles, resumeLimit, len(all), func(ctx context.Context, c *convict) error { return c.live(ctx, c.args...) })
	}()
	t.Parallel()
	<-done
	t.Logf("all have been run again after %v", time.Since(began).Round(time.Second))
	for _, c := range all {
		err := troubles[c]
		if err == nil {
			err = checks[c]()
		}
		if got := changes(c.requests()); err == nil && !maps.Equal(got, usual[c]) {
			err = fmt.Errorf("changes %v, want %v", got, usual[c])
		}
		if err != nil {
			t.Errorf("%s: %v\n%s%s", c.name, err, &c.output, lines(c.requests()))
		}
	}
	expectNotices(t, all)
}

// expectNotices: whoever was killed while a notice was under way holds it for a
// while. It is sent by the next process after that, at the latest.
func expectNotices(t *testing.T, all []*convict) {
	t.Helper()
	untold := 0
	for _, c := range all {
		if published(c.requests()) > 0 {
			continue
		}
		untold++
		if err := c.live(t.Context(), "run", "--fleet", "fleet.yaml", "--ledger", "ledger.db", "--sweep"); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := published(c.requests()); n == 0 {
			t.Errorf("%s: nobody was told\n%s%s", c.name, &c.output, lines(c.requests()))
		}
	}
	t.Logf("%d of %d notices were sent by a third process", untold, len(all))
}

func published(made []request) int {
	n := 0
	for _, r := range made {
		if r.Operation == "sns:Publish" && r.done() {
			n++
		}
	}
	return n
}

// changes counts the calls that have changed something other than what somebody
// was told: of a notice, SNS knows no repetition.
func changes(made []request) map[string]int {
	counts := map[string]int{}
	for _, r := range made {
		if r.mutates() && r.done() && r.Operation != "sns:Publish" {
			counts[r.Operation]++
		}
	}
	return counts
}

// each does something with all, some at a time, and keeps the errors.
func each(ctx context.Context, all []*convict, troubles map[*convict]error, limit time.Duration, some int, do func(context.Context, *convict) error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(some)
	for i, c := range all {
		if troubles[c] != nil {
			continue
		}
		g.Go(func() error {
			errs[i] = do(ctx, c)
			return nil
		})
	}
	_ = g.Wait() // errors are in errs
	for i, c := range all {
		if errs[i] != nil {
			troubles[c] = errs[i]
		}
	}
}

func newConvict(t *testing.T, w *world, program, name string, s stake, b blade) *convict {
	t.Helper()
	c := &convict{
		guillotine: newGuillotine(t, w, b), name: name, program: program, dir: t.TempDir(),
		args: []string{"run", "--fleet", "fleet.yaml", "--event", "event.json", "--ledger", "ledger.db"},
	}
	e, err := json.Marshal(s.event)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"fleet.yaml": s.fleet, "event.json": string(e)} {
		if err := os.WriteFile(filepath.Join(c.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// followedImage sets a backup image that templates follow, each its own.
func followedImage(t *testing.T, w *world) func(int) stake {
	t.Helper()
	s := scenario.NewStage(t.Context(), w)
	s.Set(scenario.Layout{Gateways: 1})
	base := s.Ready("base", "made by hand")
	backup, _ := s.Image("backup", "nightly EC2_BACKUP", nil)
	told := s.Available(backup)
	return func(i int) stake {
		template := s.TemplateOf(fmt.Sprintf("app-%d", i), base, nil)
		ready(t, s)
		return stake{
			fleet: s.Following("id: "+template, "description: EC2_BACKUP"), event: told,
			check: func() error {
				look := scenario.NewStage(t.Context(), w) // one that fails fails for itself
				look.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
				return look.Err()
			},
		}
	}
}

// failedGateway sets VPCs whose routes go through a gateway that has stopped.
func failedGateway(t *testing.T, w *world) func(int) stake {
	t.Helper()
	return func(int) stake {
		s := scenario.NewStage(t.Context(), w)
		s.Set(scenario.Layout{Gateways: 2})
		ready(t, s)
		for _, d := range destinations[:2] {
			s.Route(0, d, s.Gateways[0].Interfaces[0])
		}
		events := s.Stop(0)
		ready(t, s)
		return stake{
			fleet: s.Failover(), event: events[len(events)-1],
			check: func() error {
				for _, d := range destinations[:2] {
					s.ExpectRoute(0, d, s.Gateways[1].Interfaces[0])
				}
				return s.Err()
			},
		}
	}
}

func ready(t *testing.T, s *scenario.Stage) {
	t.Helper()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}
