// Package notify delivers notices to SNS topics.
package notify

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// SNS publishes to a topic in the topic's own region. It is safe for
// concurrent use.
type SNS struct {
	Clients func(region string) *cloud.Clients
}

// Send publishes one notice. SNS standard topics do not recognise repetition:
// a notice that is sent twice arrives twice.
func (s SNS) Send(ctx context.Context, topic, subject, text string) error {
	parsed, err := arn.Parse(topic)
	if err != nil {
		return failure.Stopf("topic %q: %w", topic, err)
	}
	_, err = s.Clients(parsed.Region).SNS.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(topic),
		Subject:  aws.String(subject),
		Message:  aws.String(text),
	})
	if err != nil {
		return fmt.Errorf("publish the notice: %w", err)
	}
	return nil
}
