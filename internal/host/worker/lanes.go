package worker

import "sync"

// lanes do things one after another where they are about the same, and at once
// where they are not. The zero value is ready.
type lanes struct {
	mu    sync.Mutex
	after map[string][]func()
	wg    sync.WaitGroup
}

// do has f done after whatever was given before under the same key.
func (l *lanes) do(key string, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rest, taken := l.after[key]; taken {
		l.after[key] = append(rest, f)
		return
	}
	if l.after == nil {
		l.after = map[string][]func(){}
	}
	l.after[key] = nil
	l.wg.Go(func() {
		for ; f != nil; f = l.next(key) {
			f()
		}
	})
}

func (l *lanes) next(key string) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.after[key]
	if len(rest) == 0 {
		delete(l.after, key)
		return nil
	}
	l.after[key] = rest[1:]
	return rest[0]
}

// wait returns when all that was given is done.
func (l *lanes) wait() { l.wg.Wait() }
