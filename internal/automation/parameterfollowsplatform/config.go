package parameterfollowsplatform

import (
	"regexp"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// Config is the kind's part of the fleet file.
type Config struct {
	Parameter      string              `json:"parameter" doc:"The parameter that the image is written to. If there is none it is made." pattern:"^([a-zA-Z0-9_.-]+|(/[a-zA-Z0-9_.-]+)+)$" maxLength:"1011" wanted:"the name of a parameter, with a slash in front if there are any within," example:"/golden/base-image"`
	Source         Source              `json:"source" doc:"Where the image is from: one of platform, branch, parameter and images."`
	Architecture   Architecture        `json:"architecture,omitempty" doc:"The image's architecture." enum:"x86_64,arm64" default:"x86_64"`
	Virtualization Virtualization      `json:"virtualization,omitempty" doc:"The image's virtualisation type." enum:"hvm,paravirtual" default:"hvm"`
	MinAge         automation.Duration `json:"min-age,omitempty" doc:"How old an image must be, by EC2's creation date, before it is published. Until then the newest that is old enough counts, where the source has several. Left out: no age." example:"72h"`
	Schedule       string              `json:"schedule,omitempty" doc:"When to look: rate(VALUE UNIT) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), as EventBridge has them." default:"rate(1 day)" example:"cron(0 6 ? * MON-FRI *)"`
	TimeZone       string              `json:"time-zone,omitempty" doc:"The time zone of a cron schedule. Left out: UTC." example:"Europe/Berlin"`
}

// Source is where images are from, in one of four ways.
type Source struct {
	Platform  string  `json:"platform,omitempty" doc:"The ARN of one platform version of Elastic Beanstalk. AWS gives it no other image when a newer version comes." pattern:"^arn:aws[a-z-]*:elasticbeanstalk:[a-z0-9-]+:([0-9]{12})?:platform/[^/*?$]+/[0-9][0-9A-Za-z.-]*$" wanted:"the ARN of a platform version" example:"arn:aws:elasticbeanstalk:us-west-1::platform/IIS 10.0 running on 64bit Windows Server 2019/2.6.5"`
	Branch    string  `json:"branch,omitempty" doc:"The name of a platform branch of Elastic Beanstalk. Its newest Ready version counts." pattern:"^[^/*?$]{1,100}$" wanted:"the name of a platform branch" example:"IIS 10.0 running on 64bit Windows Server 2019"`
	Parameter string  `json:"parameter,omitempty" doc:"A parameter whose value is the image's id: a public one, of Amazon Linux, Windows or ECS for example, or one of this account." pattern:"^([a-zA-Z0-9_.-]+|(/[a-zA-Z0-9_.-]+)+)$" maxLength:"1011" wanted:"the name of a parameter, with a slash in front if there are any within," example:"/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"`
	Images    *Images `json:"images,omitempty" doc:"The newest of certain images counts."`
}

// Images choose images.
type Images struct {
	Owners []string          `json:"owners" doc:"The accounts whose images count: ids, amazon, aws-marketplace, or self for this account. Anybody can give an image any name." minItems:"1" pattern:"^([0-9]{12}|self|amazon|aws-marketplace)$" wanted:"an account id, self, amazon or aws-marketplace" example:"amazon"`
	Name   string            `json:"name,omitempty" doc:"A pattern that the image's name fits: * stands for any text, ? for any character." pattern:"^[0-9A-Za-z()\\[\\] ./'@_*?-]{1,128}$" wanted:"the name of an image, with wildcards," example:"al2023-ami-2023.*"`
	Tags   map[string]string `json:"tags,omitempty" doc:"Tags that the image has, all of them."`
}

// Architecture is a processor architecture as EC2 calls it.
type Architecture string

// Virtualization is a virtualisation type as EC2 calls it.
type Virtualization string

// The values that a fleet file may hold.
const (
	X8664 Architecture = "x86_64"
	ARM64 Architecture = "arm64"

	HVM         Virtualization = "hvm"
	Paravirtual Virtualization = "paravirtual"
)

const defaultSchedule = "rate(1 day)"

func defaults(c *Config) {
	if c.Architecture == "" {
		c.Architecture = X8664
	}
	if c.Virtualization == "" {
		c.Virtualization = HVM
	}
	if c.Schedule == "" {
		c.Schedule = defaultSchedule
	}
}

// reserved are names that Parameter Store keeps for AWS (doc of PutParameter).
var reserved = regexp.MustCompile(`(?i)^/?(aws|ssm)`)

// check finds what a schema cannot say.
func check(c Config) []automation.Problem {
	var problems []automation.Problem
	report := func(path, got, wanted string) {
		problems = append(problems, automation.Problem{Path: path, Got: got, Wanted: wanted})
	}
	if reserved.MatchString(c.Parameter) {
		report("parameter", c.Parameter+", a name that AWS keeps for itself", "one that begins neither with aws nor with ssm")
	}
	s := c.Source
	switch given := s.given(); {
	case given == 0:
		report("source", "none of platform, branch, parameter and images", "one of them")
	case given > 1:
		report("source", "several of platform, branch, parameter and images", "one of them")
	}
	if s.Parameter != "" && bare(s.Parameter) == bare(c.Parameter) {
		report("source.parameter", s.Parameter+", which is written to", "another parameter")
	}
	if i := s.Images; i != nil && len(i.Tags) == 0 {
		switch {
		case i.Name == "":
			report("source.images", "nothing that tells images apart", "name or tags")
		case strings.Trim(i.Name, "*?") == "":
			report("source.images.name", i.Name+", which every name fits", "a pattern such as al2023-ami-2023.*, or tags beside it")
		}
	}
	sweep, err := schedule.Parse(c.Schedule, "")
	if err != nil {
		report("schedule", c.Schedule, wantedBy(err))
		return problems
	}
	if _, err := schedule.Parse(c.Schedule, c.TimeZone); err != nil {
		report("time-zone", c.TimeZone, wantedBy(err))
	}
	if c.TimeZone != "" && strings.HasPrefix(sweep.Expression(), "rate(") {
		report("time-zone", c.TimeZone+" beside a rate", "a schedule cron(…), or no time zone: a rate has none")
	}
	return problems
}

// wantedBy is what the error of a schedule says was wanted.
func wantedBy(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": got ")
	return strings.TrimPrefix(text, "wanted ")
}

// sweep is the schedule; check has seen to it that there is one.
func sweep(c Config) schedule.Schedule {
	s, err := schedule.Parse(c.Schedule, c.TimeZone)
	if err != nil {
		return schedule.Schedule{}
	}
	return s
}

// claims is the parameter: two automations that write one parameter would take it
// back and forth.
func claims(c Config) []automation.Claim {
	return []automation.Claim{{Resource: "parameter /" + bare(c.Parameter), Path: "parameter"}}
}

// bare is a parameter's name as its ARN has it: "a" and "/a" are one there.
func bare(name string) string { return strings.TrimPrefix(name, "/") }

func (s Source) given() (n int) {
	for _, is := range []bool{s.Platform != "", s.Branch != "", s.Parameter != "", s.Images != nil} {
		if is {
			n++
		}
	}
	return n
}

// String names the source for people.
func (s Source) String() string {
	switch {
	case s.Platform != "":
		return "platform version " + platformOf(s.Platform).String()
	case s.Branch != "":
		return "platform branch " + s.Branch
	case s.Parameter != "":
		return "parameter " + s.Parameter
	case s.Images != nil:
		text := "images of " + strings.Join(s.Images.Owners, ", ")
		if s.Images.Name != "" {
			text += " called " + s.Images.Name
		}
		return text
	}
	return "nothing"
}

// platform is what the ARN of a platform version says.
type platform struct{ name, version string }

func platformOf(arn string) platform {
	_, rest, _ := strings.Cut(arn, ":platform/")
	name, version, _ := strings.Cut(rest, "/")
	return platform{name, version}
}

func (p platform) String() string { return p.version + " of " + p.name }
