// Command empty is a Lambda function that does nothing: what a function in Go
// costs before it does anything.
package main

import (
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`{}`), nil })
}
