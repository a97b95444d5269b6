//go:build conformance

package conformance

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sync/errgroup"
)

// lanes is how many tests play at the same time. Some wait for seconds, since
// over the wire time is real; one has a server to itself for longer than a minute.
const lanes = 3

// idle holds the servers that no test uses: one is lent to one test at a time.
var idle = make(chan *server, lanes)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	flag.Parse()
	stop, err := startServers(os.Getenv("DROVER_MOTO"))
	defer stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "conformance: %v\n", err)
		return 1
	}
	if code := m.Run(); code != 0 || partial() {
		return code
	}
	if err := compareWithTable(seen.list()); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: %v\n", err)
		return 1
	}
	return 0
}

// partial says whether not all tests were asked for. Then the calls that were
// made are not all that the table promises.
func partial() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return true
		}
	}
	return false
}

// startServers fills idle. What it returns ends the servers, also after an error.
func startServers(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, errors.New("DROVER_MOTO is not set; run `make conformance`, or set it to the moto_server of an environment with `pip install -r conformance/requirements.txt`")
	}
	started := make([]*server, lanes)
	var g errgroup.Group
	for i := range started {
		g.Go(func() (err error) {
			started[i], err = startServer(path)
			return err
		})
	}
	err = g.Wait()
	stop = func() {
		for _, s := range started {
			if s != nil {
				s.stop()
			}
		}
	}
	if err == nil {
		for _, s := range started {
			idle <- s
		}
	}
	return stop, err
}
