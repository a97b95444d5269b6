// Package ssm simulates Parameter Store and Run Command of Systems Manager, with the
// agents on instances. See the package awssim for how it is reached.
//
// Each file says at its top what it leaves out. Nowhere modelled: the rest of
// Systems Manager, labels, policies, tiers other than standard, the data type of
// integrations, allowed patterns, parameters of AWS (/aws/service/...) that no scene
// has published and those of other accounts, and records of CloudTrail.
package ssm
