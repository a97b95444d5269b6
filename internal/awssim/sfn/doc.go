// Package sfn simulates Step Functions: standard state machines in the Amazon
// States Language with JSONPath, and their executions. An execution that was
// started does nothing by itself: [Service.Drive] runs it to its end, on the
// world's clock, with a Go function in place of Lambda.
//
// The language is modelled as far as Drover writes it: Task (Lambda's optimized
// integration), Choice (StringEquals, IsPresent), Wait (SecondsPath), Succeed
// and Fail; Parameters, ResultSelector and ResultPath with paths such as $.a.b;
// Retry and Catch by States.ALL, States.TaskFailed, States.Timeout and names
// without a meaning of their own. CreateStateMachine refuses everything else by name. Not
// modelled: Map, Parallel, Pass, JSONata, intrinsic functions, the context object,
// express machines, versions, aliases, activities, redrive, the time that a
// transition takes, the limits of size and of a year; that a function which is
// too late for its Task goes on: here its context ends.
package sfn
