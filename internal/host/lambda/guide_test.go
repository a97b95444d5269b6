package lambda

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/ledger/dynamodb"
)

// The guide names every variable and every type of error, and what the table
// is and takes.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "guide", "lambda.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{
		EnvFleet, EnvTable, EnvMachines, EnvLevel,
		TypeInit, TypePayload, TypeTimeout, TypeUnavailable, TypeStopped, TypePanic,
	}
	for _, w := range words {
		if !strings.Contains(string(guide), "| `"+w+"` |") {
			t.Errorf("docs/guide/lambda.md has no row for %s", w)
		}
	}
	table := dynamodb.Table("x")
	for _, a := range table.AttributeDefinitions {
		words = append(words, "AttributeName="+*a.AttributeName+",AttributeType="+string(a.AttributeType))
	}
	for _, k := range table.KeySchema {
		words = append(words, "AttributeName="+*k.AttributeName+",KeyType="+string(k.KeyType))
	}
	words = append(words, "AttributeName="+*dynamodb.TimeToLive("x").TimeToLiveSpecification.AttributeName+"\n", string(table.BillingMode))
	for _, need := range dynamodb.Needs("x") {
		words = append(words, need.Actions...)
	}
	for _, w := range words {
		if !strings.Contains(string(guide), w) {
			t.Errorf("docs/guide/lambda.md lacks %q", w)
		}
	}
}
