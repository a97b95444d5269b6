// Package stepfunctions is the engine that runs flows on AWS Step Functions: a
// state machine decides when the next turn happens, and a Lambda function takes
// it.
//
// [Document] writes the state machine of a kind: for each step a Task, a Choice
// and a Wait, and one loop that unwinds. The execution of a run carries only its id
// and the step that it believes the run is at; what the run is lives in the
// ledger, and [Engine.Turn] says where the run really stands. A document may
// therefore be behind, ahead, or started twice, and the run takes no harm: an
// execution that is not at the run's step is led there.
//
// EventBridge may start an execution with an event as well. That one calls the
// function with it, which begins or joins runs, each with an execution of its
// own, and has ended. The event is in its history and in no other.
//
// Nobody wakes an execution: a run that is cancelled, or approved, while its
// execution sleeps goes on when that Wait is over, after the step's poll at the
// latest.
//
// An execution can end without a word: it is aborted, times out, or reaches
// the limit of its history. [Engine.Ended] goes on from the event that tells
// so, and [Engine.Recover] finds the runs of which nobody told.
package stepfunctions
