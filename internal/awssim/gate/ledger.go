package gate

import (
	"context"
	"fmt"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/ledger"
)

// Ledger has every call of a ledger pass the gate, by the actor of its context.
func (g *Gate) Ledger(l ledger.Ledger) ledger.Ledger { return &gated{g, l} }

type gated struct {
	gate   *Gate
	ledger ledger.Ledger
}

// through passes the gate, makes the call, and withholds the answer from an
// actor whose context ended meanwhile.
func through[T any](ctx context.Context, g *gated, operation string, input any, call func() (T, error)) (answer T, err error) {
	c := awssim.Call{Actor: awssim.ActorOf(ctx), Operation: "ledger:" + operation, Input: input}
	entered := g.gate.Enter(ctx, c)
	if entered == nil {
		answer, err = call()
	}
	var none T
	if ctx.Err() != nil {
		return none, fmt.Errorf("%s: %w", c.Operation, ctx.Err())
	}
	if entered != nil {
		return none, fmt.Errorf("%s: %w", c.Operation, entered)
	}
	return answer, err
}

func (g *gated) Identity(ctx context.Context) (string, error) {
	return through(ctx, g, "Identity", nil, func() (string, error) { return g.ledger.Identity(ctx) })
}

func (g *gated) Get(ctx context.Context, key string) (ledger.Record, error) {
	return through(ctx, g, "Get", key, func() (ledger.Record, error) { return g.ledger.Get(ctx, key) })
}

func (g *gated) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	return through(ctx, g, "List", []any{prefix, after, limit}, func() ([]ledger.Record, error) {
		return g.ledger.List(ctx, prefix, after, limit)
	})
}

func (g *gated) Write(ctx context.Context, writes ...ledger.Write) error {
	_, err := through(ctx, g, "Write", writes, func() (struct{}, error) {
		return struct{}{}, g.ledger.Write(ctx, writes...)
	})
	return err
}

// Close reaches nobody else, and so passes no gate.
func (g *gated) Close() error { return g.ledger.Close() }
