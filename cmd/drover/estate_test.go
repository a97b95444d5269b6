package main

import (
	"encoding/json"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/droverhq/drover/internal/scenario"
)

// estate INSTANCES: makes the group "web" with so many instances, and what a builder
// needs. It exports SUBNET, SG, LT, TOPIC and BASE, the image that the group has.
func estate(w *world, ts *testscript.TestScript, args []string) {
	instances, err := strconv.Atoi(args[0])
	ts.Check(err)
	e := w.stage.Estate(scenario.Estate{Instances: instances})
	ts.Check(w.stage.Err())
	for name, value := range map[string]string{"SUBNET": w.stage.Subnets[0], "SG": e.Security, "LT": e.Template, "BASE": e.Base, "TOPIC": w.stage.Topic} {
		ts.Setenv(name, value)
	}
	w.Take() // the events of this are no part of the script
	w.told = len(w.Calls())
}

// backup: has an instance of the group of the estate backed up, and writes the event
// that the job is complete to backup-completed.json. It exports IMAGE.
func backup(w *world, ts *testscript.TestScript, _ []string) {
	image, told := w.stage.Backup()
	ts.Check(w.stage.Err())
	ts.Setenv("IMAGE", image)
	data, err := json.Marshal(told)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("backup-completed.json"), append(data, '\n'), 0o600))
	w.told = len(w.Calls())
}
