package fleetfile

import "github.com/droverhq/drover/internal/automation"

// Parser is [Parse] for tests that call it many times: it makes the schema,
// which is most of the work, once.
func Parser(definitions []automation.Definition) func(data []byte) (*Fleet, error) {
	rules, err := newRules(definitions)
	if err != nil {
		panic(err)
	}
	return func(data []byte) (*Fleet, error) { return rules.parse("fleet.yaml", data) }
}
