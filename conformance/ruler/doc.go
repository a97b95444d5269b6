// Package ruler holds internal/event's patterns against event-ruler, the library
// that AWS matches EventBridge's events with. Oracle.java asks it; one Java
// process answers all questions of a test run, line by line.
//
// Two things are asked: the table in internal/event/testdata/event-ruler, whose
// recorded verdicts `go test ./...` relies on without Java, and pairs that are
// drawn at random, most of them near misses. A disagreement fails, also about
// whether a pattern is refused. The differences that are meant are in one
// place, apart.tsv and README.md beside the table, each with its reason.
//
// The tests carry the build tag conformance. `make conformance` has Maven
// install the library and compiles Oracle.java; where there is no Java or Maven
// the tests are skipped and say so. It is a package of its own because nothing
// here needs moto.
package ruler
