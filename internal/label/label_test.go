package label_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/droverhq/drover/internal/label"
)

func TestLinesHaveTheLabelsOfTheirContext(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(label.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})))
	plain := t.Context()
	request := label.With(plain, slog.String("request", "1"))
	run := label.With(request, slog.String("run", "a"), slog.String("automation", "sdwan"))
	other := label.With(run, slog.String("run", "b"))

	for _, test := range []struct {
		log  *slog.Logger
		ctx  context.Context
		want string
	}{
		{log, plain, "msg=call took=1s\n"},
		{log, request, "msg=call took=1s request=1\n"},
		{log, run, "msg=call took=1s request=1 run=a automation=sdwan\n"},
		{log, other, "msg=call took=1s request=1 automation=sdwan run=b\n"},
		{log.With("run", "c"), run, "msg=call run=c took=1s request=1 automation=sdwan\n"},
		{log.With("took", "2s"), request, "msg=call took=2s took=1s request=1\n"},
	} {
		out.Reset()
		test.log.InfoContext(test.ctx, "call", "took", "1s")
		if got := out.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
