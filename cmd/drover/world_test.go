package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cli"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

// world is the simulated AWS of one script.
type world struct {
	*scenario.Simulated
	stage *scenario.Stage
	clock *clock.Virtual
	told  int // calls that the script knows of
	// anonymous takes the credentials away.
	anonymous bool
	end       context.CancelFunc // of the program that runs
}

type worldKey struct{}

func newWorld() *world {
	clk := clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	sim := scenario.NewSimulated(clk, awssim.Options{})
	return &world{Simulated: sim, clock: clk, stage: scenario.NewStage(context.Background(), sim)}
}

// aws is what cloud.Load is in main.
func (w *world) aws(_ context.Context, region string) (aws.Config, error) {
	cfg := w.AWS()
	cfg.Region = region
	if w.anonymous {
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("nobody has any")
		})
	}
	return cfg, nil
}

// The working directory belongs to the process, and each script has its own:
// only one runs the program at a time.
var workingDirectory sync.Mutex

// drover runs the program in the script's world, time and directory.
func (w *world) drover(ts *testscript.TestScript, want int, args []string) {
	stdin := ""
	if n := len(args); n >= 2 && args[n-2] == "<" {
		stdin, args = ts.ReadFile(args[n-1]), args[:n-2]
	}
	workingDirectory.Lock()
	defer workingDirectory.Unlock()
	back, err := os.Getwd()
	ts.Check(err)
	ts.Check(os.Chdir(ts.MkAbs(".")))
	env := w.env(ts)
	env.Stdin = strings.NewReader(stdin)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	w.end = end
	got := cli.Main(ctx, env, args)
	ts.Check(os.Chdir(back))
	if got != want {
		ts.Fatalf("drover exits %d, want %d", got, want)
	}
}

// commands are what scripts can do, beside what testscript offers.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*world, *testscript.TestScript, []string){
		"backup":    backup,
		"calls":     calls,
		"document":  document,
		"doom":      doom,
		"facts":     facts,
		"drover":    func(w *world, ts *testscript.TestScript, args []string) { w.drover(ts, cli.ExitOK, args) },
		"estate":    estate,
		"exits":     exits,
		"expand":    expand,
		"gateway":   gatewayTurns,
		"group":     group,
		"image":     image,
		"interrupt": interrupt,
		"lose":      lose,
		"login":     func(w *world, _ *testscript.TestScript, _ []string) { w.anonymous = false },
		"logout":    func(w *world, _ *testscript.TestScript, _ []string) { w.anonymous = true },
		"machine":   machine,
		"mask":      mask,
		"meanwhile": meanwhile,
		"notices":   notices,
		"pass":      pass,
		"planned":   planned,
		"platform":  platform,
		"refuse":    refuse,
		"restrict":  restrict,
		"route":     route,
		"routes":    routes,
		"stage":     stage,
		"strand":    strand,
	}
	cmds := map[string]func(*testscript.TestScript, bool, []string){"json": jsonIs, "exits-process": exitsProcess}
	for name, do := range all {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("! %s: say what is expected instead", name)
			}
			w := ts.Value(worldKey{}).(*world)
			do(w, ts, args)
			ts.Check(w.stage.Err())
		}
	}
	return cmds
}

// exits N drover ARGS...: the program exits N.
func exits(w *world, ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || args[1] != "drover" {
		ts.Fatalf("usage: exits N drover ARGS...")
	}
	w.drover(ts, want, args[2:])
}

// stage [gateways=N] [tables=N] [checked]: sets the stage. It exports VPC,
// TOPIC, RTB0.., and for gateways A, B.. their instances and A_ENI, B_ENI..
func stage(w *world, ts *testscript.TestScript, args []string) {
	layout := scenario.Layout{Gateways: 2}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "gateways":
			layout.Gateways = n
		case "tables":
			layout.Tables = n
		case "checked":
			layout.Checked = true
		default:
			ts.Fatalf("unknown argument %q", arg)
		}
	}
	w.stage.Set(layout)
	ts.Check(w.stage.Err())
	ts.Setenv("VPC", w.stage.VPC)
	ts.Setenv("TOPIC", w.stage.Topic)
	for i, table := range w.stage.Tables {
		ts.Setenv(fmt.Sprintf("RTB%d", i), table)
	}
	for i, g := range w.stage.Gateways {
		name := string(rune('A' + i))
		ts.Setenv(name, g.Instance)
		ts.Setenv(name+"_ENI", g.Interfaces[0])
	}
	w.Take() // the events of this are no part of the script
	w.told = len(w.Calls())
}

// number is which gateway a script means: a is the first.
func number(w *world, ts *testscript.TestScript, name string) int {
	if len(name) != 1 || int(name[0]-'a') >= len(w.stage.Gateways) {
		ts.Fatalf("no gateway %q", name)
	}
	return int(name[0] - 'a')
}

// route TABLE DESTINATION GATEWAY: makes a route in the table with that number.
func route(w *world, ts *testscript.TestScript, args []string) {
	table, err := strconv.Atoi(args[0])
	ts.Check(err)
	w.stage.Route(table, args[1], w.stage.Gateways[number(w, ts, args[2])].Interfaces[0])
	w.told = len(w.Calls())
}

// gateway NAME stops, starts or terminates: lets it, lets time pass, and writes
// each event of that to NAME-STATE.json. (A command "stop" would end a script.)
func gatewayTurns(w *world, ts *testscript.TestScript, args []string) {
	turns := map[string]func(*scenario.Stage, int) []event.Event{
		"stops": (*scenario.Stage).Stop, "starts": (*scenario.Stage).Start, "terminates": (*scenario.Stage).Terminate,
	}
	turn, ok := turns[args[1]]
	if !ok {
		ts.Fatalf("a gateway stops, starts or terminates")
	}
	for _, e := range turn(w.stage, number(w, ts, args[0])) {
		ts.Check(w.stage.Err())
		d, _, err := event.AsInstanceStateChange(e)
		ts.Check(err)
		data, err := json.Marshal(e)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"-"+d.State+".json"), append(data, '\n'), 0o600))
	}
	w.told = len(w.Calls())
}

// expand FILE...: fills the environment into files.
func expand(_ *world, ts *testscript.TestScript, files []string) {
	for _, file := range files {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// routes: prints where the routes go now.
func routes(w *world, ts *testscript.TestScript, _ []string) {
	targets := w.stage.Targets()
	for _, r := range slices.Sorted(maps.Keys(targets)) {
		fmt.Fprintf(ts.Stdout(), "%s %s\n", r, targets[r])
	}
	w.told = len(w.Calls())
}

// calls [mutating]: prints the calls that the program has made since the last
// such command, each operation once, and how often; or only those that could
// change something, with what they set.
func calls(w *world, ts *testscript.TestScript, args []string) {
	var made []string
	all := w.Calls()
	for _, c := range all[w.told:] {
		switch resource, to := call.Effect(c.Input); {
		case len(args) == 0:
			made = append(made, c.Operation)
		case c.Mutating:
			made = append(made, scenario.Mutation(c.Operation, resource, to))
		}
	}
	w.told = len(all)
	slices.Sort(made) // writes are made in parallel
	out := ts.Stdout()
	for _, c := range made {
		fmt.Fprintln(out, c)
	}
}

// notices: prints what was published, and forgets nothing.
func notices(w *world, ts *testscript.TestScript, _ []string) {
	out := ts.Stdout()
	for _, m := range w.SNS.Messages() {
		fmt.Fprintf(out, "To: %s\nSubject: %s\n\n%s\n", m.Topic, m.Subject, m.Text)
	}
}

// restrict FILE: from now on the world refuses what this policy does not allow.
func restrict(w *world, ts *testscript.TestScript, args []string) {
	policy, err := iam.ParsePolicy([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	w.Restrict(&policy)
}
