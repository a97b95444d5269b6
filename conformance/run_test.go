//go:build conformance

package conformance

import (
	"strings"
	"testing"
)

// TestProgram is what issue 2 says of the program: "It is done when".
func TestProgram(t *testing.T) {
	t.Parallel()
	program := build(t)
	for name, test := range map[string]func(*scene){
		"fails over, then has nothing to do":  failsOver,
		"finds nobody healthy":                findsNobody,
		"is given a foreign instance":         ignoresForeign,
		"is given an unknown key":             refusesUnknownKey,
		"is given Python":                     refusesPython,
		"plans":                               plans,
		"says the same in JSON":               saysTheSame,
		"loses a route to somebody meanwhile": losesRoute,
		"notifies":                            notifies,
		"cannot notify":                       losesTopic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newScene(t, program))
		})
	}
}

func failsOver(s *scene) {
	s.stop(0)
	r := s.run()
	s.expect(r, 0, "succeeded", s.eni(0), s.eni(1))
	s.expectRoutes(1)
	s.expectMutations(r, map[string]int{"ec2:ReplaceRoute": 2 * len(destinations), "sns:Publish": 1})

	r = s.run()
	s.expect(r, 0, "nothing-to-do")
	s.expectRoutes(1)
	s.expectMutations(r, map[string]int{})
}

func findsNobody(s *scene) {
	s.stop(1)
	s.stop(0)
	r := s.run()
	s.expect(r, 4, "stuck", s.stage.Gateways[0].Instance, s.stage.Gateways[1].Instance)
	s.expectRoutes(0)
	s.expectMutations(r, map[string]int{"sns:Publish": 1})
}

func ignoresForeign(s *scene) {
	s.stop(0)
	s.write("event.json", s.event("i-0123456789abcdef0"))
	r := s.run()
	s.expect(r, 3, "i-0123456789abcdef0")
	s.expectQuiet(r)
	s.expectRoutes(0)
}

func refusesUnknownKey(s *scene) {
	s.stop(0)
	s.write("fleet.yaml", s.stage.Failover("failbakc: auto"))
	r := s.run()
	s.expect(r, 2, "fleet.yaml:", "failbakc")
	s.expectQuiet(r)
	s.expectRoutes(0)
}

func refusesPython(s *scene) {
	s.stop(0)
	python := strings.ReplaceAll(seedEvent, "i-045ebd27124159b6d", s.stage.Gateways[0].Instance)
	r := s.drover(python, "run", "--fleet", "fleet.yaml", "--event", "-")
	s.expect(r, 2, "standard input", "single quote", "Python", `replace every ' by "`)
	s.expectQuiet(r)
	s.expectRoutes(0)
}

func plans(s *scene) {
	s.stop(0)
	r := s.drover("", "plan", "--fleet", "fleet.yaml", "--event", "event.json")
	s.expect(r, 0, s.stage.Tables[0], "1.1.1.1/32", s.eni(0), s.eni(1))
	s.expectMutations(r, map[string]int{})
	s.expectRoutes(0)
}

// losesRoute has somebody delete a route between the plan and the write. That
// AWS refuses with a code and a text that Drover must know, in words that only
// the wire has.
func losesRoute(s *scene) {
	s.stop(0)
	gone := s.stage.Tables[0] + " " + destinations[0]
	s.world.tap.interfere(s.once("ec2:ReplaceRoute", func() error {
		return s.world.deleteRoute(s.Context(), s.stage.Tables[0], destinations[0])
	}))
	r := s.run()
	s.expect(r, 0, "succeeded")
	routes := s.stage.Targets()
	s.ready()
	if target, ok := routes[gone]; ok {
		s.Errorf("%s is back, and targets %s", gone, target)
	}
	for route, target := range routes {
		if target != s.eni(1) {
			s.Errorf("%s targets %s, want %s", route, target, s.eni(1))
		}
	}
	if refused := r.refused(); len(refused) != 1 || !strings.Contains(refused[0].Answer, "There is no route defined for") {
		s.Errorf("refused was\n%s, want the write of %s", lines(refused), gone)
	}
}
