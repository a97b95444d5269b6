// Command drover keeps EC2 fleets in order by itself. See `drover help`.
package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/droverhq/drover/internal/cli"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/host/lambda"
)

// version is set by release builds: -ldflags '-X main.version=v1.2.3'.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Env{
		Stdin:    os.Stdin,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		AWS:      cloud.Load,
		Clock:    clock.Real{},
		Getenv:   os.Getenv,
		User:     userText(),
		Terminal: terminal(os.Stderr),
		Version:  versionText(),
	}, arguments())
	stop()
	os.Exit(code)
}

// arguments are what the program was given. AWS Lambda starts it as bootstrap,
// without any.
func arguments() []string {
	if len(os.Args) < 2 && os.Getenv(lambda.EnvRuntime) != "" {
		return []string{"lambda"}
	}
	return os.Args[1:]
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// terminal says whether a file is a terminal on which a line can be written
// over. On Windows only newer ones are sure to understand how.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return false
	}
	return runtime.GOOS != "windows" || os.Getenv("WT_SESSION") != ""
}

// userText names whoever runs the program, for the record.
func userText() string {
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"), os.Getenv("USERNAME"), strconv.Itoa(os.Getuid()))
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
