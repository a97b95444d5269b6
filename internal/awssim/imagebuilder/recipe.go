package imagebuilder

// Recipes, which never change once they are there. Not modelled: that a recipe needs
// a component, which platform the parent image is of (unless an earlier version of
// the recipe has one, it is Linux), and whether components and parent images of Image
// Builder exist.

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	createRecipeInput  = imagebuilder.CreateImageRecipeInput
	createRecipeOutput = imagebuilder.CreateImageRecipeOutput
	getRecipeInput     = imagebuilder.GetImageRecipeInput
	getRecipeOutput    = imagebuilder.GetImageRecipeOutput
	listRecipesInput   = imagebuilder.ListImageRecipesInput
	listRecipesOutput  = imagebuilder.ListImageRecipesOutput
)

const mostComponents = 20 // doc of ImageRecipe.Components, and of managing recipes: "by default"

var (
	resourceName = regexp.MustCompile(`^[-_A-Za-z0-9][-_A-Za-z0-9 ]{1,126}[-_A-Za-z0-9]$`) // doc of CreateImageRecipe
	imageID      = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)
)

const parameterPrefix = "ssm:"

func createImageRecipe(m *awssim.Moment, s *state, in *createRecipeInput) (*createRecipeOutput, error) {
	asked := *in
	asked.ClientToken = nil
	arn, done, err := s.once(in.ClientToken, "CreateImageRecipe", asked)
	if err == nil && !done {
		if arn, err = s.addRecipe(m, &asked); err == nil {
			s.remember(in.ClientToken, "CreateImageRecipe", asked, arn)
		}
	}
	if err != nil {
		return nil, err
	}
	return &createRecipeOutput{ClientToken: aws.String(*in.ClientToken), ImageRecipeArn: aws.String(arn), LatestVersionReferences: references(arn), RequestId: aws.String(m.RequestID)}, nil
}

// addRecipe makes a version of a recipe (facts/apis.md 5; the text of a version that
// is there is GH ministryofjustice/modernisation-platform-ami-builds#549, the other
// texts are unverified).
func (s *state) addRecipe(m *awssim.Moment, in *createRecipeInput) (arn string, err error) {
	name := aws.ToString(in.Name)
	if !resourceName.MatchString(name) {
		return "", refused("The value supplied for parameter 'name' is not valid.")
	}
	if err := s.checkParent(m, aws.ToString(in.ParentImage)); err != nil {
		return "", err
	}
	number, err := s.assign(m, name, aws.ToString(in.SemanticVersion))
	if err != nil {
		return "", err
	}
	arn = recipeARN(m, name, number)
	if _, exists := s.recipes.get(arn); exists {
		return "", awssim.FailAs(http.StatusBadRequest, &types.ResourceAlreadyExistsException{
			Message: aws.String("The following resource 'ImageRecipe' already exists: '" + arn + "'."),
		})
	}
	if len(s.recipes) >= s.options.MostRecipes || len(in.Components) > mostComponents {
		return "", awssim.FailAs(http.StatusPaymentRequired, &types.ServiceQuotaExceededException{Message: aws.String("You have exceeded the number of permitted resources.")})
	}
	given := deep(*in)
	s.recipes.put(arn, types.ImageRecipe{
		Arn: aws.String(arn), Name: given.Name, Version: aws.String(number), Type: types.ImageTypeAmi, Platform: s.platform(m, name),
		Owner: aws.String(m.Account()), DateCreated: date(m.Now),
		ParentImage: given.ParentImage, Description: given.Description, Components: given.Components, BlockDeviceMappings: given.BlockDeviceMappings,
		AdditionalInstanceConfiguration: given.AdditionalInstanceConfiguration, WorkingDirectory: given.WorkingDirectory,
		AmiTags: given.AmiTags, Tags: orEmpty(given.Tags),
	})
	return arn, nil
}

func (s *state) platform(m *awssim.Moment, name string) types.Platform {
	r, _ := s.recipe(recipeARN(m, name, "x.x.x"))
	return cmp.Or(r.Platform, types.PlatformLinux)
}

// checkParent knows the forms in the doc of CreateImageRecipeInput.ParentImage. That
// an AMI is looked for when the recipe is made is inferred: it takes the permission
// to (facts/awssamples.md 4.3). A parameter is read when there is a build.
func (s *state) checkParent(m *awssim.Moment, parent string) error {
	switch {
	case strings.HasPrefix(parent, parameterPrefix) && len(parent) > len(parameterPrefix), strings.HasPrefix(parent, "arn:aws:imagebuilder:"):
		return nil
	case strings.HasPrefix(parent, "prod-"):
		return m.NotModelled("parent image %q of the marketplace", parent)
	case !imageID.MatchString(parent):
		return refused("The value supplied for parameter 'parentImage' is not valid.")
	case s.options.Parent != nil && !s.options.Parent(m, parent):
		return refused("The AMI '" + parent + "' does not exist or you do not have access to it.")
	}
	return nil
}

func getImageRecipe(m *awssim.Moment, s *state, in *getRecipeInput) (*getRecipeOutput, error) {
	r, ok := s.recipe(aws.ToString(in.ImageRecipeArn))
	if !ok {
		return nil, missing(aws.ToString(in.ImageRecipeArn))
	}
	r = deep(r)
	return &getRecipeOutput{ImageRecipe: &r, LatestVersionReferences: references(*r.Arn), RequestId: aws.String(m.RequestID)}, nil
}

// listImageRecipes lists all versions, in the order of their ARNs, which is not that
// of their numbers (the order unverified).
func listImageRecipes(m *awssim.Moment, s *state, in *listRecipesInput) (*listRecipesOutput, error) {
	if in.Owner != "" && in.Owner != types.OwnershipSelf {
		return nil, m.NotModelled("owner %q", in.Owner)
	}
	found, err := filtered(m, s.recipes, in.Filters, map[string]func(types.ImageRecipe) *string{
		"name":        func(r types.ImageRecipe) *string { return r.Name },
		"parentImage": func(r types.ImageRecipe) *string { return r.ParentImage },
		"platform":    func(r types.ImageRecipe) *string { return aws.String(string(r.Platform)) },
	})
	if err != nil {
		return nil, err
	}
	page, next, err := paged(m, found, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listRecipesOutput{NextToken: next, RequestId: aws.String(m.RequestID)}
	for _, r := range page {
		out.ImageRecipeSummaryList = append(out.ImageRecipeSummaryList, types.ImageRecipeSummary{
			Arn: r.Arn, Name: r.Name, Owner: r.Owner, ParentImage: r.ParentImage, Platform: r.Platform, DateCreated: r.DateCreated, Tags: r.Tags,
		})
	}
	return out, nil
}
