package parameterfollowsplatform

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/cloud"
)

// A read can be behind. An image that EC2 does not show is looked for again this
// often and for this long before it is taken to be gone.
const (
	rereadEvery = 3 * time.Second
	rereadFor   = 15 * time.Second
)

func observe(ctx context.Context, t *turn) error {
	s, err := read(ctx, t)
	if err != nil {
		return err
	}
	t.State = s
	for _, of := range s.Candidates {
		for _, i := range of.Images {
			if i.State == stateGone {
				return t.Await(fmt.Sprintf("EC2 to show %s, which %s has", i.ID, of.Name), rereadEvery, rereadFor)
			}
		}
	}
	return nil
}

// read asks AWS for everything that a decision needs.
func read(ctx context.Context, t *turn) (State, error) {
	s := State{Observed: t.Clock.Now(), Keeper: Keeper{Fleet: t.Run.Fleet, Automation: t.Run.Automation}}
	var err error
	if s.Parameter, err = readParameter(ctx, t); err != nil {
		return State{}, err
	}
	if s.Parameter.Exists && s.Parameter.unfit() == "" {
		if s.Parameter.Tags, err = readTags(ctx, t); err != nil {
			return State{}, err
		}
	}
	switch source := t.Config.Source; {
	case source.Platform != "":
		err = observePlatform(ctx, t, &s)
	case source.Branch != "":
		err = observeBranch(ctx, t, &s)
	case source.Parameter != "":
		err = observeSource(ctx, t, &s)
	default:
		err = observeImages(ctx, t, &s)
	}
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// likeImage is what an image id looks like, or what stands in for one until
// there is one.
var likeImage = regexp.MustCompile(`^ami-[0-9A-Za-z-]{1,60}$`)

// readParameter reads the parameter that is written to. Nothing is decrypted.
func readParameter(ctx context.Context, t *turn) (Parameter, error) {
	name := t.Config.Parameter
	out, err := t.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	if err != nil {
		if cloud.Code(err) == "ParameterNotFound" {
			return Parameter{}, nil
		}
		return Parameter{}, fmt.Errorf("read parameter %s: %w", name, err)
	}
	p := Parameter{Exists: true, Type: string(out.Parameter.Type), DataType: aws.ToString(out.Parameter.DataType)}
	if p.DataType == "" {
		p.DataType = dataText
	}
	if value := aws.ToString(out.Parameter.Value); p.Type == typeString && likeImage.MatchString(value) {
		p.Value = value
	}
	return p, nil
}
