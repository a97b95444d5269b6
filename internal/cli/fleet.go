package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// maxInput bounds what is read from a file or standard input. A fleet file or
// an event larger than this is a mistake.
const maxInput = 16 << 20

// loadFleet reads and validates a fleet file.
func loadFleet(path string) (*fleetfile.Fleet, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, usage(err)
	}
	fleet, err := fleetfile.Parse(path, data, app.Kinds())
	return fleet, usage(err)
}

// loadEvents reads one event or several from a file; "-" is standard input.
func (e *Env) loadEvents(path string) ([]event.Event, error) {
	in := e.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usage(missing(path, err))
		}
		defer f.Close() //nolint:errcheck // only read from
		in = f
	}
	var events []event.Event
	dec := event.NewDecoder(io.LimitReader(in, maxInput))
	for {
		next, err := dec.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, usage(fmt.Errorf("read event from %s: %w", name(path), err))
		}
		events = append(events, next)
	}
}

func name(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, missing(path, err)
	}
	if info.Size() > maxInput {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), maxInput)
	}
	return os.ReadFile(path)
}

func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file", path)
	}
	return failure.As(failure.Stop, err)
}
