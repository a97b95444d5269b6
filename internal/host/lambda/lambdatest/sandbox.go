package lambdatest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// sandbox is one process of a function, with a Runtime API of its own: what a
// process that was killed had asked for cannot reach the next.
type sandbox struct {
	cmd    *exec.Cmd
	kill   context.CancelFunc
	api    *http.Server
	served chan error

	next       chan *invocation // taken by whoever asks for the next one
	initFailed chan *FunctionError
	exited     chan struct{}
	exit       error // how it ended; to be read after exited

	mu      sync.Mutex
	current *invocation // handed out and not answered
}

// start starts a process.
func start(o Options, log *os.File) (*sandbox, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	life, kill := context.WithCancel(context.Background())
	s := &sandbox{
		kill: kill, next: make(chan *invocation), initFailed: make(chan *FunctionError, 1),
		exited: make(chan struct{}), served: make(chan error, 1),
	}
	s.api = &http.Server{Handler: s.routes(o), ReadHeaderTimeout: time.Minute}
	go func() { s.served <- s.api.Serve(listener) }()
	s.cmd = exec.CommandContext(life, o.Program, o.Args...)
	s.cmd.Dir = o.Dir
	s.cmd.Env = append(environment(o, listener.Addr().String()), o.Env...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		kill()
		_ = s.api.Close()
		return nil, fmt.Errorf("start %s: %w", o.Program, err)
	}
	go func() {
		s.exit = s.cmd.Wait()
		close(s.exited)
	}()
	return s, nil
}

// environment is what AWS sets.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func environment(o Options, api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + o.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=2026/03/01/[1]0123456789abcdef0123456789abcdef",
		"AWS_REGION=" + o.Region,
		"AWS_DEFAULT_REGION=" + o.Region,
		"AWS_ACCESS_KEY_ID=ASIAEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=example",
		"AWS_SESSION_TOKEN=example",
		"LAMBDA_TASK_ROOT=" + o.Dir,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}
}

func (s *sandbox) alive() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// end frees what the sandbox holds.
func (s *sandbox) end() error {
	s.kill()
	<-s.exited
	if err := s.api.Close(); err != nil {
		return err
	}
	if err := <-s.served; err != http.ErrServerClosed { //nolint:errorlint // Serve returns it as it is
		return err
	}
	return nil
}
