package ssm

// Parameters of data type aws:ec2:image (doc of PutParameterInput.DataType and
// facts/apis.md 3): the call returns before the image is looked at, and only the event
// says what came of it. Not modelled: validation on behalf of a caller who may not
// look at images (the call is refused, see permission.go).

import (
	"regexp"

	"github.com/droverhq/drover/internal/awssim"
)

const (
	text  = "text"
	image = "aws:ec2:image"
)

// unknownImage is the exception of a value that is no image one has
// (facts/events/ssm-parameter-store-change-ami-validation-failed.json).
const unknownImage = "Unable to Describe Resource"

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

// validate looks at an image some time later, and writes the parameter if there is
// one. Until then, and if there is none, the parameter is what it was. It returns how
// many values of the parameter were being validated already: the version that the
// caller is told counts them (unverified), whatever becomes of them.
func (s *state) validate(m *awssim.Moment, p parameter, value string) (before int64) {
	before = int64(s.unchecked[p.name])
	s.unchecked[p.name]++
	m.After(s.options.Validation, func(m *awssim.Moment) {
		if s.unchecked[p.name]--; s.unchecked[p.name] == 0 {
			delete(s.unchecked, p.name)
		}
		if imageID.MatchString(value) && (s.options.Images == nil || s.options.Images(m, value)) {
			s.write(m, p, value)
			return
		}
		operation := "Create"
		if _, exists := s.own(p.name); exists {
			operation = "Update"
		}
		changed(m, p, operation, unknownImage)
	})
	return before
}
