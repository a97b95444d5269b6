package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

func newRollout(env *Env) *cobra.Command {
	verbs := []string{"start", "verify"}
	cmd := &cobra.Command{
		Use:   "rollout (start | verify)",
		Short: "Ask for an image to be rolled out, or look whether one is",
		Long: `What a person asks of an automation of kind image-rollout: to roll out an image
now, whatever was tried before, or to say whether its group has the image that it
is meant to have.`,
		Example: `  drover rollout start --fleet fleet.yaml --image ami-0bd3e5a1c97f24680
  drover rollout verify --fleet fleet.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(failure.WithHint(errors.New("missing argument: start or verify"), "%s start --help", cmd.CommandPath()))
			}
			return usage(seeHelp(cmd, unknown("argument", args[0], verbs)))
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args has refused everything
	}
	cmd.AddCommand(newRolloutStart(env), newRolloutVerify(env))
	return cmd
}

// rollout are the flags of both.
type rollout struct {
	input
	automation string
}

func (in *rollout) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&in.fleet, "fleet", "f", "", "the fleet `FILE`")
	f.StringVarP(&in.automation, "automation", "a", "", "the automation `NAME`; left out, the only one of kind image-rollout")
	ledgerFlag(cmd, &in.ledger, "the `FILE` in which runs are remembered, shared by processes; dynamodb:TABLE; or memory for none")
	f.BoolVar(&in.json, "json", false, "print the result as one JSON value")
	verboseFlag(cmd, &in.verbose)
	if err := cmd.MarkFlagFilename("fleet"); err != nil {
		panic(err) // the flag is defined some lines above
	}
	cmd.Args = noArgs
}

// next is a command line to type next, for the same fleet and ledger.
func (in *rollout) next(format string, args ...any) string {
	asked := inquiry{ledger: in.ledger}
	return asked.next("%s --fleet %s", fmt.Sprintf(format, args...), in.fleet)
}

// start are the flags of start.
type start struct {
	rollout
	image, instance string
	reboot, dry     bool
}

func newRolloutStart(env *Env) *cobra.Command {
	var in start
	cmd := &cobra.Command{
		Use:   "start --fleet FILE [--automation NAME] (--image AMI [--dry-run] | --instance ID [--reboot]) [--ledger FILE] [--json] [--verbose]",
		Short: "Roll out an image now, whatever was tried before",
		Long: `Rolls an image out to the group of an automation, as an event would that tells of
it: prepares it as the fleet file says, makes a version of the launch template,
moves the group, replaces its instances, and prints what was done. Asked for like
this, an image is rolled out though it is older than the group's, was tried before
and failed, or the maintenance window is closed. The fleet file's pin and its
approval hold all the same, and while a rollout is at work it is waited for.

With --instance an image of that instance is made first, and waited for. Nothing is
rebooted: what programs have not written to their volumes yet is not in the image.
With --reboot EC2 reboots the instance for it. The image is named after the group,
the instance and the minute; the same again within the minute goes on with it. It
is tagged with fleet, automation and ledger, and stays, whatever becomes of the
rollout: it is where the image of the group comes from. It is you who makes it:
beside what "drover render policy" prints, your credentials need ec2:CreateImage
of the instance, of images and of snapshots, and ec2:CreateTags of the latter two.

With --dry-run the plan is printed, and nothing is changed.`,
		Example: `  drover rollout start --fleet fleet.yaml --image ami-0bd3e5a1c97f24680
  drover rollout start --fleet fleet.yaml --automation web --instance i-05a7780f2af7c126c --reboot
  drover rollout start --fleet fleet.yaml --image ami-0bd3e5a1c97f24680 --dry-run --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.startRollout(cmd, in)
		},
	}
	in.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.image, "image", "", "the id of the image, an `AMI`")
	f.StringVar(&in.instance, "instance", "", "the `ID` of an instance, of which an image is made first")
	f.BoolVar(&in.reboot, "reboot", false, "have the instance rebooted, so that its image holds all that it has written")
	f.BoolVar(&in.dry, "dry-run", false, "print the plan, and change nothing")
	return cmd
}

var (
	imageForm    = regexp.MustCompile(`^(ami-([0-9a-f]{8}|[0-9a-f]{17}))?$`)
	instanceForm = regexp.MustCompile(`^(i-([0-9a-f]{8}|[0-9a-f]{17}))?$`)
)

// check refuses combinations of flags that say nothing.
func (in *start) check(cmd *cobra.Command) error {
	verb := cmd.CommandPath()
	switch {
	case in.fleet == "":
		return failure.WithHint(errors.New("--fleet is missing"), "%s --fleet FILE --image AMI", verb)
	case in.image == "" && in.instance == "":
		return failure.WithHint(errors.New("neither --image nor --instance is given"), "%s --fleet %s --image AMI", verb, in.fleet)
	case in.image != "" && in.instance != "":
		return failure.WithHint(errors.New("--image and --instance exclude each other"), "%s --fleet %s --image %s", verb, in.fleet, in.image)
	case !imageForm.MatchString(in.image):
		return fmt.Errorf("--image: got %q, wanted the id of an image, such as ami-0bd3e5a1c97f24680", in.image)
	case !instanceForm.MatchString(in.instance):
		return fmt.Errorf("--instance: got %q, wanted the id of an instance, such as i-05a7780f2af7c126c", in.instance)
	case in.reboot && in.instance == "":
		return errors.New("--reboot says nothing without --instance")
	case in.dry && in.instance != "":
		return failure.WithHint(errors.New("--dry-run excludes --instance: what becomes of an image that is not made yet cannot be planned"), "%s --fleet %s --image AMI --dry-run", verb, in.fleet)
	}
	return nil
}

func (e *Env) startRollout(cmd *cobra.Command, in start) error {
	if err := in.check(cmd); err != nil {
		return usage(err)
	}
	fleet, err := loadFleet(in.fleet)
	if err != nil {
		return err
	}
	auto, err := app.RolloutOf(fleet, in.automation)
	if err != nil {
		return usage(err)
	}
	do := e.doing()
	if in.dry {
		do = e.planning()
	}
	var made app.Captured
	handle := do.event
	do.event = func(ctx context.Context, a *app.App, ev event.Event) (view.Result, error) {
		result, err := handle(ctx, a, ev)
		if made.ID == "" {
			return result, err
		}
		result.Image = &view.Captured{ID: made.ID, Name: made.Name, Instance: made.Instance, Rebooted: made.Rebooted, Adopted: made.Adopted}
		if err != nil {
			result.Hints = append(result.Hints, in.again(made, auto))
		}
		return result, err
	}
	return e.visit(cmd.Context(), fleet, in.input, do.open, func(ctx context.Context, d *desk) error {
		asked := d.app.RolloutRequest(auto, cmp.Or(in.image, in.instance))
		if _, unwanted := d.app.Route(asked); unwanted == nil && in.instance != "" { // no image is made that nobody wants
			if err := authenticated(ctx, d.reach.aws); err != nil {
				return err
			}
			d.progress.say("image of " + in.instance + ": waiting for AWS")
			var err error
			if made, err = d.app.Capture(ctx, auto, in.instance, in.reboot, d.progress.say); err != nil {
				return in.left(err, made, auto)
			}
			asked = d.app.RolloutRequest(auto, made.ID)
		}
		return e.perform(ctx, d, in.input, do, []event.Event{asked})
	})
}

// left says what there is of an image that was not waited for to its end.
func (in *start) left(err error, made app.Captured, auto *automation.Automation) error {
	if made.ID == "" || failure.ClassOf(err) == failure.Stop && len(failure.Hints(err)) > 0 {
		return err // it has failed, and the error says what is left
	}
	return failure.WithHint(fmt.Errorf("%w; %s (%s) is left", err, made.ID, made.Name), "%s", in.again(made, auto))
}

// again is how the image is rolled out that was made.
func (in *start) again(made app.Captured, auto *automation.Automation) string {
	return in.next("rollout start --automation %s --image %s", auto.Name, made.ID) + ", which needs no other image"
}
