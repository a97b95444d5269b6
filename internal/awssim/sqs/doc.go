// Package sqs simulates standard queues of SQS. See the package awssim for how it is
// reached.
//
// Each file says at its top what else it leaves out. Nowhere modelled: FIFO queues,
// queues of other accounts, encryption, queue policies, tags, moving messages back out
// of a dead-letter queue, request rates (facts/apis.md has none; a standard queue has
// hardly any), and that a queue can be used only a second after it was made.
package sqs
