package ssm

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is: the parameters in the order of their names, those of the
// account and those of AWS, and what waits to be validated; and documents, agents by
// instance and commands in the order they were sent. A parameter or a command is never
// changed, only replaced.
type state struct {
	options    Options
	parameters []*parameter
	public     []*parameter
	unchecked  map[string]int // how many values of a name are being validated

	documents map[string]definition
	agents    map[string]agent
	bare      map[string]bool // instances that have no agent
	commands  []*command
}

type parameter struct {
	name, arn, description, key string
	kind                        types.ParameterType
	dataType                    string
	tags                        []types.Tag // in the order of their keys
	versions                    []version   // ascending, without gaps; never empty
}

type version struct {
	number int64
	value  string
	at     time.Time
}

func (s *state) clone() *state {
	return &state{
		s.options, slices.Clone(s.parameters), slices.Clone(s.public), maps.Clone(s.unchecked),
		maps.Clone(s.documents), maps.Clone(s.agents), maps.Clone(s.bare), slices.Clone(s.commands),
	}
}

func find(all []*parameter, name string) (int, bool) {
	return slices.BinarySearchFunc(all, name, func(p *parameter, name string) int { return strings.Compare(p.name, name) })
}

// get finds a parameter of the account or of AWS, whose names cannot be the same.
func (s *state) get(name string) (parameter, bool) {
	if p, ok := s.own(name); ok {
		return p, true
	}
	return lookup(s.public, name)
}

// own finds a parameter of the account.
func (s *state) own(name string) (parameter, bool) { return lookup(s.parameters, name) }

func lookup(all []*parameter, name string) (parameter, bool) {
	if i, found := find(all, name); found {
		return *all[i], true
	}
	return parameter{}, false
}

func put(all []*parameter, p parameter) []*parameter {
	i, found := find(all, p.name)
	if !found {
		return slices.Insert(all, i, &p)
	}
	all[i] = &p
	return all
}

func (s *state) put(p parameter) { s.parameters = put(s.parameters, p) }

func (p parameter) newest() version { return p.versions[len(p.versions)-1] }

// arn does not double the slash of a hierarchical name (facts/events.md 6). Those of
// parameters of AWS have no account (lib:1294404214).
func arn(m *awssim.Moment, name string) string {
	bare := "parameter/" + strings.TrimPrefix(name, "/")
	if ofAWS(name) {
		return "arn:aws:ssm:" + m.Region() + "::" + bare
	}
	return m.ARN("ssm", bare)
}

// out is one version of a parameter as a caller sees it. One that is asked for by
// its number says so (the form unverified).
func (p parameter) out(v version, selector string, decrypt bool) types.Parameter {
	value := v.value
	if p.kind == types.ParameterTypeSecureString && !decrypt {
		value = p.encrypted(v)
	}
	out := types.Parameter{
		ARN: aws.String(p.arn), Name: aws.String(p.name), Type: p.kind, DataType: aws.String(p.dataType),
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
