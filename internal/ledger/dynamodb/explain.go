package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// explain makes `open ledger table NAME: cause` of a failure, with its class
// and the next thing to do where a person can do something.
func (l *Ledger) explain(ctx context.Context, verb string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err) // the SDK may say only what it was doing
	}
	known := cloud.Classify(err)
	class, hint := l.advise(known)
	err = fmt.Errorf("%s ledger table %s: %w", verb, l.table, known)
	if class != failure.ClassOf(known) {
		err = failure.As(class, err)
	}
	if hint != "" {
		err = failure.WithHint(err, "%s", hint)
	}
	return err
}

// advise knows the failures that a person can end, beside those that every
// call to AWS has in common.
func (l *Ledger) advise(err error) (failure.Class, string) {
	var newer *newerError
	switch {
	case errors.As(err, &newer):
		return failure.Stop, "use the version of drover that has changed the table, or a later one"
	case errors.Is(err, errForeign):
		return failure.Stop, "name another table, or remove what does not belong there"
	case cloud.Code(err) == "ResourceNotFoundException":
		return failure.Stop, "name another table or region, wait if it is only just being made, or make it: `" + l.making() + "`"
	}
	return failure.ClassOf(err), ""
}

// making is the command that makes the table.
func (l *Ledger) making() string {
	table := Table(l.table)
	words := []string{"aws dynamodb create-table", "--region", l.client.Options().Region, "--table-name", l.table, "--billing-mode", string(table.BillingMode), "--attribute-definitions"}
	for _, a := range table.AttributeDefinitions {
		words = append(words, fmt.Sprintf("AttributeName=%s,AttributeType=%s", aws.ToString(a.AttributeName), a.AttributeType))
	}
	words = append(words, "--key-schema")
	for _, k := range table.KeySchema {
		words = append(words, fmt.Sprintf("AttributeName=%s,KeyType=%s", aws.ToString(k.AttributeName), k.KeyType))
	}
	return strings.Join(words, " ")
}
