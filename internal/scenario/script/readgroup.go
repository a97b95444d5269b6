package script

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// launches checks what instances are launched with and by.
func (c *checker) launches() {
	w := c.World
	for name := range w.VPCs {
		for _, zone := range c.Keys([]string{"world", "vpcs", name, "subnets"}) {
			if !zoneForm.MatchString(zone) {
				c.KeyProblem([]string{"world", "vpcs", name, "subnets", zone}, strconv.Quote(zone), "the letter of a zone, such as b")
			}
		}
	}
	for name, g := range w.SecurityGroups {
		c.vpc([]string{"world", "security-groups", name}, g.VPC)
	}
	for name, i := range w.Instances {
		c.with([]string{"world", "instances", name}, i.Profile, i.KeyPair, i.SecurityGroups)
	}
	for name, t := range w.Templates {
		c.with([]string{"world", "templates", name}, t.Profile, t.KeyPair, t.SecurityGroups)
	}
	c.documents([]string{"world", "documents"}, w.Documents)
	for name, g := range w.Groups {
		c.groups[name] = true
		c.sizes([]string{"world", "groups", name}, name, g)
	}
}

var zoneForm = regexp.MustCompile(`^[a-f]$`)

func (c *checker) with(at []string, profile, keyPair string, groups []string) {
	path := func(keys ...string) []string { return append(slices.Clone(at), keys...) }
	if w := c.World; profile != "" && len(w.Profiles) > 0 {
		c.oneOf(path("instance-profile"), profile, w.Profiles)
	}
	if w := c.World; keyPair != "" && len(w.KeyPairs) > 0 {
		c.oneOf(path("key-pair"), keyPair, w.KeyPairs)
	}
	for i, group := range groups {
		c.known(path("security-groups", strconv.Itoa(i)), group, "security group")
	}
}

func (c *checker) sizes(at []string, name string, g Group) {
	path := func(key string) []string { return append(slices.Clone(at), key) }
	if g.most() == 0 {
		return
	}
	c.vpc(at, g.VPC)
	if _, taken := c.World.Pipelines[name]; taken {
		c.KeyProblem(at, "the name "+name+" a second time", "another name: pipelines have it too, and "+member(name, 1)+" is an image of theirs")
	}
	if g.desired() < g.Min || g.desired() > g.most() {
		c.Problem(path("desired"), strconv.Itoa(g.desired()), fmt.Sprintf("a number from its min, %d, to its max, %d", g.Min, g.most()))
	}
	if all := g.desired() + g.Standby; g.Protected > all {
		c.Problem(path("protected"), strconv.Itoa(g.Protected), fmt.Sprintf("at most its %d instances", all))
	}
}

func (c *checker) documents(at []string, all map[string]Document) {
	for _, name := range c.Keys(at) {
		d, here := all[name], append(slices.Clone(at), name)
		if !documentForm.MatchString(name) {
			c.KeyProblem(here, strconv.Quote(name), "the name of a document, of letters, digits, -, _ and .")
		}
		c.runnable[name] = true
		ends := 0
		for _, is := range []bool{d.Fails != "", d.Hangs, d.Lost, d.ShutsDown} {
			if is {
				ends++
			}
		}
		if ends > 1 {
			c.Problem(here, "several ends", "one of fails, hangs, lost and shuts-down")
		}
		if d.ExitCode != 0 && d.Fails == "" {
			c.Problem(append(here, "exit-code"), strconv.Itoa(d.ExitCode), "none, since it does not fail")
		}
	}
}

var documentForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,128}$`) // of AWS

// doGroup checks what is done to groups, and what concerns machines.
func (c *checker) doGroup(do *Do, at func(...string) []string) {
	for key, name := range map[string]string{"protect": do.Protect, "unprotect": do.Unprotect, "standby": do.Standby, "return": do.Return} {
		if name != "" && !c.isMember(name) {
			c.Problem(at("do", key), strconv.Quote(name), "an instance of a group, such as "+member(cmp.Or(append(slices.Sorted(maps.Keys(c.groups)), "web")...), 1))
		}
	}
	if m := do.CreateGroup; m != nil {
		c.groups[m.Name] = true
	}
	if m := do.UpdateGroup; m != nil {
		c.group(at("do", "update-group", "name"), m.Name)
		if m.Version == "" && m.Min == nil && m.Max == nil && m.Desired == nil {
			c.Problem(at("do", "update-group"), "nothing that changes", "at least one of version, min, max and desired")
		}
	}
	if m := do.Scale; m != nil {
		c.group(at("do", "scale", "group"), m.Group)
	}
	if m := do.Suspend; m != nil {
		c.group(at("do", "suspend", "group"), m.Group)
	}
	if m := do.Resume; m != nil {
		c.group(at("do", "resume", "group"), m.Group)
	}
	if m := do.Refresh; m != nil {
		c.group(at("do", "refresh", "group"), m.Group)
	}
	if m := do.Backup; m != nil {
		c.instance(at("do", "backup", "instance"), m.Instance)
		c.newImage(at("do", "backup", "name"), m.Name)
		if m.Fails != "" && m.Issues != "" {
			c.Problem(at("do", "backup", "issues"), "both fails and issues", "one of them")
		}
	}
	if m := do.Boots; m != nil {
		c.madeImage(at("do", "boots", "image"), m.Image)
	}
	c.documents(at("do", "documents"), do.Documents)
	if m := do.SendCommand; m != nil {
		c.instance(at("do", "send-command", "instance"), m.Instance)
		if !c.runnable[m.Document] && !strings.HasPrefix(m.Document, "AWS") {
			c.Problem(at("do", "send-command", "document"), strconv.Quote(m.Document), "a document of AWS, or one of documents: "+cmp.Or(strings.Join(slices.Sorted(maps.Keys(c.runnable)), ", "), "there is none"))
		}
	}
}

func (c *checker) group(at []string, name string) {
	c.oneOf(at, name, slices.Sorted(maps.Keys(c.groups)))
}

var memberForm = regexp.MustCompile(`^(.+)/[1-9][0-9]{0,4}$`)

// isMember says whether a name is one that an instance of a group may have.
func (c *checker) isMember(name string) bool {
	parts := memberForm.FindStringSubmatch(name)
	return parts != nil && c.groups[parts[1]]
}

// instance holds the name of an instance against those there are, or may be by then.
func (c *checker) instance(at []string, name string) {
	parts := memberForm.FindStringSubmatch(name)
	if !c.isMember(name) && (parts == nil || parts[1] != builder) {
		c.known(at, name, "instance")
	}
}

// newImage checks the name of an image that is made. It is known from then on.
func (c *checker) newImage(at []string, name string) {
	if !nameForm.MatchString(name) {
		c.Problem(at, strconv.Quote(name), "a name of letters, digits, - and _")
	} else if _, taken := c.World.Pipelines[name]; taken || c.names.kind[name] != "" {
		c.Problem(at, strconv.Quote(name), "a name that nothing has yet")
	}
	c.names.kind[name] = "image"
}

// madeImage is image for one that may be called by what it was made from.
func (c *checker) madeImage(at []string, name string) {
	c.image(at, strings.TrimPrefix(name, madeFrom))
}

// made checks what images were made from that are expected.
func (c *checker) made(e Expect, at []string) {
	check := func(name string, keys ...string) {
		if strings.HasPrefix(name, madeFrom) {
			c.madeImage(append(slices.Clone(at), keys...), name)
		}
	}
	for name, t := range e.Templates {
		check(t.Default, "templates", name, "default")
		check(t.Latest, "templates", name, "latest")
	}
	for name, g := range e.Scaling {
		check(g.Runs, "scaling", name, "runs")
	}
	if e.Left != nil {
		for i, name := range *e.Left {
			check(name, "left", strconv.Itoa(i))
		}
	}
}
