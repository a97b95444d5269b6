package imagerollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
)

// types are the instance types of the machines that a plan launches.
func (s *State) types(c Config, p automation.Plan) []string {
	var all []string
	for _, change := range p.For(stepTemplate) {
		found, _ := s.template(change.Resource)
		builder := cmp.Or(c.Builder.Type, found.Type)
		all = append(all, builder)
		if c.Try != nil {
			all = append(all, cmp.Or(c.Try.Type, builder))
		}
	}
	return all
}

// missingTypes looks whether machines of the types can run the image, and whether the
// account may have as many more of them.
func (s *State) missingTypes(ctx context.Context, t *turn, kinds []string, image Image) error {
	found := map[string]types.InstanceTypeInfo{}
	pages := ec2.NewDescribeInstanceTypesPaginator(t.AWS.EC2, &ec2.DescribeInstanceTypesInput{Filters: []types.Filter{filter.By("instance-type", kinds...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe instance types %s: %w", strings.Join(kinds, ", "), err)
		}
		for _, i := range page.InstanceTypes {
			found[string(i.InstanceType)] = i
		}
	}
	more := 0
	for n, kind := range kinds {
		i, ok := found[kind]
		if standard(kind) && i.VCpuInfo != nil {
			more += int(aws.ToInt32(i.VCpuInfo.DefaultVCpus))
		}
		if slices.Contains(kinds[:n], kind) {
			continue
		}
		switch {
		case !ok:
			s.miss("instance type "+kind, "does not exist in this region; say another at builder.type or try.type")
		case i.ProcessorInfo != nil && image.Architecture != "" && !slices.Contains(i.ProcessorInfo.SupportedArchitectures, types.ArchitectureType(image.Architecture)):
			s.miss("instance type "+kind, fmt.Sprintf("does not run %s, which is for %s; say another at builder.type or try.type", image.ID, image.Architecture))
		}
	}
	if len(s.Missing) > 0 || more == 0 {
		return nil
	}
	return s.missingQuota(ctx, t, more)
}

// standard says whether a type counts toward the quota that is looked at: its name
// begins with a letter of that
// (https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html).
func standard(kind string) bool {
	return kind != "" && strings.Contains("acdhimrtz", kind[:1]) && !strings.HasPrefix(kind, "inf") && !strings.HasPrefix(kind, "trn") && !strings.HasPrefix(kind, "dl") && !strings.HasPrefix(kind, "hpc") && !strings.HasPrefix(kind, "mac")
}

// standardInstances is the code of the quota on vCPUs of running on-demand instances.
const standardInstances = "L-1216C47A"

// missingQuota looks whether the account may run some more vCPUs. What it may not read
// it leaves out.
func (s *State) missingQuota(ctx context.Context, t *turn, more int) error {
	out, err := t.AWS.ServiceQuotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String(standardInstances)})
	switch {
	case denied(err), cloud.Code(err) == "NoSuchResourceException":
		return nil
	case err != nil:
		return fmt.Errorf("read quota %s of EC2: %w", standardInstances, err)
	case out.Quota == nil || out.Quota.Value == nil:
		return nil
	}
	used := 0
	pages := ec2.NewDescribeInstancesPaginator(t.AWS.EC2, &ec2.DescribeInstancesInput{
		MaxResults: aws.Int32(1000), Filters: []types.Filter{filter.By("instance-state-name", "pending", "running")},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("count the vCPUs that run: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if o := i.CpuOptions; o != nil && standard(string(i.InstanceType)) && i.InstanceLifecycle == "" {
					used += int(aws.ToInt32(o.CoreCount) * aws.ToInt32(o.ThreadsPerCore))
				}
			}
		}
	}
	if most := int(*out.Quota.Value); used+more > most {
		s.miss("quota "+standardInstances, fmt.Sprintf("allows %d vCPUs of on-demand instances, %d run, and the rollout takes %d more; ask for more: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code %s --desired-value %d",
			most, used, more, standardInstances, used+more))
	}
	return nil
}
