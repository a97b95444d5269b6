package elasticbeanstalk

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Times say how long a platform version takes to come and to go. AWS promises
// nothing. Zero is the default.
type Times struct {
	Creating time.Duration // Creating → Ready; 20 min
	Deleting time.Duration // Deleting → gone; 5 min
}

// Service is Elastic Beanstalk in one world.
type Service struct {
	times Times
	store *awssim.Store[*state]
}

// New makes the service for [awssim.New].
func New(t Times) *Service {
	if t.Creating == 0 {
		t.Creating = 20 * time.Minute
	}
	if t.Deleting == 0 {
		t.Deleting = 5 * time.Minute
	}
	return &Service{times: t}
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "elasticbeanstalk", &state{}, (*state).clone)
	s.store = st

	awssim.Read(st, listPlatformVersions, "Filters", "MaxRecords", "NextToken")
	awssim.Read(st, describePlatformVersion, "PlatformArn")
	awssim.Read(st, listPlatformBranches, "Filters", "MaxRecords", "NextToken")

	awssim.Requests(st, describePlatformVersionPermissions)
	awssim.OtherRequests(st, anywhere)
}

// describePlatformVersionPermissions asks for the version (shared/facts/iam.json).
func describePlatformVersionPermissions(_ *awssim.Moment, _ *state, in *describeInput) []awssim.Request {
	return []awssim.Request{{Resource: aws.ToString(in.PlatformArn)}}
}

// anywhere is for the lists, which need not be of one platform
// (shared/facts/iam.json for ListPlatformVersions; for the branches unverified).
func anywhere(*awssim.Moment) []awssim.Request { return []awssim.Request{{Resource: "*"}} }

// InsufficientPrivileges is the answer, to be injected, to an account that may not
// use a service that Elastic Beanstalk needs (facts/apis.md 6 and 11).
func InsufficientPrivileges() error {
	return awssim.FailAs(http.StatusForbidden, &types.InsufficientPrivilegesException{
		Message: aws.String("Access Denied"), // the text unverified
	})
}

// invalid has the code that facts/apis.md does not give for this service; it is
// the one that other operations of it use (lib:2804612345).
func invalid(format string, args ...any) error {
	return awssim.Fail(http.StatusBadRequest, "InvalidParameterValue", format, args...)
}
