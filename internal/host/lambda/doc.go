// Package lambda runs Drover as an AWS Lambda function. It is transport only:
// it tells what an invocation is given, hands it to internal/app, and answers.
//
// One function takes everything, told apart by its shape alone:
//
//   - an event from EventBridge, also in batches of SQS messages or SNS
//     notifications, or handed over by an execution of Step Functions: the
//     automations that want it handle it to its end, or begin a run on Step
//     Functions;
//   - Drover's own sweep event, which is the input of a schedule: the same, and
//     then whatever earlier invocations have left unfinished is gone on with;
//   - the end of an execution, an event from Step Functions: if the run has not
//     ended, it goes on in a new execution, and an event that could not be
//     handed over is handled;
//   - a turn, {"run": …, "step": …}, from an execution;
//   - {"plan": EVENT}: answers what would be done, and changes nothing.
//
// Callers may rely on this: an invocation fails only if Drover itself could
// not do its work, such as when the ledger cannot be reached, or if it cannot
// read what it was given. Then Lambda, SQS or Step Functions try again, and
// that is safe. How a run ended is in the answer and no failure, not even when
// it is stuck. An event that nobody wants is answered with why.
//
// Work stops before the invocation must end, early enough to record it. A run
// that is not at its end by then stays due in the ledger, and the next sweep
// goes on with it.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambda
