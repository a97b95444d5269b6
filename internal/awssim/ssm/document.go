package ssm

// Documents, and what comes of them on a machine. Not modelled: what documents say,
// their versions and platforms, patterns of parameters, and those that other accounts
// share.

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Documents of AWS that there are from the beginning.
const (
	RunShellScript        = "AWS-RunShellScript"
	RunPowerShellScript   = "AWS-RunPowerShellScript"
	InstallWindowsUpdates = "AWS-InstallWindowsUpdates"
	RunSysprep            = "AWSEC2-RunSysprep"
)

// Behaviour is what comes of a document on a machine. The zero value succeeds at once
// and says nothing.
type Behaviour struct {
	End Ending
	// Takes is how long it runs, to its end or to the end of the machine.
	Takes time.Duration
	// Lingers is how long the machine stays up after it has reported, for
	// [ReportsThenShutsDown].
	Lingers time.Duration
	// Output and Error are what it writes to standard output and standard error.
	Output, Error string
	// ExitCode is that of the step. Other than 0, the command has failed.
	ExitCode int32
}

// Ending is how a document ends.
type Ending int

const (
	// Exits: by itself, with an exit code.
	Exits Ending = iota
	// Hangs: it runs until its execution timeout.
	Hangs
	// NeverDelivered: it does not reach the machine until its delivery times out.
	NeverDelivered
	// ShutsDown: it takes the machine down before its agent can report. The invocation
	// stays InProgress until it times out (facts/apis.md 3).
	ShutsDown
	// ReportsThenShutsDown: its agent reports the exit code, and then the machine goes
	// down.
	ReportsThenShutsDown
)

// Run is a document that is about to run on an instance.
type Run struct {
	Command, Document, Instance, Comment string

	Parameters map[string][]string // not to be changed
}

// Behave says what comes of a document from now on. One that AWS does not have is one
// of the account's own, and is there from now on; it takes any parameters.
func (s *Service) Behave(document string, b Behaviour) {
	s.BehaveAs(document, func(Run) Behaviour { return b })
}

// BehaveAs is [Service.Behave] with a behaviour for each run. It is called with the
// world locked, when the document reaches the machine, or does not.
func (s *Service) BehaveAs(document string, f func(Run) Behaviour) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		d, known := st.documents[document]
		if !known {
			d = definition{step: "runScript", takesAny: true}
		}
		d.behave = f
		st.documents[document] = d
	})
}

// Usual is what comes of a document of AWS unless it is said otherwise; of any other,
// that it succeeds at once.
func Usual(document string) Behaviour {
	d, known := documents()[document]
	if !known {
		return Behaviour{}
	}
	return d.behave(Run{})
}

// definition is a document. It is never changed, only replaced.
type definition struct {
	step      string // the only one
	takesAny  bool   // parameters
	needs     []string
	takes     []string
	execution bool // it has the parameter executionTimeout
	behave    func(Run) Behaviour
}

const (
	executionTimeout = "executionTimeout"
	usualExecution   = time.Hour // facts/apis.md 3; without the parameter there is one that is not published
	usualDelivery    = time.Hour // SSM23 monitor-commands.md, default of TimeoutSeconds
)

// documents are those of AWS, with the parameters that matter. The steps are those of
// lib:65778496988 and lib:108522587 (for the latter two unverified, as are all their
// parameters).
func documents() map[string]definition {
	after := func(b Behaviour) func(Run) Behaviour { return func(Run) Behaviour { return b } }
	script := []string{"workingDirectory", executionTimeout}
	return map[string]definition{
		RunShellScript:      {step: "aws:runShellScript", needs: []string{"commands"}, takes: script, execution: true, behave: after(Behaviour{Takes: 2 * time.Second})},
		RunPowerShellScript: {step: "aws:runPowerShellScript", needs: []string{"commands"}, takes: script, execution: true, behave: after(Behaviour{Takes: 2 * time.Second})},
		InstallWindowsUpdates: {
			step:   "installWindowsUpdates",
			takes:  []string{"Action", "AllowReboot", "IncludeKbs", "ExcludeKbs", "Categories", "SeverityLevels", "PublishedDaysOld", "PublishedDateAfter", "PublishedDateBefore"},
			behave: after(Behaviour{Takes: 20 * time.Minute}),
		},
		RunSysprep: {step: "runSysprep", takes: []string{"Id"}, behave: after(Behaviour{End: ShutsDown, Takes: 3 * time.Minute})},
	}
}

// ofAmazon says whether a document is one of AWS: the ARNs of those have no account
// (facts/iam.md 1).
func ofAmazon(document string) bool {
	return strings.HasPrefix(document, "AWS-") || strings.HasPrefix(document, "AWSEC2-") || strings.HasPrefix(document, "Amazon")
}

func documentARN(m *awssim.Moment, document string) string {
	if strings.HasPrefix(document, "arn:") {
		return document
	}
	if ofAmazon(document) {
		return "arn:aws:ssm:" + m.Region() + "::document/" + document
	}
	return m.ARN("ssm", "document/"+document)
}

// document finds a document, by its name or ARN, in a version; there is one of each.
func (s *state) document(m *awssim.Moment, reference, version *string) (string, definition, error) {
	name := aws.ToString(reference)
	if _, bare, found := strings.Cut(name, ":document/"); found && documentARN(m, bare) == name {
		name = bare
	}
	d, found := s.documents[name]
	if !found {
		return "", d, awssim.FailAs(http.StatusBadRequest, &types.InvalidDocument{Message: aws.String("Document with name " + name + " does not exist.")}) // the text unverified
	}
	if v := aws.ToString(version); !slices.Contains([]string{"", "$DEFAULT", "$LATEST", "1"}, v) {
		return "", d, awssim.FailAs(http.StatusBadRequest, &types.InvalidDocumentVersion{})
	}
	return name, d, nil
}

// check holds parameters against the document: those it needs, and no other (doc of
// InvalidParameters). It returns how long the document may run.
func (d definition) check(parameters map[string][]string) (time.Duration, error) {
	refuse := func(text string) (time.Duration, error) {
		return 0, awssim.FailAs(http.StatusBadRequest, &types.InvalidParameters{Message: &text})
	}
	for _, name := range d.needs {
		if len(parameters[name]) == 0 {
			return refuse("Parameter " + name + " is required.")
		}
	}
	for name := range parameters {
		if !d.takesAny && !slices.Contains(d.needs, name) && !slices.Contains(d.takes, name) {
			return refuse("Parameter " + name + " is not defined in the document.")
		}
	}
	if values := parameters[executionTimeout]; (d.execution || d.takesAny) && len(values) > 0 {
		seconds, err := strconv.Atoi(values[0])
		if err != nil || seconds < 1 {
			return refuse("Parameter " + executionTimeout + " is not a number of seconds: " + values[0])
		}
		return time.Duration(seconds) * time.Second, nil
	}
	return usualExecution, nil
}
