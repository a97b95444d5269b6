package gate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/awssim/gate"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// race is two actors that each take a lock in a ledger and, if they get it,
// make a VPC; they begin some seconds apart.
type race struct {
	gate   *gate.Gate
	world  *awssim.World
	ledger ledger.Ledger
	client *ec2.Client
	errs   map[string]error
}

// play runs the race in the present bubble.
func play(t *testing.T, choose func(*race, int) int) *race {
	g := gate.New()
	r := &race{gate: g, errs: map[string]error{}}
	r.world = awssim.New(clock.Real{}, awssim.Options{Gate: g}, ec2sim.New(ec2sim.Times{}))
	r.client = ec2.NewFromConfig(r.world.Config())
	r.ledger = g.Ledger(memory.NewNamed(clock.Real{}, "race"))
	ctx, stop := context.WithCancel(t.Context())
	var actors sync.WaitGroup
	var mu sync.Mutex
	for i, name := range []string{"a", "b"} {
		actors.Go(func() {
			ctx := g.Actor(ctx, name)
			_ = clock.Real{}.Sleep(ctx, time.Duration(i)*3*time.Second)
			err := r.take(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			r.errs[name] = err
		})
	}
	go func() {
		actors.Wait()
		stop()
	}()
	g.Run(ctx, func(n int) int { return choose(r, n) })
	return r
}

func (r *race) take(ctx context.Context, name string) error {
	if _, err := r.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); err != nil {
		return err
	}
	if _, err := r.ledger.Get(ctx, "lock"); !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("taken before: %w", err)
	}
	if err := r.ledger.Write(ctx, ledger.Create("lock", []byte(`"`+name+`"`), time.Time{})); err != nil {
		return err
	}
	_, err := r.client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	return err
}

// vpcs is who made VPCs.
func (r *race) vpcs() []string {
	var by []string
	for _, c := range r.world.Calls() {
		if c.Mutating && c.Applied {
			by = append(by, c.Actor)
		}
	}
	return by
}

func seeded(seed uint64) func(*race, int) int {
	choose := gate.Seeded(seed)
	return func(_ *race, n int) int { return choose(n) }
}

func TestSameSeedSameHistory(t *testing.T) {
	histories := map[string]bool{}
	conflicts := 0
	for seed := range uint64(50) {
		var traces [2][]string
		for i := range traces {
			synctest.Test(t, func(t *testing.T) {
				r := play(t, seeded(seed))
				traces[i] = r.gate.Trace()
				if by := r.vpcs(); len(by) != 1 {
					t.Errorf("seed %d: VPCs made by %v, want exactly one", seed, by)
				}
				if ledger.IsConflict(r.errs["a"]) || ledger.IsConflict(r.errs["b"]) {
					conflicts++
				}
			})
		}
		if diff := gocmp.Diff(traces[0], traces[1]); diff != "" {
			t.Fatalf("seed %d is not reproducible:\n%s", seed, diff)
		}
		histories[strings.Join(traces[0], "\n")] = true
	}
	if len(histories) < 10 {
		t.Errorf("50 seeds gave only %d histories", len(histories))
	}
	if conflicts == 0 {
		t.Error("no seed found the interleaving in which both see the lock free")
	}
}

// TestListedChoices: the choice that finds the conflict, spelled out.
func TestListedChoices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// a waits with its first call until b has come, after 3 seconds; then
		// the two take turns: a's call is always the first, b's the second.
		choose := gate.Listed([]int{1, 1, 1, 0, 1, 0, 1, 0, 1})
		r := play(t, func(_ *race, n int) int { return choose(n) })
		if !ledger.IsConflict(r.errs["b"]) || r.errs["a"] != nil {
			t.Errorf("a: %v, b: %v, want that b lost the race", r.errs["a"], r.errs["b"])
		}
		lines := make([]string, 0, 10)
		for _, line := range r.gate.Trace() {
			at, what, _ := strings.Cut(line, " ")
			lines = append(lines, at[6:]+" "+strings.Join(strings.Fields(what)[:2], " "))
		}
		want := []string{
			"00.000 time passes", "01.000 time passes", "02.000 time passes",
			"03.000 a ec2:DescribeVpcs", "03.000 b ec2:DescribeVpcs",
			"03.000 a ledger:Get", "03.000 b ledger:Get",
			"03.000 a ledger:Write", "03.000 b ledger:Write",
			"03.000 a ec2:CreateVpc",
		}
		if diff := gocmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestKilledActorHasNoFurtherEffect kills a before each of its calls in turn.
func TestKilledActorHasNoFurtherEffect(t *testing.T) {
	for at := range 4 {
		synctest.Test(t, func(t *testing.T) {
			turn := 0
			r := play(t, func(r *race, _ int) int {
				if turn == at {
					r.gate.Kill("a")
				}
				turn++
				return 0
			})
			if err := r.errs["a"]; !errors.Is(err, context.Canceled) {
				t.Errorf("before call %d: a got %v", at, err)
			}
			if slices.Contains(r.vpcs(), "a") {
				t.Errorf("before call %d: a killed actor made a VPC", at)
			}
			after := false
			for _, line := range r.gate.Trace() {
				if after && strings.Contains(line, " a ") && !strings.Contains(line, "killed") {
					t.Errorf("before call %d: after its death: %s", at, line)
				}
				after = after || strings.Contains(line, "a killed")
			}
			if !after {
				t.Errorf("before call %d: nothing was killed", at)
			}
			_, err := r.client.CreateVpc(awssim.WithActor(t.Context(), "a"), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			if !errors.Is(err, gate.ErrKilled) {
				t.Errorf("a later call got %v", err)
			}
			if _, err := r.ledger.Get(awssim.WithActor(t.Context(), "a"), "lock"); !errors.Is(err, gate.ErrKilled) {
				t.Errorf("a later ledger call got %v", err)
			}
			if err := r.gate.Actor(t.Context(), "a").Err(); err == nil {
				t.Error("a dead actor got a living context")
			}
		})
	}
}

// TestKilledDuringACall: the effect is there, the answer is not.
func TestKilledDuringACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := play(t, func(r *race, _ int) int {
			if len(r.world.Calls()) == 0 {
				r.world.OnCall(func(c awssim.Call) {
					if c.Mutating {
						r.gate.Kill(c.Actor)
					}
				})
			}
			return 0
		})
		if err := r.errs["a"]; !errors.Is(err, context.Canceled) {
			t.Errorf("a got %v, want a cancelled call", err)
		}
		if by := r.vpcs(); !slices.Equal(by, []string{"a"}) {
			t.Errorf("VPCs made by %v", by)
		}
	})
}

// TestGivingUpAtTheGate: a deadline ends the wait, and the call has no effect.
func TestGivingUpAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		w := awssim.New(clock.Real{}, awssim.Options{Gate: g}, ec2sim.New(ec2sim.Times{}))
		ctx, cancel := context.WithTimeout(g.Actor(t.Context(), "a"), time.Second)
		defer cancel()
		_, err := ec2.NewFromConfig(w.Config()).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		done, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		g.Run(done, func(n int) int { t.Errorf("%d calls still wait", n-1); return 0 })
		if len(w.Calls()) != 0 {
			t.Error("the call reached the world")
		}
	})
}

// TestFreeCalls: a test prepares and inspects without anybody at the gate.
func TestFreeCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		w := awssim.New(clock.Real{}, awssim.Options{Gate: g}, ec2sim.New(ec2sim.Times{}))
		if _, err := ec2.NewFromConfig(w.Config()).DescribeVpcs(gate.Free(t.Context()), &ec2.DescribeVpcsInput{}); err != nil {
			t.Error(err)
		}
		if _, err := g.Ledger(memory.NewNamed(clock.Real{}, "l")).List(gate.Free(t.Context()), "", "", 1); err != nil {
			t.Error(err)
		}
		if trace := g.Trace(); len(trace) != 0 {
			t.Errorf("trace %v", trace)
		}
	})
}

// TestAnyInterleaving is how a property test uses the gate: the choices are
// drawn before the bubble begins.
func TestAnyInterleaving(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		choices := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 20).Draw(rt, "choices")
		synctest.Test(t, func(t *testing.T) {
			choose := gate.Listed(choices)
			r := play(t, func(_ *race, n int) int { return choose(n) })
			if by := r.vpcs(); len(by) != 1 {
				rt.Errorf("VPCs made by %v, want exactly one", by)
			}
		})
	})
}

func TestLedgerAnswersThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		l := g.Ledger(memory.NewNamed(clock.Real{}, "mine"))
		ctx, stop := context.WithCancel(g.Actor(t.Context(), "a"))
		go func() {
			defer stop()
			if id, err := l.Identity(ctx); id != "mine" || err != nil {
				t.Errorf("identity %q, %v", id, err)
			}
			if err := l.Write(ctx, ledger.Create("k", []byte(`1`), time.Time{})); err != nil {
				t.Error(err)
			}
			if list, err := l.List(ctx, "", "", 10); len(list) != 1 || err != nil {
				t.Errorf("list %v, %v", list, err)
			}
			if record, err := l.Get(ctx, "k"); string(record.Value) != "1" || err != nil {
				t.Errorf("record %v, %v", record, err)
			}
		}()
		g.Run(ctx, func(int) int { return 0 })
		if n := len(g.Trace()); n != 4 {
			t.Errorf("%d calls passed the gate, want 4", n)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}
