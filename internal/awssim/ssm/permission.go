package ssm

// The permissions of all calls, as shared/facts/iam.json has them for GetParameter,
// PutParameter and SendCommand; those of the other calls about parameters are taken to
// be alike. Not modelled: the policies of keys. That of the key which AWS manages for Parameter Store lets
// everybody of the account use it who may use the parameter; one of one's own is
// taken to leave it to IAM. Nor that GetParametersByPath asks for keys.

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// permission asks for the parameter that a reference names, whether it is there
// or not, with the tags it has. The version is no part of it.
func (s *state) permission(m *awssim.Moment, reference *string) awssim.Request {
	name := aws.ToString(reference)
	if bare, ok := strings.CutPrefix(name, arn(m, "")); ok {
		name = bare
	} else if bare, ok := strings.CutPrefix(name, arn(m, awsRoot)); ok {
		name = awsRoot + bare
	}
	name, _, _ = strings.Cut(name, ":")
	r := awssim.Request{Resource: arn(m, name)}
	p, ok := s.get(name)
	if !ok {
		p, _ = s.get("/" + name)
	}
	for _, t := range p.tags {
		for _, key := range []string{"aws:ResourceTag/", "ssm:resourceTag/"} {
			with(&r, key+*t.Key, *t.Value)
		}
	}
	return r
}

// with adds a condition key to a request.
func with(r *awssim.Request, key string, values ...string) {
	if r.Context == nil {
		r.Context = map[string][]string{}
	}
	r.Context[key] = append(r.Context[key], values...)
}

func withTags(r *awssim.Request, tags []types.Tag) {
	for _, t := range tags {
		with(r, "aws:RequestTag/"+aws.ToString(t.Key), aws.ToString(t.Value))
		with(r, "aws:TagKeys", aws.ToString(t.Key))
	}
}

// putParameterPermissions asks also to tag, if there are tags, and to look at the
// image of a parameter that names one
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html,
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html).
// That the call fails without the latter, and not the validation, is unverified.
func putParameterPermissions(m *awssim.Moment, s *state, in *ssm.PutParameterInput) []awssim.Request {
	r := s.permission(m, in.Name)
	with(&r, "ssm:Overwrite", strconv.FormatBool(aws.ToBool(in.Overwrite)))
	withTags(&r, in.Tags)
	all := []awssim.Request{r}
	if len(in.Tags) > 0 {
		tag := s.permission(m, in.Name)
		tag.Action = "ssm:AddTagsToResource"
		withTags(&tag, in.Tags)
		all = append(all, tag)
	}
	p, _ := s.get(aws.ToString(in.Name))
	p.arn, p.kind, p.key = arn(m, aws.ToString(in.Name)), cmp.Or(in.Type, p.kind), cmp.Or(aws.ToString(in.KeyId), p.key)
	all = append(all, withKey(m, p, "kms:Encrypt")...)
	if aws.ToString(in.DataType) == image {
		all = append(all, awssim.Request{Action: "ec2:DescribeImages", Resource: "*", Context: map[string][]string{"ec2:Region": {m.Region()}}})
	}
	return all
}

func deleteParameterPermissions(m *awssim.Moment, s *state, in *ssm.DeleteParameterInput) []awssim.Request {
	return []awssim.Request{s.permission(m, in.Name)}
}

func getParameterPermissions(m *awssim.Moment, s *state, in *ssm.GetParameterInput) []awssim.Request {
	return s.reading(m, in.Name, in.WithDecryption)
}

// reading asks for a parameter, and for its key if it is to be decrypted.
func (s *state) reading(m *awssim.Moment, reference *string, decrypt *bool) []awssim.Request {
	r := s.permission(m, reference)
	all := []awssim.Request{r}
	if !aws.ToBool(decrypt) {
		return all
	}
	for _, p := range s.parameters {
		if p.arn == r.Resource {
			all = append(all, withKey(m, *p, "kms:Decrypt")...)
		}
	}
	return all
}

// withKey asks for the key of a SecureString if it is one of one's own
// (facts/apis.md 3, facts/iam.md 1). The context of the encryption is the ARN of
// the parameter; a standard parameter is encrypted with the key itself
// (https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html).
func withKey(m *awssim.Moment, p parameter, action string) []awssim.Request {
	if p.kind != types.ParameterTypeSecureString || p.key == "" || p.key == defaultKey {
		return nil
	}
	key := p.key
	if !strings.HasPrefix(key, "arn:") { // which key is behind an alias is not known: none but key/* allows it
		key = m.ARN("kms", "key/"+key)
	}
	return []awssim.Request{{Action: action, Resource: key, Context: map[string][]string{
		"kms:ViaService": {"ssm." + m.Region() + ".amazonaws.com"}, "kms:EncryptionContext:PARAMETER_ARN": {p.arn},
	}}}
}

func getParametersPermissions(m *awssim.Moment, s *state, in *ssm.GetParametersInput) []awssim.Request {
	var all []awssim.Request
	for i := range in.Names {
		all = append(all, s.reading(m, &in.Names[i], in.WithDecryption)...)
	}
	return all
}

// getParametersByPathPermissions asks for the path itself: who has it, has what
// is below (doc of the input).
func getParametersByPathPermissions(m *awssim.Moment, s *state, in *ssm.GetParametersByPathInput) []awssim.Request {
	return []awssim.Request{s.permission(m, in.Path)}
}

func addTagsToResourcePermissions(m *awssim.Moment, s *state, in *ssm.AddTagsToResourceInput) []awssim.Request {
	r := s.permission(m, in.ResourceId)
	withTags(&r, in.Tags)
	return []awssim.Request{r}
}

func removeTagsFromResourcePermissions(m *awssim.Moment, s *state, in *ssm.RemoveTagsFromResourceInput) []awssim.Request {
	r := s.permission(m, in.ResourceId)
	with(&r, "aws:TagKeys", in.TagKeys...)
	return []awssim.Request{r}
}

func listTagsForResourcePermissions(m *awssim.Moment, s *state, in *ssm.ListTagsForResourceInput) []awssim.Request {
	return []awssim.Request{s.permission(m, in.ResourceId)}
}

// sendCommandPermissions asks for the document and for each instance, with its tags.
func sendCommandPermissions(m *awssim.Moment, s *state, in *ssm.SendCommandInput) []awssim.Request {
	all := []awssim.Request{{Resource: documentARN(m, aws.ToString(in.DocumentName))}}
	ids, _, _ := s.chosen(m, in) // what is wrong with the targets is told by the call itself
	for _, id := range ids {
		r := awssim.Request{Resource: m.ARN("ec2", "instance/"+id)}
		for key, value := range s.tags(m, id) {
			with(&r, "aws:ResourceTag/"+key, value)
			with(&r, "ssm:resourceTag/"+key, value)
		}
		all = append(all, r)
	}
	return all
}
