package dynamodb

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/droverhq/drover/internal/iam"
)

// Table is how a ledger's table is made: paid by request, keys of two strings.
// DynamoDB takes the rest once the table is there: [TimeToLive] and [Recovery].
func Table(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(PartitionKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(SortKey), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(PartitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(SortKey), KeyType: types.KeyTypeRange},
		},
	}
}

// TimeToLive has DynamoDB remove expired records. A ledger is right without
// it, but grows for ever.
func TimeToLive(name string) *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName: aws.String(name),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(ExpiryAttribute),
			Enabled:       aws.Bool(true),
		},
	}
}

// Recovery lets the table be restored as it was at any second of the last 35 days.
func Recovery(name string) *dynamodb.UpdateContinuousBackupsInput {
	return &dynamodb.UpdateContinuousBackupsInput{
		TableName: aws.String(name),
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: aws.Bool(true),
		},
	}
}

// Needs are the permissions of everyone who opens the ledger in a table. IAM
// knows the actions within a transaction, not the transaction.
func Needs(tableARN string) []iam.Need {
	return []iam.Need{{
		Actions: []string{
			"dynamodb:ConditionCheckItem",
			"dynamodb:DeleteItem",
			"dynamodb:GetItem",
			"dynamodb:PutItem",
			"dynamodb:Query",
		},
		Resources: []string{tableARN},
		Why:       "keep claims, runs and what later runs must know in the ledger",
	}}
}
