package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cli"
)

// interrupt OPERATION: when it next makes this call, the program is told to
// end, as by Ctrl-C.
func interrupt(w *world, _ *testscript.TestScript, args []string) {
	w.next(args[0], func() { w.end() })
}

// meanwhile OPERATION FILE ARGS...: when it next makes this call, the program
// is started once more, with these arguments. What that prints goes to FILE.
func meanwhile(w *world, ts *testscript.TestScript, args []string) {
	file := ts.MkAbs(args[1])
	w.next(args[0], func() {
		var out bytes.Buffer
		env := w.env(ts)
		env.Stdout, env.Stderr = &out, &out
		cli.Main(context.Background(), env, args[2:])
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			w.stage.Failf("write %s: %w", file, err)
		}
	})
}

// next has something done once, before the next call of an operation.
func (w *world) next(operation string, do func()) {
	w.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation == operation {
			w.Intercept(nil)
			do()
		}
		return awssim.Fault{}
	})
}

// pass DURATION: time passes.
func pass(w *world, ts *testscript.TestScript, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	w.clock.Advance(d)
}

// env is the surroundings of the program in a script.
func (w *world) env(ts *testscript.TestScript) cli.Env {
	return cli.Env{
		Stdin:   strings.NewReader(""),
		Stdout:  ts.Stdout(),
		Stderr:  ts.Stderr(),
		AWS:     w.aws,
		Clock:   w.clock,
		Getenv:  ts.Getenv,
		User:    "jo@laptop",
		Version: "v0.0.0-script",
	}
}
