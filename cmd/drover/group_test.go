package main

import (
	"encoding/json"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// group NAME VERSION: makes a launch template of that name with two versions, and
// a group of that name that launches from the version, and writes the event of
// that to NAME-created.json. It exports LT.
func group(w *world, ts *testscript.TestScript, args []string) {
	lt := w.stage.Template(args[0])
	w.stage.Version(lt)
	e := w.stage.Group(args[0], lt, args[1], nil)
	ts.Check(w.stage.Err())
	ts.Setenv("LT", lt)
	data, err := json.Marshal(e)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+"-created.json"), append(data, '\n'), 0o600))
	w.Take() // the events of this are no part of the script
	w.told = len(w.Calls())
}
