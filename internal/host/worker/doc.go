// Package worker is the process that stays: it does at home what EventBridge and
// Step Functions do on AWS. Any number of workers may share a ledger and a queue.
//
//   - It takes events from SQS, and deletes a message when the ledger has the run
//     that handles it, not before: whatever dies in between, the message comes
//     again, and a claim takes care of that. What cannot be read goes to the
//     dead-letter queue, with the reason; what nobody wants is counted.
//   - It fires the schedules, and so the sweeps, of the fleet: each time of each
//     schedule is fired by one of the workers. What was missed is made good once.
//   - It takes the turns of the runs that are due, whoever has begun them.
//
// Events about one subject are recorded in the order in which they are received,
// and handled one run after another. A standard queue promises no order itself.
//
// A worker that loses its ledger or AWS keeps the messages it has, takes no more,
// says so, and tries again with growing pauses. When it is told to stop it takes
// nothing new, lets what is under way come to its end for as long as its grace
// lasts, and gives the rest back.
//
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
package worker
