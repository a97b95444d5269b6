// Package conformance holds the tests that play over the wire: the stories of
// internal/scenario, and the built program, against moto, an emulator of AWS
// that nobody here wrote. `make conformance` installs it and runs them; they
// carry the build tag conformance, so that `go test ./...` needs only Go.
//
// Nothing that moto witnesses is skipped. DynamoDB Local, the second witness of
// the ledger in DynamoDB, is skipped where it cannot run, and so is event-ruler,
// the witness of event patterns, in the package ruler. What moto cannot play
// is in README.md, with why; the tests hold its table against the calls that
// were really made.
package conformance
