// Package lambdatest runs a program as AWS Lambda would: it starts it with the
// environment of a function, gives it invocations over the Runtime API, with
// ids and deadlines, and ends it when its time is up.
//
// Like AWS it starts a process for the first invocation and keeps it for the
// next, as long as it lives. Unlike AWS it has one copy of a function, which
// answers one invocation at a time; it does not retry by itself what failed
// (see [Function.Retry]); a process is not frozen between invocations; and
// memory is not limited.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
package lambdatest
