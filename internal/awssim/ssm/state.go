package ssm

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is: the parameters in the order of their names. A parameter
// is never changed, only replaced.
type state struct{ parameters []*parameter }

type parameter struct {
	name, arn, description, key string
	kind                        types.ParameterType
	versions                    []version // ascending, without gaps; never empty
}

type version struct {
	number int64
	value  string
	at     time.Time
}

func (s *state) clone() *state { return &state{slices.Clone(s.parameters)} }

func (s *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.parameters, name, func(p *parameter, name string) int { return strings.Compare(p.name, name) })
}

func (s *state) get(name string) (parameter, bool) {
	if i, found := s.find(name); found {
		return *s.parameters[i], true
	}
	return parameter{}, false
}

func (s *state) put(p parameter) {
	i, found := s.find(p.name)
	if found {
		s.parameters[i] = &p
	} else {
		s.parameters = slices.Insert(s.parameters, i, &p)
	}
}

func (p parameter) newest() version { return p.versions[len(p.versions)-1] }

// arn does not double the slash of a hierarchical name (facts/events.md 6).
func arn(m *awssim.Moment, name string) string {
	return m.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

// out is one version of a parameter as a caller sees it. One that is asked for by
// its number says so (the form unverified).
func (p parameter) out(v version, selector string, decrypt bool) types.Parameter {
	value := v.value
	if p.kind == types.ParameterTypeSecureString && !decrypt {
		value = p.encrypted(v)
	}
	out := types.Parameter{
		ARN: aws.String(p.arn), Name: aws.String(p.name), Type: p.kind, DataType: aws.String("text"),
		Value: aws.String(value), Version: v.number, LastModifiedDate: aws.Time(v.at),
	}
	if selector != "" {
		out.Selector = aws.String(":" + selector)
	}
	return out
}

// encrypted looks like what KMS makes of a value, and like nothing else.
func (p parameter) encrypted(v version) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", p.name, v.number, v.value))
	return "AQICAH" + base64.StdEncoding.EncodeToString(sum[:])
}
