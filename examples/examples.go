// Package examples holds the scenario files that are shipped, of which some are
// played by `drover demo`.
package examples

import "embed"

//go:embed demo-gateways.yaml demo-backups.yaml platform-chain.yaml
var files embed.FS

// Act is a scenario file: a part of the demo.
type Act struct {
	Path string // in the repository
	Text []byte
}

// Demo lists the acts of the demo in their order.
func Demo() []Act {
	var acts []Act
	for _, name := range []string{"demo-gateways.yaml", "demo-backups.yaml", "platform-chain.yaml"} {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is part of the program
		}
		acts = append(acts, Act{Path: "examples/" + name, Text: text})
	}
	return acts
}
