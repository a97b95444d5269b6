//go:build conformance

package conformance

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// motoDatabase is moto's DynamoDB. A transaction that moto refuses puts its
// whole table back to what it was, whatever others wrote meanwhile: so requests
// reach it one after another, and what happens at the same time is for DynamoDB
// Local to witness.
func motoDatabase(t *testing.T) *database {
	t.Helper()
	moto := <-idle
	t.Cleanup(func() { idle <- moto })
	if err := moto.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &database{url: moto.url, wire: &wire{gate: &sync.Mutex{}, note: seen.add}, backup: true}
}

// localDatabase is DynamoDB Local, AWS's own, in memory, for the length of a
// test. `make conformance` installs it where there are Java and Maven.
func localDatabase(t *testing.T) *database {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skipf("SKIPPED: the SQLite that DynamoDB Local brings is for amd64, this is %s", runtime.GOARCH)
	}
	dir := os.Getenv("DROVER_DYNAMODB_LOCAL")
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal.jar")); dir == "" || err != nil {
		t.Skipf("SKIPPED: no DynamoDB Local in DROVER_DYNAMODB_LOCAL=%q; `make conformance` installs it where there are java (17 or later), mvn and Maven Central", dir)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	port, err := freePort(ctx)
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	life, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(life, "java",
		"-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", // it lives for seconds
		"-Dsqlite4java.library.path="+dir, "-cp", filepath.Join(dir, "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-disableTelemetry", "-port", port)
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		kill()
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or its log says why it ended
		close(exited)
	}()
	t.Cleanup(func() {
		kill()
		<-exited
		if t.Failed() {
			t.Logf("the last lines of DynamoDB Local's log:\n%s", log.tail(20))
		}
	})
	db := &database{url: "http://127.0.0.1:" + port, wire: &wire{}, tokens: true}
	if err := answers(ctx, db.url, exited); err != nil {
		t.Fatalf("start DynamoDB Local: %v; its log:\n%s", err, log.tail(40))
	}
	return db
}

// answers waits until a server answers anything at all.
func answers(ctx context.Context, url string, exited <-chan struct{}) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			return res.Body.Close()
		}
		select {
		case <-exited:
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
