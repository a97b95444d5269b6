package imagebuilder

import (
	"time"

	"github.com/droverhq/drover/internal/awssim"
)

// Times say how long an image is in its states. The defaults are of the size of a
// recorded execution (lib:48986333010), except the last, for which there is no record.
// Zero is the default.
type Times struct {
	Pending      time.Duration // PENDING → BUILDING; 11 s
	Building     time.Duration // BUILDING → TESTING; 10 min
	Testing      time.Duration // TESTING → DISTRIBUTING; 5 min
	Distributing time.Duration // DISTRIBUTING → AVAILABLE; 1 min
}

// AMI is what a build makes of an instance.
type AMI struct {
	ID, Name, Description string
	Tags                  map[string]string
}

// Options of the service. What is nil is not looked at.
type Options struct {
	Times Times
	// Images puts an AMI into EC2, where it is available at once. It is called
	// outside all locks, before anybody who caused it gets an answer. With it, EC2's
	// event comes too.
	Images func(AMI)
	// Parent says whether there is an AMI that can be a parent image. It is called
	// with the world locked: it must read EC2's state without taking the lock.
	// Without it, there is every AMI whose id is well formed.
	Parent func(m *awssim.Moment, id string) bool
	// Parameter is the value of a parameter, by its name or ARN, and whether there
	// is one, for parent images that are parameters. As Parent otherwise; see
	// Value of the simulated ssm. Without it, the build does not care.
	Parameter func(m *awssim.Moment, name string) (string, bool)
	// MostRecipes is the quota for versions of recipes; default 1000 (unverified).
	MostRecipes int
}

// Service is Image Builder in one world.
type Service struct {
	options Options
	store   *awssim.Store[*state]
}

// New makes the service for [awssim.New].
func New(o Options) *Service {
	orDefault := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	orDefault(&o.Times.Pending, 11*time.Second)
	orDefault(&o.Times.Building, 10*time.Minute)
	orDefault(&o.Times.Testing, 5*time.Minute)
	orDefault(&o.Times.Distributing, time.Minute)
	if o.MostRecipes == 0 {
		o.MostRecipes = 1000
	}
	return &Service{options: o}
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "imagebuilder", newState(s.options), (*state).clone)
	s.store = st

	awssim.Write(st, createImageRecipe, "ClientToken", "Name", "SemanticVersion", "ParentImage", "Description", "Components", "BlockDeviceMappings",
		"AdditionalInstanceConfiguration", "WorkingDirectory", "AmiTags", "Tags")
	awssim.Write(st, deleteImageRecipe, "ImageRecipeArn")
	awssim.Read(st, getImageRecipe, "ImageRecipeArn")
	awssim.Read(st, listImageRecipes, "Filters", "Owner", "MaxResults", "NextToken")

	awssim.Read(st, getImagePipeline, "ImagePipelineArn")
	awssim.Read(st, listImagePipelines, "Filters", "MaxResults", "NextToken")
	awssim.Write(st, updateImagePipeline, "ClientToken", "ImagePipelineArn", "InfrastructureConfigurationArn", "ImageRecipeArn", "ContainerRecipeArn",
		"Description", "DistributionConfigurationArn", "EnhancedImageMetadataEnabled", "ExecutionRole", "ImageScanningConfiguration", "ImageTags",
		"ImageTestsConfiguration", "LoggingConfiguration", "Schedule", "Status", "Workflows")
	awssim.Write(st, startImagePipelineExecution, "ClientToken", "ImagePipelineArn", "Tags")

	awssim.Read(st, getImage, "ImageBuildVersionArn")
	awssim.Read(st, listImagePipelineImages, "ImagePipelineArn", "Filters", "MaxResults", "NextToken")
	awssim.Read(st, listTagsForResource, "ResourceArn")

	awssim.Requests(st, createImageRecipePermissions)
	awssim.Requests(st, deleteImageRecipePermissions)
	awssim.Requests(st, getImageRecipePermissions)
	awssim.Requests(st, getImagePipelinePermissions)
	awssim.Requests(st, updateImagePipelinePermissions)
	awssim.Requests(st, startImagePipelineExecutionPermissions)
	awssim.Requests(st, getImagePermissions)
	awssim.Requests(st, listImagePipelineImagesPermissions)
	awssim.Requests(st, listTagsForResourcePermissions)
	awssim.OtherRequests(st, func(*awssim.Moment) []awssim.Request { return []awssim.Request{{Resource: "*"}} }) // ListImageRecipes, ListImagePipelines: iam-data@005ab650
}
