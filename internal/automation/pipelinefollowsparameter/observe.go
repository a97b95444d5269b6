package pipelinefollowsparameter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// An event can be ahead of what a read returns. Where that matters, the read is
// repeated this often and for this long before it is believed. An event older than
// recent cannot be ahead.
const (
	rereadEvery = 3 * time.Second
	rereadFor   = 15 * time.Second
	recent      = 10 * time.Minute
	// coarse is by how much the time of an event may be off that of the change: it
	// has whole seconds.
	coarse = 2 * time.Second
)

func observe(ctx context.Context, t *turn) error {
	l, err := read(ctx, t)
	if err != nil {
		return err
	}
	t.State = l.state
	return t.Await(l.doubtful(t.Events, t.Clock.Now()), rereadEvery, rereadFor)
}

// early says whether a step was begun so recently that a read may be behind what an
// earlier step did.
func early(t *turn) bool { return t.Clock.Now().Sub(t.Since) < rereadFor }

// look is what one look at AWS found. What is not kept in the state is too much of
// it.
type look struct {
	state    State
	pipeline types.ImagePipeline
	recipe   types.ImageRecipe
	builds   []Build // all there are
}

// read asks AWS for everything that a decision needs.
func read(ctx context.Context, t *turn) (look, error) {
	l := look{state: State{Observed: t.Clock.Now(), Taken: t.State.Taken, Undone: t.State.Undone, Given: t.State.Given}}
	g, together := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		l.state.Parameter, err = readParameter(together, t)
		return err
	})
	g.Go(func() error { return l.readWhole(together, t) })
	if err := g.Wait(); err != nil || l.state.Pipeline.unfit(t.Config) {
		return l, err
	}
	return l, l.readOthers(ctx, t)
}

// readWhole reads the pipeline and its recipe.
func (l *look) readWhole(ctx context.Context, t *turn) (err error) {
	if l.pipeline, err = readPipeline(ctx, t); err != nil {
		return err
	}
	l.state.Pipeline = pipelineOf(l.pipeline)
	if l.state.Pipeline.unfit(t.Config) {
		return nil // it need not be allowed to read more
	}
	if l.recipe, err = readRecipe(ctx, t, l.state.Pipeline.Recipe); err != nil {
		return err
	}
	l.state.Recipe, err = recipeOf(l.recipe)
	return err
}

// readOthers reads what versions of the recipe there are, and what was built.
func (l *look) readOthers(ctx context.Context, t *turn) error {
	g, ctx := errgroup.WithContext(ctx)
	if value := l.state.Parameter.Value; isImage(value) && value != l.state.Recipe.Parent && !l.state.Recipe.dynamic() {
		g.Go(func() error { return l.readVersions(ctx, t, value) })
	}
	g.Go(func() (err error) {
		l.builds, err = listBuilds(ctx, t)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	l.state.Builds = l.relevant()
	return nil
}

func (l *look) readVersions(ctx context.Context, t *turn, value string) (err error) {
	of := l.state.Recipe
	versions, err := listVersions(ctx, t, of)
	if err != nil {
		return err
	}
	taken := []string{l.state.Taken}
	for _, v := range versions {
		if l.state.Pipeline.covers(*v.Arn) && newer(*v.Arn, of.ARN) {
			return failure.Retryf("%s shows %s, although there is %s", l.state.Pipeline.Recipe, label(of.ARN), label(*v.Arn))
		}
		taken = append(taken, number(*v.Arn))
		if aws.ToString(v.ParentImage) != value || len(l.state.Same) > 0 {
			continue
		}
		whole, err := readRecipe(ctx, t, *v.Arn)
		if err != nil {
			return err
		}
		same, err := recipeOf(whole)
		if err != nil {
			return err
		}
		if same.Content == of.Content && same.Parent == value {
			l.state.Same = append(l.state.Same, same)
		}
	}
	if l.state.Next, err = next(number(of.ARN), taken); err != nil {
		return failure.As(failure.Stop, fmt.Errorf("read the number of %s: %w", of.ARN, err))
	}
	return nil
}

// relevant are the builds that a decision may rest on: of each version that may be
// the one, the newest of each kind, and one that runs.
func (l *look) relevant() []Build {
	var kept []Build
	recipes := []string{l.state.Recipe.ARN}
	for _, r := range l.state.Same {
		recipes = append(recipes, r.ARN)
	}
	for _, b := range l.builds {
		alike := func(k Build) bool {
			return k.available() == b.available() && k.failed() == b.failed() && sameVersion(k, b)
		}
		ours := slices.ContainsFunc(recipes, b.of)
		if (ours || b.runs()) && !slices.ContainsFunc(kept, alike) {
			kept = append(kept, b)
		}
	}
	return kept
}

func sameVersion(a, b Build) bool {
	x, _ := cutLast(a.Image)
	y, _ := cutLast(b.Image)
	return x == y
}

// doubtful says which read is awaited that agrees with an event: of the parameter
// as it was set then, or of a build that has ended.
func (l *look) doubtful(events []event.Event, now time.Time) string {
	fresh := func(e event.Event) bool { return !e.Time.IsZero() && now.Sub(e.Time) <= recent }
	if e, ok := changedAt(events); ok && fresh(e) {
		p := l.state.Parameter
		if p.Missing || p.Modified.Before(e.Time.Add(-coarse)) {
			return "a read of the parameter that is as new as the event"
		}
	}
	for _, e := range endings(events) {
		d, _, _ := event.AsBuildStateChange(e) // endings has only events that can be read
		i := slices.IndexFunc(l.builds, func(b Build) bool { return strings.EqualFold(b.Image, d.Image) })
		if fresh(e) && i >= 0 && l.builds[i].runs() {
			return "a read of " + d.Image + " that agrees with the event"
		}
	}
	return ""
}
