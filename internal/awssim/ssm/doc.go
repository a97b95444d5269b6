// Package ssm simulates the Parameter Store of Systems Manager. See the package
// awssim for how it is reached.
//
// Each file says at its top what it leaves out. Nowhere modelled: the rest of
// Systems Manager, labels, tags, policies, tiers other than standard, data types
// other than text, allowed patterns, parameters of AWS (/aws/service/...) and of
// other accounts, and records of CloudTrail.
package ssm
