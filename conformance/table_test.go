//go:build conformance

package conformance

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/render"
	"github.com/droverhq/drover/internal/scenario"
)

// README.md says of every operation what witnesses it, and of every story that
// moto cannot play why. The tests in this file keep it true.
//
//go:embed README.md
var readme string

// row is an operation's row of the table.
type row struct{ simulated, wire bool }

// anOperation is the beginning of a row: `service:Operation`, then two cells.
var anOperation = regexp.MustCompile("(?m)^\\| `([a-z0-9]+:[A-Za-z]+)` \\| (yes|no) \\| (yes|no) \\|")

func table() map[string]row {
	rows := map[string]row{}
	for _, m := range anOperation.FindAllStringSubmatch(readme, -1) {
		rows[m[1]] = row{simulated: m[2] == "yes", wire: m[3] == "yes"}
	}
	return rows
}

// compare holds a column of the table against the operations that were called,
// both ways.
func compare(column string, says func(row) bool, called []string) error {
	rows := table()
	var problems []error
	for _, o := range called {
		if !says(rows[o]) {
			problems = append(problems, fmt.Errorf("conformance/README.md: %s was called on %s; its row must say yes there", o, column))
		}
	}
	for _, o := range slices.Sorted(maps.Keys(rows)) {
		if says(rows[o]) && !slices.Contains(called, o) {
			problems = append(problems, fmt.Errorf("conformance/README.md: %s was not called on %s; its row must say no there", o, column))
		}
	}
	return errors.Join(problems...)
}

// compareWithTable is what TestMain asks at the end of a whole run.
func compareWithTable(overTheWire []string) error {
	return compare("moto", func(r row) bool { return r.wire }, overTheWire)
}

// everything is a fleet that makes use of every permission there is.
const everything = `version: 1
fleet: everything
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  groups:
    kind: group-follows-template
    groups: ["site-*"]
    version: newest-number
    uses: { roles: [server], parameters: [/golden/web] }
  images:
    kind: template-follows-image
    images: { description: EC2_BACKUP }
    template:
      parameter: /app/launch-template
      key: arn:aws:kms:us-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
      tags: { app: web }
  pinned:
    kind: parameter-follows-platform
    parameter: /golden/pinned
    source: { platform: "arn:aws:elasticbeanstalk:us-west-1::platform/IIS 10.0 running on 64bit Windows Server 2019/2.6.5" }
  platform:
    kind: parameter-follows-platform
    parameter: /golden/base-image
    source: { branch: "IIS 10.0 running on 64bit Windows Server 2019" }
  pipeline:
    kind: pipeline-follows-parameter
    parameter: /golden/base
    pipeline: arn:aws:imagebuilder:us-west-1:123456789012:image-pipeline/golden
  rollout:
    kind: image-rollout
    group: web
    source: { backups: {} }
    hold: processes
    builder:
      subnet: subnet-0a1b2c3d4e5f60718
      security-groups: [sg-0a1b2c3d4e5f60718]
      profile: builder
      key: operators
      kms-keys: ["arn:aws:kms:us-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"]
      prepare: [{ document: Deploy }]
    try: { verify: { document: Smoke } }
    refresh: { floating: pin }
    recovery-point: delete
  moved:
    kind: image-rollout
    group: api
    source: { images: { name: golden-* } }
  gateways:
    kind: route-failover
    vpc: vpc-0bf5741eb0ef56a41
    members: [{ tags: { role: nat } }]
    health: status-checks
    prefer: zone
    source-dest-check: repair
`

// TestTableNamesEveryPermission: what Drover may call has a row.
func TestTableNamesEveryPermission(t *testing.T) {
	fleet, err := fleetfile.Parse("everything.yaml", []byte(everything), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	policy, err := render.Policy(fleet, "aws", "")
	if err != nil {
		t.Fatal(err)
	}
	rows := table()
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if _, ok := rows[action]; !ok {
				t.Errorf("conformance/README.md: no row for %s, which Drover asks permission for", action)
			}
		}
	}
}

// TestTableOfSimulated plays the stories on simulated AWS, to see what they
// call there.
func TestTableOfSimulated(t *testing.T) {
	var called operations
	for _, sc := range scenario.Stories() {
		w := scenario.NewSimulated(clock.NewVirtual(time.Now()), awssim.Options{})
		if err := scenario.Play(t.Context(), w, sc); err != nil {
			t.Error(err)
		}
		for _, c := range w.Calls() {
			called.add(c.Operation)
		}
	}
	if err := compare("simulated AWS", func(r row) bool { return r.simulated }, called.list()); err != nil {
		t.Error(err)
	}
}

// TestTableOfStories: the stories that moto cannot play are listed, with the
// same reason, and no others.
func TestTableOfStories(t *testing.T) {
	for _, sc := range scenario.Stories() {
		begins, row := fmt.Sprintf("\n| `%s` |", sc.Name), fmt.Sprintf("\n| `%s` | %s |\n", sc.Name, sc.Simulated)
		switch {
		case sc.Simulated != "" && !strings.Contains(readme, row):
			t.Errorf("conformance/README.md lacks the row%s", row)
		case sc.Simulated == "" && strings.Contains(readme, begins):
			t.Errorf("conformance/README.md says that moto cannot play %s, but it does", sc.Name)
		}
	}
}

// operations is a set of operations. It is safe for concurrent use.
type operations struct {
	mu  sync.Mutex
	set map[string]bool
}

// seen are the operations that moto has answered.
var seen operations

func (o *operations) add(operation string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.set == nil {
		o.set = map[string]bool{}
	}
	o.set[operation] = true
}

func (o *operations) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.set))
}
