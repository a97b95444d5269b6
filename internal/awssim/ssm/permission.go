package ssm

// The permissions of all calls, as shared/facts/iam.json has them for GetParameter
// and PutParameter; those of the others are taken to be alike. Not modelled:
// kms:Decrypt and kms:GenerateDataKey, which a SecureString with a key of one's
// own asks of who reads and who writes it (facts/apis.md 3, facts/iam.md 1),
// because a request is always for the operation itself.

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/awssim"
)

// permission asks for the parameter that a reference names, whether it is there
// or not. The version is no part of it.
func permission(m *awssim.Moment, reference *string) awssim.Request {
	name := aws.ToString(reference)
	if bare, ok := strings.CutPrefix(name, arn(m, "")); ok {
		name = bare
	}
	name, _, _ = strings.Cut(name, ":")
	return awssim.Request{Resource: arn(m, name)}
}

func putParameterPermissions(m *awssim.Moment, _ *state, in *ssm.PutParameterInput) []awssim.Request {
	r := permission(m, in.Name)
	r.Context = map[string][]string{"ssm:Overwrite": {strconv.FormatBool(aws.ToBool(in.Overwrite))}}
	return []awssim.Request{r}
}

func deleteParameterPermissions(m *awssim.Moment, _ *state, in *ssm.DeleteParameterInput) []awssim.Request {
	return []awssim.Request{permission(m, in.Name)}
}

func getParameterPermissions(m *awssim.Moment, _ *state, in *ssm.GetParameterInput) []awssim.Request {
	return []awssim.Request{permission(m, in.Name)}
}

func getParametersPermissions(m *awssim.Moment, _ *state, in *ssm.GetParametersInput) []awssim.Request {
	all := make([]awssim.Request, len(in.Names))
	for i := range in.Names {
		all[i] = permission(m, &in.Names[i])
	}
	return all
}

// getParametersByPathPermissions asks for the path itself: who has it, has what
// is below (doc of the input).
func getParametersByPathPermissions(m *awssim.Moment, _ *state, in *ssm.GetParametersByPathInput) []awssim.Request {
	return []awssim.Request{permission(m, in.Path)}
}
