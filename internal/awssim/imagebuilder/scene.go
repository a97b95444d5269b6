package imagebuilder

// What tests and scenarios can see and do beside the API.

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

// AddRecipe makes a recipe as somebody else does. It needs no client token; its
// version is 1.0.0 unless given. For one that uses everything see [EveryRecipeField].
func (s *Service) AddRecipe(in *imagebuilder.CreateImageRecipeInput) (arn string, err error) {
	whole := *in
	whole.SemanticVersion = cmp.Or(whole.SemanticVersion, aws.String("1.0.0"))
	s.store.Do(func(m *awssim.Moment, st *state) {
		if arn, err = st.addRecipe(m, &whole); err != nil {
			err = fmt.Errorf("add recipe %s: %w", aws.ToString(in.Name), err)
		}
	})
	return arn, err
}

// AddPipeline puts a pipeline there, with everything that it says; its ARN comes from
// its name. It must have one recipe: of an image, which must be there, or of a
// container, which need not. For one that uses everything see [EveryPipelineField].
func (s *Service) AddPipeline(p types.ImagePipeline) (arn string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		arn = pipelineARN(m, aws.ToString(p.Name))
		if _, twice := st.pipelines.get(arn); twice {
			err = fmt.Errorf("add pipeline %s: it is there already", arn)
			return
		}
		whole := deep(p)
		whole.Arn = aws.String(arn)
		whole.DateCreated, whole.DateUpdated = cmp.Or(whole.DateCreated, date(m.Now)), cmp.Or(whole.DateUpdated, date(m.Now))
		whole.InfrastructureConfigurationArn = cmp.Or(whole.InfrastructureConfigurationArn, aws.String(m.ARN("imagebuilder", "infrastructure-configuration/usual")))
		whole.ConsecutiveFailures = cmp.Or(whole.ConsecutiveFailures, aws.Int32(0))
		if whole, err = st.usual(whole); err != nil {
			err = fmt.Errorf("add pipeline %s: %w", aws.ToString(p.Name), err)
			return
		}
		st.pipelines.put(arn, whole)
	})
	return arn, err
}

// ChangePipeline changes a pipeline as somebody else does: no member is left out by
// mistake.
func (s *Service) ChangePipeline(arn string, change func(*types.ImagePipeline)) error {
	return s.with(arn, func(m *awssim.Moment, st *state, p types.ImagePipeline) error {
		p = deep(p)
		change(&p)
		p.DateUpdated = date(m.Now)
		p, err := st.usual(p)
		if err != nil {
			return err
		}
		st.pipelines.put(arn, p)
		return nil
	})
}

// Start starts an execution of a pipeline as its schedule or somebody else does, and
// returns the ARN of the image.
func (s *Service) Start(pipeline string, by types.BuildType) (image string, err error) {
	err = s.with(pipeline, func(m *awssim.Moment, st *state, _ types.ImagePipeline) (err error) {
		image, err = st.start(m, pipeline, by, nil)
		return err
	})
	return image, err
}

// FailNext has the next execution of a pipeline fail at the end of a state. The reason
// is what is said of it; there is a usual one.
func (s *Service) FailNext(pipeline string, in types.ImageStatus, reason string) error {
	return s.with(pipeline, func(_ *awssim.Moment, st *state, _ types.ImagePipeline) error {
		st.failing[pipeline] = failure{in, cmp.Or(reason, "SSM execution failed with status = Failed")} // the sample's
		return nil
	})
}

// Cancel cancels an image that is being made, as somebody else does. The reason may
// be "".
func (s *Service) Cancel(arn, reason string) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i, ok := st.build(arn)
		if !ok || ended(i.State.Status) {
			err = fmt.Errorf("cancel %s: not an image that is being made", arn)
			return
		}
		st.become(m, i, types.ImageStatusCancelled, reason)
	})
	return err
}

// with does something about one pipeline.
func (s *Service) with(arn string, f func(*awssim.Moment, *state, types.ImagePipeline) error) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		p, ok := st.pipelines.get(arn)
		if !ok {
			err = fmt.Errorf("no pipeline %q", arn)
			return
		}
		if err = f(m, st, p); err != nil {
			err = fmt.Errorf("pipeline %s: %w", arn, err)
		}
	})
	return err
}

// Recipes are all versions of all recipes, in the order of their ARNs.
func (s *Service) Recipes() []types.ImageRecipe {
	return view(s, func(st *state) table[types.ImageRecipe] { return st.recipes })
}

// Pipelines are all pipelines, in the order of their ARNs.
func (s *Service) Pipelines() []types.ImagePipeline {
	return view(s, func(st *state) table[types.ImagePipeline] { return st.pipelines })
}

// Images are all images, in the order in which they were started.
func (s *Service) Images() []types.Image {
	var all []types.Image
	s.store.View(func(st *state) {
		for _, r := range st.images {
			all = append(all, deep(r.value.Image))
		}
	})
	return all
}

// Parent is the AMI from which an image is built, once the build has begun if a
// parameter says which; until then it is what the recipe says.
func (s *Service) Parent(image string) (parent string, found bool) {
	s.store.View(func(st *state) {
		i, ok := st.build(image)
		parent, found = i.parent, ok
	})
	return parent, found
}

func view[T any](s *Service, rows func(*state) table[T]) []T {
	var all []T
	s.store.View(func(st *state) {
		for _, r := range rows(st) {
			all = append(all, deep(*r.value))
		}
	})
	return all
}
