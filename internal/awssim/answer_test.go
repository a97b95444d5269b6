package awssim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
)

func TestNotModelledIsNamed(t *testing.T) {
	s := newScene(t, awssim.Options{})
	ctx := t.Context()
	elsewhere := s.Config()
	if elsewhere.Region != s.Region() {
		t.Errorf("configured for %s", elsewhere.Region)
	}
	elsewhere.Region = "eu-west-1"
	run := func(change func(*ec2.RunInstancesInput)) func() error {
		in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
		change(in)
		return func() error { _, err := s.client.RunInstances(ctx, in); return err }
	}
	for want, call := range map[string]func() error{
		"ec2:DescribeHosts is not modelled": func() error {
			_, err := s.client.DescribeHosts(ctx, &ec2.DescribeHostsInput{})
			return err
		},
		`ec2:RunInstances: parameter "CpuOptions" is not modelled`: run(func(in *ec2.RunInstancesInput) {
			in.CpuOptions = &types.CpuOptionsRequest{}
		}),
		`ec2:RunInstances: parameter "DryRun" is not modelled`: run(func(in *ec2.RunInstancesInput) {
			in.DryRun = aws.Bool(false)
		}),
		`ec2:RunInstances: parameter "NetworkInterfaces[1].Ipv6AddressCount" is not modelled`: run(func(in *ec2.RunInstancesInput) {
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{
				{DeviceIndex: aws.Int32(0)}, {DeviceIndex: aws.Int32(1), Ipv6AddressCount: aws.Int32(1)},
			}
		}),
		`ec2:RunInstances: parameter "InstanceMarketOptions.SpotOptions.MaxPrice" is not modelled`: run(func(in *ec2.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("1")}}
		}),
		`ec2:DescribeVpcs: filter "owner-id" is not modelled`: func() error {
			_, err := s.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("owner-id"), Values: []string{"1"}}}})
			return err
		},
		`ec2:DescribeVpcs: region "eu-west-1" is not modelled`: func() error {
			_, err := ec2.NewFromConfig(elsewhere).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
			return err
		},
	} {
		var not *awssim.NotModelled
		if err := call(); !errors.As(err, &not) || not.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func TestEmptyListIsNotSet(t *testing.T) {
	s := newScene(t, awssim.Options{})
	_, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SecurityGroupIds: []string{},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestValidationIsTheSDKsOwn(t *testing.T) {
	s := newScene(t, awssim.Options{})
	_, err := s.client.ReplaceRoute(t.Context(), &ec2.ReplaceRouteInput{})
	var invalid smithy.InvalidParamsError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v, want the SDK's validation error", err)
	}
}

func TestRequestIDs(t *testing.T) {
	s := newScene(t, awssim.Options{})
	out, err := s.client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); id != "00000000-0000-4000-8000-000000000003" {
		t.Errorf("request id %q, want that of the third call", id)
	}
	_, err = s.client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-1"}})
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.RequestID != "00000000-0000-4000-8000-000000000004" || response.HTTPStatusCode() != http.StatusBadRequest {
		t.Errorf("got %v, want a response error with the fourth request id and status 400", err)
	}
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidVpcID.NotFound" {
		t.Errorf("got %v, want InvalidVpcID.NotFound", err)
	}
}

// TestRetries counts the attempts that the SDK's standard retryer makes of three.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		err      func() error
		attempts int
	}{
		"throttled":        {func() error { return awssim.Throttled("ec2:DescribeVpcs") }, 3},
		"internal error":   {awssim.InternalError, 3},
		"connection reset": {awssim.ConnectionReset, 3},
		"timeout":          {awssim.Timeout, 3},
		"denied":           {func() error { return awssim.Denied("ec2:DescribeVpcs", "*") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // back-off takes virtual time
				w := awssim.New(clock.Real{}, awssim.Options{}, ec2sim.New(ec2sim.Times{}))
				w.Intercept(func(awssim.Call) awssim.Fault { return awssim.FailBefore(c.err()) })
				if _, err := ec2.NewFromConfig(w.Config()).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err == nil {
					t.Error("no error")
				}
				if n := len(w.Calls()); n != c.attempts {
					t.Errorf("%d attempts, want %d", n, c.attempts)
				}
			})
		})
	}
}

func TestRetrySucceedsAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := awssim.New(clock.Real{}, awssim.Options{}, ec2sim.New(ec2sim.Times{}))
		faults := []awssim.Fault{awssim.FailBefore(awssim.InternalError())}
		w.Intercept(func(awssim.Call) awssim.Fault {
			if len(faults) == 0 {
				return awssim.Fault{}
			}
			f := faults[0]
			faults = faults[1:]
			return f
		})
		if _, err := ec2.NewFromConfig(w.Config()).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil {
			t.Error(err)
		}
	})
}

func TestContextIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := awssim.New(clock.Real{}, awssim.Options{
			Latency: func(awssim.Call) time.Duration { return time.Minute },
		}, ec2sim.New(ec2sim.Times{}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ec2.NewFromConfig(w.Config()).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		var cancelled *aws.RequestCanceledError
		if !errors.As(err, &cancelled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a cancelled request", err)
		}
		if len(w.Calls()) != 0 {
			t.Error("the call reached the world")
		}
	})
}

func TestParallelCallsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := awssim.New(clock.Real{}, awssim.Options{
			Latency: func(awssim.Call) time.Duration { return 20 * time.Millisecond },
		}, ec2sim.New(ec2sim.Times{}))
		client := ec2.NewFromConfig(w.Config())
		start := time.Now()
		done := make(chan error)
		for range 10 {
			go func() {
				_, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
				done <- err
			}()
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("ten parallel calls took %v, want 20ms", took)
		}
	})
}

func TestThereIsNoNetwork(t *testing.T) {
	w := awssim.New(clock.NewVirtual(dawn), awssim.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://ec2.us-west-1.amazonaws.com", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Config().HTTPClient.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestCallLog(t *testing.T) {
	s := newScene(t, awssim.Options{})
	var seen []awssim.Call
	s.OnCall(func(c awssim.Call) { seen = append(seen, c) })
	in := &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")}
	if _, err := s.client.CreateVpc(awssim.WithActor(t.Context(), "a"), in); err != nil {
		t.Fatal(err)
	}
	in.CidrBlock = nil // the log must not notice
	calls := s.Calls()
	c := calls[len(calls)-1]
	if c.Actor != "a" || c.Operation != "ec2:CreateVpc" || !c.Mutating || !c.Applied || c.Err != nil || !c.At.Equal(dawn) {
		t.Errorf("call %+v", c)
	}
	if logged, ok := c.Input.(*ec2.CreateVpcInput); !ok || aws.ToString(logged.CidrBlock) != "10.1.0.0/16" {
		t.Errorf("input %+v", c.Input)
	}
	if len(seen) != 1 || seen[0].RequestID != c.RequestID {
		t.Errorf("hook saw %+v", seen)
	}
}

func TestCallerIdentity(t *testing.T) {
	s := newScene(t, awssim.Options{Account: "012345678901"})
	s.Authorize(func(string, string, map[string][]string) bool { return false }) // it cannot be denied
	out, err := sts.NewFromConfig(s.Config()).GetCallerIdentity(awssim.WithActor(t.Context(), "a"), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != s.Account() || *out.Arn != "arn:aws:sts::012345678901:assumed-role/drover/a" {
		t.Errorf("%s %s", *out.Account, *out.Arn)
	}
}
