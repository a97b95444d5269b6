// Package examples holds the scenario files that are shipped, of which some are
// played by `drover demo`.
package examples

import "embed"

//go:embed demo-gateways.yaml demo-backups.yaml platform-chain.yaml
//go:embed rollout-backup.yaml rollout-sysprep-failed.yaml rollout-alarm.yaml
var files embed.FS

// demo are the acts of the demo in their order.
var demo = []string{
	"demo-gateways.yaml", "demo-backups.yaml", "platform-chain.yaml",
	"rollout-backup.yaml", "rollout-sysprep-failed.yaml", "rollout-alarm.yaml",
}

// Act is a scenario file: a part of the demo.
type Act struct {
	Path string // in the repository
	Text []byte
}

// Demo lists the acts of the demo in their order.
func Demo() []Act {
	var acts []Act
	for _, name := range demo {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is part of the program
		}
		acts = append(acts, Act{Path: "examples/" + name, Text: text})
	}
	return acts
}
