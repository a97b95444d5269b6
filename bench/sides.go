package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// drover is our side: the whole program from the event on, claim, ledger,
// verification and notice included; the time is that of the last route.
func drover(ctx context.Context, s *scenario.Stage) (func(event.Event) (time.Time, error), error) {
	fleet, err := fleetfile.Parse("bench.yaml", []byte(s.Failover()), app.Kinds())
	if err != nil {
		return nil, err
	}
	a := s.App(fleet)
	return func(e event.Event) (time.Time, error) {
		runs, err := a.Handle(ctx, e)
		if err != nil {
			return time.Time{}, err
		}
		if r := runs[0]; r.Outcome != flow.Succeeded {
			return time.Time{}, fmt.Errorf("run ended %s: %s", r.Outcome, r.Reason)
		}
		var last time.Time
		for _, w := range runs[0].Writes() {
			if at := w.At.Add(w.Took); at.After(last) {
				last = at
			}
		}
		return last, nil
	}, nil
}

// scripted is the other side: the calls of the source document's function, in
// its order. It reads the route tables of the VPC and, for each route that
// targets the dead gateway's interface, deletes it and makes it anew, one by
// one. The SDK's own retries stand in for boto3's.
func scripted(ctx context.Context, s *scenario.Stage) (func(event.Event) (time.Time, error), error) {
	client := ec2.NewFromConfig(s.AWS(), func(o *ec2.Options) { o.RetryMaxAttempts = 10 })
	dead, standby := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	return func(event.Event) (time.Time, error) {
		var last time.Time
		pages := ec2.NewDescribeRouteTablesPaginator(client, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.VPC}}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return last, err
			}
			for _, table := range page.RouteTables {
				for _, r := range table.Routes {
					if aws.ToString(r.NetworkInterfaceId) != dead {
						continue
					}
					_, err := client.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: table.RouteTableId, DestinationCidrBlock: r.DestinationCidrBlock})
					if err != nil {
						return last, err
					}
					_, err = client.CreateRoute(ctx, &ec2.CreateRouteInput{
						RouteTableId: table.RouteTableId, DestinationCidrBlock: r.DestinationCidrBlock, NetworkInterfaceId: aws.String(standby),
					})
					if err != nil {
						return last, err
					}
					last = s.Clock().Now()
				}
			}
		}
		if last.IsZero() {
			return last, errors.New("found no route to move")
		}
		return last, nil
	}, nil
}
