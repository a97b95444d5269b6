package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
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
			return nil, usage(unreadable(path, err))
		}
		defer f.Close() //nolint:errcheck // only read from
		in = f
	}
	var events []event.Event
	var problems []error
	dec := event.NewDecoder(io.LimitReader(in, maxInput))
	for last := error(nil); ; {
		next, err := dec.Next()
		if err == nil {
			events = append(events, next)
			continue
		}
		if errors.Is(err, io.EOF) || errors.Is(err, last) { // its end, or a place that the decoder cannot get past
			return events, usage(errors.Join(problems...))
		}
		last = err
		for _, p := range each(err) {
			problems = append(problems, unreadable(name(path), p))
		}
	}
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
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
		return nil, unreadable(path, err)
	}
	if info.Size() > maxInput {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), maxInput)
	}
	data, err := os.ReadFile(path)
	return data, unreadable(path, err)
}

// unreadable says what is wrong with a file without saying its name twice.
func unreadable(path string, err error) error {
	var cause *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such file", path)
	case errors.As(err, &cause):
		return fmt.Errorf("%s: %w", path, cause.Err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
