package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/host/lambda/lambdatest"
)

// warmInvocations is how often a process is asked again after its first answer.
const warmInvocations = 200

// lambdaSide is a function that is measured.
type lambdaSide struct {
	name    string
	program string
	args    []string
	binary  string // as it is told; "" for what has none
	wants   string // a part of its answer

	first, warm []time.Duration
	resident    []int // KB
	calls       int64 // of one invocation of a warm process
}

// lambdas measures what a function costs beside what it does: Drover, Go alone,
// and Python, each asked for the same plan and given the same stub.
func lambdas(ctx context.Context, runs int) error {
	dir, err := os.MkdirTemp("", "drover-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	sides, err := lambdaSides(ctx, dir)
	if err != nil {
		return err
	}
	stub := newStub()
	defer stub.Close()
	for range runs + 1 { // the first is for the caches of files
		for i := range sides {
			if err := sides[i].measure(ctx, dir, stub); err != nil {
				return fmt.Errorf("%s: %w", sides[i].name, err)
			}
		}
	}

	floor := sides[0].figures()
	fmt.Printf("\nAs an AWS Lambda function: a plan for a stopped gateway, asked for over the Runtime API; ledger and EC2 are one stub without delay.\n")
	fmt.Printf("First answer from exec on, median of %d; warm, median of %d; memory resident after that. The floor is Go that does nothing.\n\n", runs, runs*warmInvocations)
	fmt.Printf("%-27s | %9s %7s | %9s %7s | %9s | %9s | %5s\n", "", "first", "floors", "warm", "floors", "resident", "binary", "calls")
	for i := range sides {
		f := sides[i].figures()
		fmt.Printf("%-27s | %9s %6.2fx | %9s %6.2fx | %6.1f MB | %9s | %5d\n", sides[i].name,
			f.first.Round(100*time.Microsecond), ratio(f.first, floor.first), f.warm.Round(time.Microsecond), ratio(f.warm, floor.warm), f.resident, sides[i].binary, sides[i].calls)
	}
	if len(sides) == 3 {
		ours, theirs := sides[1].figures(), sides[2].figures()
		fmt.Printf("%-27s | %8.1fx %7s | %8.1fx %7s | %8.1fx |\n", "ratio, Python to Drover", ratio(theirs.first, ours.first), "", ratio(theirs.warm, ours.warm), "", theirs.resident/ours.resident)
	}
	return nil
}

// lambdaSides builds what is measured; Go that does nothing comes first.
func lambdaSides(ctx context.Context, dir string) ([]lambdaSide, error) {
	sides := []lambdaSide{
		{name: "empty aws-lambda-go handler", program: filepath.Join(dir, "empty"), wants: "{}"},
		{name: "drover", program: filepath.Join(dir, "bootstrap"), wants: "eni-071b4d6cbf57de651"},
	}
	for i, from := range []string{"./bench/empty", "./cmd/drover"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", sides[i].program, from)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s, in the folder of the repository: %w\n%s", from, err, out)
		}
		info, err := os.Stat(sides[i].program)
		if err != nil {
			return nil, err
		}
		sides[i].binary = fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
	}
	if err := os.WriteFile(filepath.Join(dir, "fleet.yaml"), []byte(stubFleet), 0o600); err != nil {
		return nil, err
	}
	python, version, err := findPython(ctx)
	if err != nil {
		fmt.Printf("\nPython is left out: %v\n", err)
		return sides, nil
	}
	peer, err := filepath.Abs(filepath.Join("bench", "peer.py"))
	if err != nil {
		return nil, err
	}
	return append(sides, lambdaSide{name: version, program: python, args: []string{peer}, binary: "-", wants: "eni-071b4d6cbf57de651"}), nil
}

// findPython looks for the Python with boto3 that conformance has installed.
func findPython(ctx context.Context) (python, version string, err error) {
	python, err = filepath.Abs(filepath.Join(".cache", "venv", "bin", "python"))
	if moto := os.Getenv("DROVER_MOTO"); moto != "" {
		python = filepath.Join(filepath.Dir(moto), "python")
	}
	if err != nil {
		return "", "", err
	}
	out, err := exec.CommandContext(ctx, python, "-c", `import platform, boto3; print("Python", ".".join(platform.python_version_tuple()[:2]) + ", boto3", boto3.__version__)`).CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("%s has no boto3; `make conformance` installs it (%w)", python, err)
	}
	return python, strings.TrimSpace(string(out)), nil
}

// measure starts a process, asks it, and asks it again.
func (s *lambdaSide) measure(ctx context.Context, dir string, stub *stub) (err error) {
	f := lambdatest.New(lambdatest.Options{
		Program: s.program, Args: s.args, Dir: dir,
		Env: []string{"AWS_ENDPOINT_URL=" + stub.URL, "DROVER_TABLE=drover", "MEMBERS=" + deadGateway + "," + standbyGateway, "VPC=" + stubVPC},
	})
	defer func() { err = cmp.Or(err, f.Close()) }()
	ask := func() (lambdatest.Result, error) {
		r, err := f.Invoke(ctx, []byte(stubPlan))
		switch {
		case err != nil:
			return r, err
		case r.Error != nil:
			return r, fmt.Errorf("%w; its log:\n%s", r.Error, f.Log())
		case !bytes.Contains(r.Payload, []byte(s.wants)):
			return r, fmt.Errorf("it answers %s", r.Payload)
		}
		return r, nil
	}
	first, err := ask()
	if err != nil {
		return err
	}
	s.first = append(s.first, first.Took)
	for range warmInvocations {
		before := stub.calls.Load()
		r, err := ask()
		if err != nil {
			return err
		}
		s.warm, s.calls = append(s.warm, r.Took), stub.calls.Load()-before
	}
	kb, err := resident(f.PID())
	s.resident = append(s.resident, kb)
	return err
}

// resident is the memory of a process in KB, as Linux tells.
func resident(pid int) (kb int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if n, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 && err == nil {
			return kb, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status does not tell VmRSS", pid)
}

// figures are the medians, without the first process.
type lambdaFigures struct {
	first, warm time.Duration
	resident    float64 // MB
}

func (s *lambdaSide) figures() lambdaFigures {
	return lambdaFigures{
		first:    middle(s.first[1:]),
		warm:     middle(s.warm[warmInvocations:]),
		resident: float64(middle(s.resident[1:])) / 1e3,
	}
}

func middle[T cmp.Ordered](list []T) T {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}
