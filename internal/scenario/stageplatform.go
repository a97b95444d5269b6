package scenario

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
)

// published is the parameter that base images are published as.
const published = "/golden/base-image"

func (s *Stage) parameters() *ssm.Client { return ssm.NewFromConfig(s.AWS()) }

// Parameter writes a parameter by hand.
func (s *Stage) Parameter(name, value string, edit ...func(*ssm.PutParameterInput)) {
	s.try("write parameter "+name, func() error {
		in := &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String(value), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)}
		for _, e := range edit {
			e(in)
		}
		_, err := s.parameters().PutParameter(s.ctx, in)
		return err
	})
}

// ExpectParameter makes the story fail unless the parameter has this value, its
// so many-th, and the data type of images.
func (s *Stage) ExpectParameter(name, want string, version int64) {
	s.try("expect parameter "+name, func() error {
		out, err := s.parameters().GetParameter(s.ctx, &ssm.GetParameterInput{Name: aws.String(name)})
		if err != nil {
			return err
		}
		p := out.Parameter
		if got := aws.ToString(p.Value); got != want || p.Version != version || aws.ToString(p.DataType) != "aws:ec2:image" {
			return fmt.Errorf("it has %s of data type %s in version %d, want %s of an image in version %d", got, aws.ToString(p.DataType), p.Version, want, version)
		}
		return nil
	})
}

// ExpectNoParameter makes the story fail if there is a parameter.
func (s *Stage) ExpectNoParameter(name string) {
	s.try("expect no parameter "+name, func() error {
		out, err := s.parameters().GetParameter(s.ctx, &ssm.GetParameterInput{Name: aws.String(name)})
		if err == nil {
			return fmt.Errorf("it has %s", aws.ToString(out.Parameter.Value))
		}
		if !strings.Contains(err.Error(), "ParameterNotFound") {
			return err
		}
		return nil
	})
}

// ExpectTag makes the story fail unless the parameter has a tag with this value.
func (s *Stage) ExpectTag(name, key, want string) {
	s.try("expect tag "+key+" of "+name, func() error {
		out, err := s.parameters().ListTagsForResource(s.ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String(name)})
		if err != nil {
			return err
		}
		for _, t := range out.TagList {
			if aws.ToString(t.Key) == key && aws.ToString(t.Value) == want {
				return nil
			}
		}
		return fmt.Errorf("it has %d others, want %s", len(out.TagList), want)
	})
}

// Publishing is a fleet file for parameter-follows-platform with the source given
// by a line, such as "branch: IIS", and what more is said.
func (s *Stage) Publishing(source string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    parameter: %s\n    source: { %s }\n", published, source)
	for _, m := range more {
		fmt.Fprintf(&b, "    %s\n", m)
	}
	return s.Fleet("parameter-follows-platform", b.String())
}

// MadeAs are lines of a fleet file that ask for images like one: where instances
// are made of images that nobody has, theirs are what the world takes them for.
func (s *Stage) MadeAs(image string) []string {
	lines := []string{"", ""}
	s.try("describe "+image, func() error {
		out, err := s.ec2.DescribeImages(s.ctx, &ec2.DescribeImagesInput{ImageIds: []string{image}})
		if err != nil {
			return err
		}
		i := out.Images[0]
		lines = []string{"architecture: " + string(i.Architecture), "virtualization: " + string(i.VirtualizationType)}
		return nil
	})
	return lines
}

// PlatformVersion adds a version to a platform branch of simulated AWS, with its
// image for each virtualisation type, and returns its ARN.
func (s *Stage) PlatformVersion(branch, number string, ready bool, images ...simelasticbeanstalk.Image) (arn string) {
	s.try("add platform version "+number, func() (err error) {
		arn, err = s.World.(*Simulated).ElasticBeanstalk.AddVersion(simelasticbeanstalk.Version{Branch: branch, Number: number, Ready: ready, Images: images})
		return err
	})
	return arn
}
