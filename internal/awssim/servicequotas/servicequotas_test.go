package servicequotas_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/droverhq/drover/internal/awssim"
	quotasim "github.com/droverhq/drover/internal/awssim/servicequotas"
	"github.com/droverhq/drover/internal/clock"
)

func TestGetServiceQuota(t *testing.T) {
	s := quotasim.New()
	w := awssim.New(clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), awssim.Options{}, s)
	client := servicequotas.NewFromConfig(w.Config())
	get := func(code string) (float64, error) {
		out, err := client.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: &code})
		if err != nil {
			return 0, err
		}
		return *out.Quota.Value, nil
	}
	if got, err := get(quotasim.StandardInstances); err != nil || got != 32 {
		t.Errorf("got %v, %v", got, err)
	}
	s.SetStandardInstances(1)
	if got, err := get(quotasim.StandardInstances); err != nil || got != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := get("L-0"); !errors.As(err, new(*types.NoSuchResourceException)) {
		t.Errorf("got %v", err)
	}
	var asked string
	w.Authorize(func(action, resource string, _ map[string][]string) bool {
		asked = action + " " + resource
		return true
	})
	if _, err := get(quotasim.StandardInstances); err != nil || asked != "servicequotas:GetServiceQuota arn:aws:servicequotas:us-west-1:123456789012:ec2/L-1216C47A" {
		t.Errorf("asked %q, %v", asked, err)
	}
}
