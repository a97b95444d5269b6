package ssm

// Parameters of AWS, below /aws/service. They change without an event in the account
// (unverified), and their data type is text even if they name an image
// (lib:1294404214).

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

const awsRoot = "/aws/"

func ofAWS(name string) bool { return strings.HasPrefix(name, awsRoot) }

// Publish gives a parameter of AWS, such as
// "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base", its value:
// it is made, or gets another version.
func (s *Service) Publish(name, value string) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		p := parameter{name: name, arn: arn(m, name), kind: types.ParameterTypeString, dataType: text}
		number := int64(1)
		old, exists := st.get(name)
		if exists {
			number = old.newest().number + 1
		}
		p.versions = append(slices.Clone(old.versions), version{number, value, m.Now.UTC().Truncate(time.Millisecond)})
		st.public = put(st.public, p)
	})
}
