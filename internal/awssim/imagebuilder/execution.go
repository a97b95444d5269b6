package imagebuilder

// Executions of pipelines: an image goes through its states in time. Not modelled:
// INTEGRATING, the instances on which it is built, that distribution copies the AMI,
// accounts and regions that it distributes to, and names of AMIs other than the usual.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

type (
	startInput  = imagebuilder.StartImagePipelineExecutionInput
	startOutput = imagebuilder.StartImagePipelineExecutionOutput
)

// startImagePipelineExecution refuses while an execution runs (facts/apis.md 5). A
// pipeline that is disabled can be started: disabled means that its schedule does
// not (doc of the CDK's ImagePipelineStatus; that no other start fails is unverified).
func startImagePipelineExecution(m *awssim.Moment, s *state, in *startInput) (*startOutput, error) {
	asked := *in
	asked.ClientToken = nil
	arn, done, err := s.once(in.ClientToken, "StartImagePipelineExecution", asked)
	if err == nil && !done {
		if arn, err = s.start(m, aws.ToString(in.ImagePipelineArn), types.BuildTypeUserInitiated, in.Tags); err == nil {
			s.remember(in.ClientToken, "StartImagePipelineExecution", asked, arn)
		}
	}
	if err != nil {
		return nil, err
	}
	return &startOutput{ClientToken: aws.String(*in.ClientToken), ImageBuildVersionArn: aws.String(arn), RequestId: aws.String(m.RequestID)}, nil
}

// start begins an image.
func (s *state) start(m *awssim.Moment, pipeline string, by types.BuildType, tags map[string]string) (arn string, err error) {
	p, ok := s.pipelines.get(pipeline)
	if !ok {
		return "", missingTyped(pipeline)
	}
	for _, r := range s.images {
		if aws.ToString(r.value.SourcePipelineArn) == pipeline && !ended(r.value.State.Status) {
			return "", awssim.FailAs(http.StatusBadRequest, &types.ResourceInUseException{
				Message: aws.String("The image pipeline '" + pipeline + "' is already running: '" + *r.value.Arn + "'."), // the text unverified
			})
		}
	}
	if p.ImageRecipeArn == nil {
		return "", m.NotModelled("execution of the container pipeline %q", pipeline)
	}
	r, ok := s.recipe(*p.ImageRecipeArn)
	if !ok {
		return "", missingTyped(*p.ImageRecipeArn)
	}
	s.builds[*r.Arn]++
	build := fmt.Sprintf("%s/%d", *r.Version, s.builds[*r.Arn])
	arn = m.ARN("imagebuilder", "image/"+nameIn(*r.Name)+"/"+build)
	all := orEmpty(deep(p.ImageTags))
	maps.Copy(all, tags)
	p, r = deep(p), deep(r)
	i := image{started: m.Now, parent: aws.ToString(r.ParentImage), fails: s.failing[pipeline], Image: types.Image{
		Arn: aws.String(arn), Name: r.Name, Version: aws.String(build), Type: types.ImageTypeAmi, Platform: r.Platform, BuildType: by,
		State: &types.ImageState{Status: types.ImageStatusPending}, DateCreated: date(m.Now), ImageRecipe: &r, Tags: all,
		SourcePipelineArn: p.Arn, SourcePipelineName: p.Name, OutputResources: &types.OutputResources{Amis: []types.Ami{}}, // lib:68475984083
		EnhancedImageMetadataEnabled: p.EnhancedImageMetadataEnabled, ImageTestsConfiguration: p.ImageTestsConfiguration,
		ImageScanningConfiguration: p.ImageScanningConfiguration, ExecutionRole: p.ExecutionRole, Workflows: p.Workflows,
		InfrastructureConfiguration: &types.InfrastructureConfiguration{Arn: p.InfrastructureConfigurationArn},
	}}
	if p.DistributionConfigurationArn != nil {
		i.DistributionConfiguration = &types.DistributionConfiguration{Arn: p.DistributionConfigurationArn}
	}
	if l := p.LoggingConfiguration; l != nil {
		i.LoggingConfiguration = &types.ImageLoggingConfiguration{LogGroupName: l.ImageLogGroupName}
	}
	delete(s.failing, pipeline)
	s.images.put(key(m), i)
	s.noteStatus(i)
	s.later(m, i)
	return arn, nil
}

// key puts images in the order in which they were started.
func key(m *awssim.Moment) string { return fmt.Sprintf("%012d", m.Count("imagebuilder:image")) }

func ended(status types.ImageStatus) bool {
	switch status {
	case types.ImageStatusAvailable, types.ImageStatusFailed, types.ImageStatusCancelled:
		return true
	default:
		return false
	}
}

// later has an image leave its state when that has lasted as long as it does.
func (s *state) later(m *awssim.Moment, i image) {
	was := i.State.Status
	lasts, next := s.phase(i)
	if next == "" {
		return
	}
	arn := *i.Arn
	m.After(lasts, func(m *awssim.Moment) {
		now, _ := s.build(arn)
		if now.State.Status != was {
			return
		}
		if now.fails.in == was {
			s.become(m, now, types.ImageStatusFailed, now.fails.reason)
			return
		}
		s.leave(m, now, next)
	})
}

// phase is how long an image stays in its state and what comes then. Tests that are
// switched off have no state (unverified).
func (s *state) phase(i image) (lasts time.Duration, next types.ImageStatus) {
	t := s.options.Times
	switch i.State.Status {
	case types.ImageStatusPending:
		return t.Pending, types.ImageStatusBuilding
	case types.ImageStatusBuilding:
		if !aws.ToBool(i.ImageTestsConfiguration.ImageTestsEnabled) {
			return t.Building, types.ImageStatusDistributing
		}
		return t.Building, types.ImageStatusTesting
	case types.ImageStatusTesting:
		return t.Testing, types.ImageStatusDistributing
	case types.ImageStatusDistributing:
		return t.Distributing, types.ImageStatusAvailable
	default:
		return 0, ""
	}
}

// leave does what is to be done between two states. The AMI is there once it is
// built, before it is tested: EC2 knew the one of lib:48986333010 before the build was
// over. Image Builder shows it when all is done (for the states between unverified).
func (s *state) leave(m *awssim.Moment, i image, next types.ImageStatus) {
	switch {
	case next == types.ImageStatusBuilding:
		if name, ok := strings.CutPrefix(i.parent, parameterPrefix); ok && s.options.Parameter != nil {
			value, found := s.options.Parameter(m, name)
			if !found { // what AWS does is unverified
				s.become(m, i, types.ImageStatusFailed, "Unable to read the parameter '"+name+"'.")
				return
			}
			i.parent = value
		}
	case i.State.Status == types.ImageStatusBuilding:
		i = s.make(m, i)
	case next == types.ImageStatusAvailable:
		i.OutputResources = &types.OutputResources{Amis: []types.Ami{{
			Image: aws.String(i.ami), Region: aws.String(m.Region()), AccountId: aws.String(m.Account()), Name: aws.String(nameOf(i)),
		}}}
	}
	s.become(m, i, next, "")
}

// make makes the AMI of an image, with the name and the tags of lib:48986333010.
func (s *state) make(m *awssim.Moment, i image) image {
	i.ami = m.ID("ami")
	tags := map[string]string{"CreatedBy": "EC2 Image Builder", "Ec2ImageBuilderArn": *i.Arn}
	maps.Copy(tags, i.ImageRecipe.AmiTags)
	if hook := s.options.Images; hook != nil {
		made := AMI{ID: i.ami, Name: nameOf(i), Description: aws.ToString(i.ImageRecipe.Description), Tags: tags}
		m.Tell(func() { hook(made) })
		m.Emit(event.NewImageStateChange(m.Account(), m.Region(), i.ami, "available", "", m.Now.UTC().Truncate(time.Second)))
	}
	return i
}

func nameOf(i image) string {
	return *i.Name + " " + i.started.UTC().Format("2006-01-02T15-04-05.000000Z")
}

// become puts an image into a state and sends the event, in the form of
// facts/events/imagebuilder-image-state-change-*.json.
func (s *state) become(m *awssim.Moment, i image, into types.ImageStatus, reason string) {
	type status struct {
		Status types.ImageStatus `json:"status"`
		Reason string            `json:"reason,omitempty"`
	}
	before := status{i.State.Status, aws.ToString(i.State.Reason)}
	i.State = &types.ImageState{Status: into}
	if reason != "" {
		i.State.Reason = aws.String(reason)
	}
	for _, r := range s.images {
		if *r.value.Arn == *i.Arn {
			s.images.put(r.key, i)
		}
	}
	s.noteStatus(i)
	detail, err := json.Marshal(struct {
		Before status `json:"previous-state"`
		After  status `json:"state"`
	}{before, status{into, reason}})
	mustBe(err, "event of image "+*i.Arn)
	m.Emit(event.Event{
		Version: "0", ID: m.UUID("event"), DetailType: "EC2 Image Builder Image State Change", Source: "aws.imagebuilder",
		Account: m.Account(), Region: m.Region(), Time: m.Now.UTC().Truncate(time.Second), Resources: []string{*i.Arn}, Detail: detail,
	})
	s.later(m, i)
}

// noteStatus shows the state of its last image on a pipeline. A success resets the
// count of failures; a failure of a run that nobody scheduled leaves it (doc of
// ImagePipeline.ConsecutiveFailures).
func (s *state) noteStatus(i image) {
	p, ok := s.pipelines.get(aws.ToString(i.SourcePipelineArn))
	if !ok {
		return
	}
	p.LastRunStatus = i.State.Status
	switch {
	case i.State.Status == types.ImageStatusAvailable:
		p.ConsecutiveFailures = aws.Int32(0)
	case i.State.Status == types.ImageStatusFailed && i.BuildType == types.BuildTypeScheduled:
		p.ConsecutiveFailures = aws.Int32(aws.ToInt32(cmp.Or(p.ConsecutiveFailures, aws.Int32(0))) + 1)
	}
	s.pipelines.put(*p.Arn, p)
}
