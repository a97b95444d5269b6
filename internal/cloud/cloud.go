// Package cloud is the way to AWS: one SDK configuration, concrete clients,
// and the place where AWS's errors are given their class.
//
// Behaviour is added by middleware on the configuration, never at call sites:
// see the package call for the audit, the write guard and the rest.
package cloud

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud/call"
)

// Clients are the service clients for one region. They are concrete, not
// interfaces: the linker can then drop the operations nobody calls, which
// keeps the binary at a third of its size (shared/facts/toolchain.md).
type Clients struct {
	Region           string
	AutoScaling      *autoscaling.Client
	Backup           *backup.Client
	CloudTrail       *cloudtrail.Client
	EC2              *ec2.Client
	ElasticBeanstalk *elasticbeanstalk.Client
	ImageBuilder     *imagebuilder.Client
	KMS              *kms.Client
	ServiceQuotas    *servicequotas.Client
	SFN              *sfn.Client
	SNS              *sns.Client
	SSM              *ssm.Client

	shared *sync.Map
}

// Share is what all who use these clients share under a key, such as a [look.Look]. The
// first to ask makes it.
func Share[T any](c *Clients, key string, make func() T) T {
	if c.shared == nil { // they were not made by New: nobody shares them
		return make()
	}
	if found, ok := c.shared.Load(key); ok {
		return found.(T)
	}
	found, _ := c.shared.LoadOrStore(key, make())
	return found.(T)
}

// idleConns keeps the connections of a burst of parallel writes for the next
// one. The SDK keeps 10, and a new connection costs two more round trips.
const idleConns = 64

// silence is how long an answer may take to begin. Without a limit a connection
// that has died without a word would be waited for until the kernel gives it up.
// The slowest answers wait for messages, for twenty seconds.
const silence = time.Minute

// Load reads the SDK's usual configuration: environment, shared files, roles.
// AWS_ENDPOINT_URL is honoured. An empty region leaves it to the environment.
func Load(ctx context.Context, region string) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = idleConns
			t.ResponseHeaderTimeout = silence
		})),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	// Everything worth saying is said by the caller; the SDK would write to
	// standard error by itself.
	options = append(options, config.WithLogger(logging.Nop{}))
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	return cfg, nil
}

// Options say how Drover behaves towards AWS.
type Options struct {
	// Version goes into the user agent.
	Version string
	// Seed makes back-off reproducible. Zero seeds it from the system.
	Seed uint64
	// Clock dates the audit. Nil is the clock on the wall.
	Clock clock.Clock
}

func (o Options) now() time.Time {
	if o.Clock == nil {
		return time.Now()
	}
	return o.Clock.Now()
}

// DynamoDB makes the client for a ledger. It has Drover's retries and name, but
// not what surrounds the calls of automations: keeping the ledger is no change
// that a plan announces, the audit lists or a preview must refuse.
func DynamoDB(cfg aws.Config, o Options) *dynamodb.Client {
	return dynamodb.NewFromConfig(equip(cfg, o))
}

// SQS makes the client for a queue that events come from. It has Drover's retries and
// name, and as with DynamoDB nothing else: taking a message is no change to a fleet.
func SQS(cfg aws.Config, region string, o Options) *sqs.Client {
	cfg = equip(cfg, o)
	if region != "" {
		cfg.Region = region
	}
	return sqs.NewFromConfig(cfg)
}

// equip adds what all of Drover's calls have.
func equip(cfg aws.Config, o Options) aws.Config {
	cfg = cfg.Copy()
	if cfg.Retryer == nil {
		backoff := NewBackoff(o.Seed)
		cfg.Retryer = func() aws.Retryer { return newRetryer(backoff) }
	}
	cfg.APIOptions = slices.Concat(cfg.APIOptions, []func(*middleware.Stack) error{
		awsmiddleware.AddUserAgentKeyValue("drover", o.Version),
	})
	return cfg
}

// New equips a configuration with Drover's retries and middleware and makes
// the clients for a region. The configuration itself is not changed.
func New(cfg aws.Config, region string, o Options) *Clients {
	cfg = equip(cfg, o)
	if region != "" {
		cfg.Region = region
	}
	surround := call.Middleware{Classify: Classify, Now: o.now}
	cfg.APIOptions = append(cfg.APIOptions, surround.Add)
	return &Clients{
		Region:           cfg.Region,
		AutoScaling:      autoscaling.NewFromConfig(cfg),
		Backup:           backup.NewFromConfig(cfg),
		CloudTrail:       cloudtrail.NewFromConfig(cfg),
		EC2:              ec2.NewFromConfig(cfg),
		ElasticBeanstalk: elasticbeanstalk.NewFromConfig(cfg),
		ImageBuilder:     imagebuilder.NewFromConfig(cfg),
		KMS:              kms.NewFromConfig(cfg),
		shared:           &sync.Map{},
		ServiceQuotas:    servicequotas.NewFromConfig(cfg),
		SFN:              sfn.NewFromConfig(cfg),
		SNS:              sns.NewFromConfig(cfg),
		SSM:              ssm.NewFromConfig(cfg),
	}
}
