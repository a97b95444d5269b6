package worker

import "github.com/droverhq/drover/internal/iam"

// Needs are the permissions for a queue, and for the one for what cannot be read,
// by their ARNs. A queue that is encrypted with a key of one's own needs
// kms:Decrypt and kms:GenerateDataKey for that key beside.
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
func Needs(queue, deadLetters string) []iam.Need {
	return []iam.Need{
		{
			// The batches have no actions of their own.
			Actions:   []string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
			Resources: []string{queue},
			Why:       "take events, and hide and delete their messages",
		},
		{
			Actions:   []string{"sqs:GetQueueUrl", "sqs:SendMessage"},
			Resources: []string{deadLetters},
			Why:       "put aside what cannot be read",
		},
	}
}
