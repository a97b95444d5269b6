package cli_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/cli"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Whoever redirects the result to a full disk must not be told that all is well.
func TestResultThatCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"demo", "--json"}, {"render", "schema"}, {"help"}, {"completion", "bash"}} {
		var stderr bytes.Buffer
		code := cli.Main(t.Context(), cli.Env{Stdin: strings.NewReader(""), Stdout: fullDisk{}, Stderr: &stderr}, args)
		if code != cli.ExitFailed || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("drover %v: exit %d, on standard error: %s", args, code, stderr.String())
		}
	}
}
