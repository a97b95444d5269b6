package cloud

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Codes that mean "again, later" and are missing from the SDK's own list
// (shared/facts/apis.md, section 0, rule 4).
var forgottenCodes = map[string]struct{}{
	"CallRateLimitExceededException":  {}, // Image Builder, HTTP 429
	"ConcurrentMutationLimitExceeded": {}, // EC2 routes
	"ConcurrentTagAccess":             {}, // EC2 tags
	"RateLimitExceeded":               {},
	"ResourceContention":              {}, // Auto Scaling
	"TooManyUpdates":                  {}, // Parameter Store
}

const (
	maxAttempts = 8
	minBackoff  = 100 * time.Millisecond
	maxBackoff  = 3 * time.Second
)

// Retryer is how Drover's calls are repeated, with a back-off of the caller's. It is
// for worlds whose time is not that of the wall; see [Backoff] for the usual one.
func Retryer(b retry.BackoffDelayer) aws.Retryer { return newRetryer(b) }

// newRetryer is the SDK's standard retryer with the codes it forgot and our
// back-off. The client-side retry quota is off: it is made for a shared
// service front end, while here a handful of urgent writes must not be held
// back before AWS itself does so; the number of attempts is the bound.
func newRetryer(b retry.BackoffDelayer) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = b
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: forgottenCodes})
	})
}

// Backoff is exponential back-off with jitter from a seeded source, so that a
// simulated history can be repeated. It is safe for concurrent use.
type Backoff struct {
	mu     sync.Mutex
	random *rand.Rand
}

// NewBackoff seeds a back-off; a seed of zero takes one from the system.
func NewBackoff(seed uint64) *Backoff {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &Backoff{random: rand.New(rand.NewPCG(seed, 0x64726f766572))}
}

// BackoffDelay is between half and the whole of an exponentially growing span.
func (b *Backoff) BackoffDelay(attempt int, _ error) (time.Duration, error) {
	return b.Delay(attempt, minBackoff, maxBackoff), nil
}

// Delay is the pause before attempt number attempt+1, counted from 1: between
// half and the whole of least·2^(attempt-1), at most most.
func (b *Backoff) Delay(attempt int, least, most time.Duration) time.Duration {
	span := least
	for ; attempt > 1 && span < most; attempt-- {
		span *= 2
	}
	span = min(span, most)
	b.mu.Lock()
	defer b.mu.Unlock()
	return span/2 + time.Duration(b.random.Int64N(int64(span/2)+1))
}
