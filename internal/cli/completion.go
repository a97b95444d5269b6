package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newCompletion(env *Env) *cobra.Command {
	shells := []string{"bash", "fish", "powershell", "zsh"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes drover's command line",
		Long:  "Prints a script for bash, fish, powershell or zsh that completes drover's verbs,\nflags and files.",
		Example: `  source <(drover completion bash)
  drover completion zsh > "${fpath[1]}/_drover"
  drover completion fish > ~/.config/fish/completions/drover.fish`,
		Args:      oneArg("shell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.Stdout, true)
			case "fish":
				return root.GenFishCompletion(env.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(env.Stdout)
			case "zsh":
				return root.GenZshCompletion(env.Stdout)
			}
			return usage(seeHelp(cmd, unknown("shell", args[0], shells)))
		},
	}
}

// unknown is the error for a word that is none of those there are.
func unknown(what, got string, wanted []string) error {
	last := len(wanted) - 1
	return fmt.Errorf("unknown %s %q: wanted %s or %s", what, got, strings.Join(wanted[:last], ", "), wanted[last])
}
