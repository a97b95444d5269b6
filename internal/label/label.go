// Package label carries what a log line is about in the context: the request,
// the automation, the run. Whoever knows a label adds it with [With]; every
// line that is logged under that context, by whatever code, then has it.
package label

import (
	"context"
	"log/slog"
	"slices"
)

type key struct{}

// With returns a context whose log lines have these labels too. A label that
// is there already is replaced.
func With(ctx context.Context, labels ...slog.Attr) context.Context {
	kept := slices.DeleteFunc(slices.Clone(of(ctx)), func(a slog.Attr) bool { return contains(labels, a.Key) })
	return context.WithValue(ctx, key{}, append(kept, labels...))
}

func of(ctx context.Context) []slog.Attr {
	labels, _ := ctx.Value(key{}).([]slog.Attr)
	return labels
}

func contains(attrs []slog.Attr, name string) bool {
	return slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == name })
}

// Handler adds the labels of the context to every line. What the line says by
// itself under the same name counts.
func Handler(next slog.Handler) slog.Handler { return handler{next: next} }

type handler struct {
	next slog.Handler
	said []slog.Attr // by the logger itself
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, line slog.Record) error {
	said := slices.Clone(h.said)
	line.Attrs(func(a slog.Attr) bool {
		said = append(said, a)
		return true
	})
	line = line.Clone()
	for _, a := range of(ctx) {
		if !contains(said, a.Key) {
			line.AddAttrs(a)
		}
	}
	return h.next.Handle(ctx, line)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{next: h.next.WithAttrs(attrs), said: slices.Concat(h.said, attrs)}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{next: h.next.WithGroup(name), said: h.said}
}
