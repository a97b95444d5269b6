// Package servicequotas simulates what Service Quotas says of a quota that applies
// to the account. Not modelled: defaults, requests for more, usage, quotas of single
// resources, and that EC2 holds anybody to them: a launch that goes beyond is for a
// test to refuse, with [awssim.World.Intercept].
package servicequotas

import (
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/droverhq/drover/internal/awssim"
)

// StandardInstances is the quota on vCPUs of on-demand instances whose type begins
// with A, C, D, H, I, M, R, T or Z (the example of the AWS CLI's reference for
// get-service-quota).
const StandardInstances = "L-1216C47A"

type quota struct {
	service, code, name string
	value               float64
}

type state struct{ quotas []quota }

func (s *state) clone() *state { return &state{slices.Clone(s.quotas)} }

// Service is Service Quotas in one world.
type Service struct{ store *awssim.Store[*state] }

// New makes the service for [awssim.New]. It has one quota, [StandardInstances], of
// 32 vCPUs.
func New() *Service { return &Service{} }

// Attach implements [awssim.Service].
func (s *Service) Attach(w *awssim.World) {
	standard := quota{"ec2", StandardInstances, "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 32}
	s.store = awssim.NewStore(w, "servicequotas", &state{[]quota{standard}}, (*state).clone)
	awssim.Read(s.store, getServiceQuota, "ServiceCode", "QuotaCode")
	awssim.Requests(s.store, getServiceQuotaPermissions)
}

// SetStandardInstances changes the quota [StandardInstances].
func (s *Service) SetStandardInstances(vcpus int) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.quotas[0].value = float64(vcpus) })
}

func arn(m *awssim.Moment, service, code string) string {
	return m.ARN("servicequotas", service+"/"+code)
}

// getServiceQuota: the text of the error is unverified.
func getServiceQuota(m *awssim.Moment, s *state, in *servicequotas.GetServiceQuotaInput) (*servicequotas.GetServiceQuotaOutput, error) {
	for _, q := range s.quotas {
		if q.service == aws.ToString(in.ServiceCode) && q.code == aws.ToString(in.QuotaCode) {
			return &servicequotas.GetServiceQuotaOutput{Quota: &types.ServiceQuota{
				ServiceCode: aws.String(q.service), ServiceName: aws.String("Amazon Elastic Compute Cloud (Amazon EC2)"),
				QuotaCode: aws.String(q.code), QuotaName: aws.String(q.name), QuotaArn: aws.String(arn(m, q.service, q.code)),
				Value: aws.Float64(q.value), Unit: aws.String("None"), Adjustable: true, QuotaAppliedAtLevel: types.AppliedLevelEnumAccount,
			}}, nil
		}
	}
	return nil, awssim.FailAs(http.StatusBadRequest, &types.NoSuchResourceException{Message: aws.String("The request failed because the specified service quota does not exist.")})
}

// getServiceQuotaPermissions asks for the quota (the Service Authorization Reference,
// see internal/iam/iamtest).
func getServiceQuotaPermissions(m *awssim.Moment, _ *state, in *servicequotas.GetServiceQuotaInput) []awssim.Request {
	return []awssim.Request{{
		Resource: arn(m, aws.ToString(in.ServiceCode), aws.ToString(in.QuotaCode)),
		Context:  map[string][]string{"servicequotas:service": {aws.ToString(in.ServiceCode)}},
	}}
}
