// Package sts simulates the one call of STS that tells who is calling. Not
// modelled: users, roles, sessions; whoever calls is the role "drover", in a
// session named after the actor.
package sts

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/droverhq/drover/internal/awssim"
)

// Service is STS in one world.
type Service struct{}

// New makes the service for [awssim.New].
func New() Service { return Service{} }

// state is empty: what STS answers follows from the call alone.
type state struct{}

// Attach implements [awssim.Service]. The call needs no permission and nobody
// can be denied it (doc of sts GetCallerIdentity).
func (Service) Attach(w *awssim.World) {
	store := awssim.NewStore(w, "sts", state{}, func(s state) state { return s })
	awssim.Read(store, getCallerIdentity)
	awssim.Requests(store, func(*awssim.Moment, state, *sts.GetCallerIdentityInput) []awssim.Request { return nil })
}

func getCallerIdentity(m *awssim.Moment, _ state, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	session := cmp.Or(m.Actor, "session")
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(m.Account()),
		Arn:     aws.String("arn:aws:sts::" + m.Account() + ":assumed-role/drover/" + session),
		UserId:  aws.String("AROASIMULATED:" + session),
	}, nil
}
