// Package scenario holds stories that the whole program plays: a stage is set
// through the SDK, things happen, events arrive, and what AWS looks like
// afterwards is compared with what it ought to look like.
//
// A story does not know where it plays. On simulated AWS ([NewSimulated]) it
// runs in tests, as it is and under the rendered policy; in the
// conformance tests the same stories run over the wire against software that
// nobody here wrote.
//
// In every story, before an event is handled, its plan is made; the plan must
// change nothing, and handling must then write exactly what the plan said.
package scenario
