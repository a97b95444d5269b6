// Package sfn simulates Step Functions: standard state machines in the Amazon
// States Language with JSONPath, and their executions. An execution that was
// started does nothing by itself: [Service.Drive] runs it to its end, on the
// world's clock, with a Go function in place of Lambda.
//
// The language is modelled as far as Drover writes it: Task (Lambda's optimized
// integration), Choice (StringEquals), Wait (SecondsPath), Succeed and Fail;
// Parameters, ResultSelector and ResultPath with paths such as $.a.b; Retry and
// Catch by States.ALL, States.Timeout and exact names. A document with anything
// else is refused by CreateStateMachine. Not modelled: Map, Parallel, Pass,
// JSONata, intrinsic functions, express machines, versions, aliases, activities,
// redrive, the context object, the time that a transition takes.
package sfn
