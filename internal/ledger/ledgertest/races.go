package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/droverhq/drover/internal/ledger"
)

// The checks in this file write from several goroutines over several handles.
const (
	handles = 3
	workers = 6  // goroutines; two to a handle
	rounds  = 15 // what each of them does
	// patience is how often a write is tried. Every conflict means that a write
	// of somebody else's went through, and there are no more than these.
	patience = workers * rounds
)

var errPatience = errors.New("more conflicts than there are writes to conflict with")

// race runs one function per worker at the same time and waits for all.
func race(t *trial, work func(worker int, l ledger.Ledger) error) {
	t.Helper()
	var open [handles]ledger.Ledger
	for i := range open {
		open[i] = t.handle()
	}
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for worker := range workers {
		wg.Go(func() {
			<-begin
			if err := work(worker, open[worker%handles]); err != nil {
				t.Errorf("worker %d: %v", worker, err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

// insist tries until there is no conflict.
func insist(try func() error) error {
	for range patience {
		if err := try(); !ledger.IsConflict(err) {
			return err
		}
	}
	return errPatience
}

// number reads a record that holds a number; an absent one is 0 at version 0.
func number(ctx context.Context, l ledger.Ledger, key string) (n int, version int64, err error) {
	record, err := l.Get(ctx, key)
	if errors.Is(err, ledger.ErrNotFound) {
		return 0, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(record.Value, &n)
	}
	return n, record.Version, err
}

// set writes a number over the version that was read.
func set(key string, version int64, n int) ledger.Write {
	value := json.RawMessage(fmt.Sprint(n))
	if version == 0 {
		return ledger.Create(key, value, never)
	}
	return ledger.Update(key, version, value, never)
}

func checkCreateRace(t *trial) {
	var wins [rounds]atomic.Int64
	var winner [rounds]atomic.Int64
	key := func(round int) string { return fmt.Sprintf("prize/%02d", round) }
	race(t, func(worker int, l ledger.Ledger) error {
		for round := range rounds {
			keys, err := conflicts(l.Write(t.Context(), set(key(round), 0, worker)))
			switch {
			case err != nil:
				return err
			case len(keys) == 0:
				wins[round].Add(1)
				winner[round].Store(int64(worker))
			}
		}
		return nil
	})
	l := t.handle()
	for round := range rounds {
		if n := wins[round].Load(); n != 1 {
			t.Errorf("%d of %d creates of one key succeeded, want 1", n, workers)
		}
		t.present(l, ledger.Record{Key: key(round), Version: 1, Value: json.RawMessage(fmt.Sprint(winner[round].Load()))})
	}
}

func checkCounters(t *trial) {
	const counters = 2
	key := func(i int) string { return fmt.Sprintf("counter/%d", i%counters) }
	race(t, func(worker int, l ledger.Ledger) error {
		for round := range rounds {
			if err := insist(func() error {
				n, version, err := number(t.Context(), l, key(worker+round))
				if err != nil {
					return err
				}
				return l.Write(t.Context(), set(key(worker+round), version, n+1))
			}); err != nil {
				return err
			}
		}
		return nil
	})
	l, total := t.handle(), 0
	for i := range counters {
		n, version, err := number(t.Context(), l, key(i))
		if err != nil || int64(n) != version {
			t.Errorf("counter %d: %d after %d writes, error %v", i, n, version, err)
		}
		total += n
	}
	if total != workers*rounds {
		t.Errorf("%d increments counted, want %d", total, workers*rounds)
	}
}

// checkTransfers moves money between accounts and notes each transfer in the
// same transaction: at the end the notes explain every balance.
func checkTransfers(t *trial) {
	const accounts, capital = 4, 1000
	key := func(account int) string { return fmt.Sprintf("account/%d", account) }
	type note struct{ From, To, Amount int }
	bank := t.handle()
	want := make([]int, accounts)
	for i := range want {
		want[i] = capital
		t.write(bank, set(key(i), 0, capital))
	}
	transfer := func(l ledger.Ledger, name string, n note) error {
		from, fromVersion, err := number(t.Context(), l, key(n.From))
		if err != nil {
			return err
		}
		to, toVersion, err := number(t.Context(), l, key(n.To))
		if err != nil {
			return err
		}
		value, err := json.Marshal(n)
		if err != nil {
			return err
		}
		return l.Write(t.Context(),
			set(key(n.From), fromVersion, from-n.Amount),
			set(key(n.To), toVersion, to+n.Amount),
			ledger.Create(name, value, never))
	}
	race(t, func(worker int, l ledger.Ledger) error {
		for round := range rounds {
			from := (worker + round) % accounts
			n := note{From: from, To: (from + 1 + round%(accounts-1)) % accounts, Amount: 1 + round}
			if err := insist(func() error { return transfer(l, fmt.Sprintf("note/%d/%02d", worker, round), n) }); err != nil {
				return err
			}
		}
		return nil
	})
	notes, err := bank.List(t.Context(), "note/", "", workers*rounds+1)
	if err != nil || len(notes) != workers*rounds {
		t.Errorf("%d notes, error %v; want %d", len(notes), err, workers*rounds)
	}
	for _, record := range notes {
		var n note
		if err := json.Unmarshal(record.Value, &n); err != nil {
			t.Fatalf("read %s: %v", record.Key, err)
		}
		want[n.From] -= n.Amount
		want[n.To] += n.Amount
	}
	for i := range want {
		if n, _, err := number(t.Context(), bank, key(i)); err != nil || n != want[i] {
			t.Errorf("account %d holds %d, error %v; the notes say %d", i, n, err, want[i])
		}
	}
}

// checkSkew lets workers leave a room that one of them must stay in: each
// deletes its own record, expecting that the other's is there. Whoever comes
// second must be refused, though it writes nothing the first one wrote.
func checkSkew(t *trial) {
	var left [rounds]atomic.Int64
	key := func(round, who int) string { return fmt.Sprintf("room/%02d/%d", round, who) }
	l := t.handle()
	for round := range rounds {
		t.write(l, create(key(round, 0)), create(key(round, 1)))
	}
	race(t, func(worker int, l ledger.Ledger) error {
		me := worker % 2
		for round := range rounds {
			keys, err := conflicts(l.Write(t.Context(), ledger.Delete(key(round, me), 1), ledger.Expect(key(round, 1-me), 1)))
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				left[round].Add(1)
			}
		}
		return nil
	})
	for round := range rounds {
		if n := left[round].Load(); n != 1 {
			t.Errorf("%d left the room, want 1", n)
		}
	}
}
