package templatefollowsimage

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
)

// An event can be ahead of what a read returns, and one read behind another.
// Where that matters, the read is repeated this often and for this long before it
// is believed. An event older than recent cannot be ahead.
const (
	rereadEvery = 3 * time.Second
	rereadFor   = 15 * time.Second
	recent      = 10 * time.Minute
)

func observe(ctx context.Context, t *turn) error {
	l, err := read(ctx, t)
	if err != nil {
		return err
	}
	t.State = l.state
	return t.Await(l.doubtful(t.Clock.Now()), rereadEvery, rereadFor)
}

// look is what one look at AWS found. What is not kept in the state is too much of
// it, or matters only at once.
type look struct {
	state    State
	template launchtemplate.Template
	told     []told
}

// told is what an event tells of an image.
type told struct {
	image, state string
	at           time.Time
}

// read asks AWS for everything that a decision needs, and for who uses which
// version only if some may go.
func read(ctx context.Context, t *turn) (look, error) {
	l := look{
		state: State{Observed: t.Clock.Now(), Awaited: t.State.Awaited, Undone: t.State.Undone},
		told:  named(t.Events),
	}
	ref, err := resolve(ctx, t)
	if err != nil {
		return look{}, err
	}
	var matched []Image
	var unfit string
	g, together := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		l.template, err = launchtemplate.Describe(together, t.AWS.EC2, ref)
		return err
	})
	g.Go(func() (err error) {
		matched, err = describeMatching(together, t)
		return err
	})
	if len(t.Config.Template.Tags) > 0 {
		g.Go(func() (err error) {
			unfit, err = describeTags(together, t, ref)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return look{}, err
	}
	l.state.Template = foundOf(l.template)
	l.state.Template.Unfit = unfit
	l.state.Images = upToAvailable(matched)
	l.state.Numbers = l.template.Numbers()
	l.state.Holders = holdersIn(t.Run, l.template.Versions, l.state.Images)
	return l, l.complete(ctx, t, matched)
}

// complete adds what depends on the first reads: the images that the template has
// or that events were about, as far as they were not among those that match, and
// who uses which version.
func (l *look) complete(ctx context.Context, t *turn, matched []Image) error {
	s := &l.state
	var unknown []string
	for _, id := range l.mentioned() {
		if !slices.ContainsFunc(matched, func(i Image) bool { return i.ID == id }) {
			unknown = append(unknown, id)
		}
	}
	others := map[string]Image{}
	g, together := errgroup.WithContext(ctx)
	if len(unknown) > 0 {
		g.Go(func() error { return describeOthers(together, t, unknown, others) })
	}
	if len(s.Numbers) >= t.Config.Keep {
		g.Go(func() error {
			by, err := launchtemplate.Uses(together, t.AWS, l.template.Ref)
			s.Uses = version.Uses(by)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	find := func(id string) (i Image, follows bool) {
		if n := slices.IndexFunc(matched, func(i Image) bool { return i.ID == id }); n >= 0 {
			return matched[n], true
		}
		i, shown := others[id]
		if !shown {
			i = Image{ID: id, State: stateGone}
		}
		return i, false
	}
	for _, id := range compact(s.Template.Default.Image, s.Template.Latest.Image) {
		if i, _ := find(id); i.State != stateGone {
			s.Present = append(s.Present, i)
		}
	}
	for _, told := range l.told {
		i, follows := find(told.image)
		if slices.ContainsFunc(s.Images, func(x Image) bool { return x.ID == i.ID }) {
			continue
		}
		i.Foreign = !follows && i.State != stateGone
		s.Named = append(s.Named, i)
	}
	return nil
}

// mentioned are the images that the template has and that events were about.
func (l *look) mentioned() []string {
	ids := []string{l.state.Template.Default.Image, l.state.Template.Latest.Image}
	for _, told := range l.told {
		ids = append(ids, told.image)
	}
	return compact(ids...)
}

// compact leaves out what is no image id, and repetitions.
func compact(ids ...string) []string {
	var once []string
	for _, id := range ids {
		if isImage(id) && !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once
}

// doubtful says which read is awaited that agrees with the others: an image that
// an event has told of is not there, or is there although it is told to be gone;
// or the template has an image that is not there.
func (l *look) doubtful(now time.Time) string {
	find := func(id string) string {
		for _, list := range [][]Image{l.state.Images, l.state.Named, l.state.Present} {
			for _, i := range list {
				if i.ID == id {
					return i.State
				}
			}
		}
		return stateGone
	}
	for _, told := range l.told {
		if !told.at.IsZero() && now.Sub(told.at) > recent {
			continue
		}
		state := find(told.image)
		ends := told.state == stateFailed || told.state == stateDeregistered
		if ends && (state == stateAvailable || state == statePending) || !ends && state == stateGone {
			return "a read of " + told.image + " that agrees with the event"
		}
	}
	for _, v := range []Version{l.state.Template.Default, l.state.Template.Latest} {
		if isImage(v.Image) && find(v.Image) == stateGone {
			return "a read of " + v.Image + ", which " + version.Named(v.Number) + " has"
		}
	}
	return ""
}
