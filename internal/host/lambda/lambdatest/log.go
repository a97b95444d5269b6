package lambdatest

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// logFile is what processes write to. It is a file, and no pipe that somebody
// has to read from: what was written before an answer is there when the answer
// is.
type logFile struct {
	mu     sync.Mutex
	file   *os.File
	closed string // what was in it
}

// open makes the file, once.
func (l *logFile) open() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return l.file, nil
	}
	made, err := os.CreateTemp("", "lambdatest-*.log")
	if err != nil {
		return nil, err
	}
	// Several processes write to it, one after another.
	l.file, err = os.OpenFile(made.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if closed := made.Close(); err == nil {
		err = closed
	}
	return l.file, err
}

func (l *logFile) close() error {
	text := l.String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	l.closed = text
	err := l.file.Close()
	if removed := os.Remove(l.file.Name()); err == nil {
		err = removed
	}
	l.file = nil
	return err
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.closed
	}
	text, err := os.ReadFile(l.file.Name())
	if err != nil {
		return fmt.Sprintf("the log cannot be read: %v", err)
	}
	return string(text)
}

func (l *logFile) lines() []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var object map[string]any
		if json.Unmarshal([]byte(line), &object) == nil {
			all = append(all, object)
		}
	}
	return all
}
