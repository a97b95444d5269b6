package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The program as a process of its own, for the few scripts that are about
// that. It cannot be called drover: that is the command which runs the program
// in this process, in the script's world.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"drover-process": main})
}

// TestScripts runs testdata/script: a script for each promise that the program
// makes. What a script can do beyond testscript's own commands is in
// [commands]. UPDATE=1 rewrites the expected outputs in the scripts.
func TestScripts(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           dir, // absolute: scripts change the working directory
		Cmds:          commands(),
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			// Nothing outside may be reached by mistake, nor waited for, nor kept.
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Values[worldKey{}] = newWorld()
			return nil
		},
	})
}

// exits-process N ARGS...: the program, as a process, exits N.
func exitsProcess(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec("drover-process", args[1:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("the process exits %d, want %d", got, want)
	}
}
