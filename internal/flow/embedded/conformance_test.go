package embedded_test

import (
	"testing"

	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/flow/flowtest"
)

func TestEmbedded(t *testing.T) {
	flowtest.Run(t, func(x *flow.Executor) flowtest.Engine { return &embedded.Engine{Executor: x} })
}
