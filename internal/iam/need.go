// Package iam holds permissions as data: what an automation needs, the policy
// documents rendered from that, and an evaluator that says what a policy
// allows. With the evaluator behind simulated AWS, tests prove that a rendered
// policy is enough and that no part of it is spare.
package iam

// Need is a permission together with the reason it is needed. Needs are what
// kinds declare; statements are rendered from them.
type Need struct {
	// Actions are IAM action names, such as "ec2:ReplaceRoute".
	Actions []string
	// Resources are ARNs, which may hold the placeholders ${Partition},
	// ${Region} and ${Account} and IAM's own wildcards. Empty means "*", for
	// actions without resource-level permissions.
	Resources []string
	// Conditions narrow the permission. All must hold. No two may have the
	// same operator and key: AWS has no way to say that.
	Conditions []Condition
	// Why tells a reader of the policy what breaks without it.
	Why string
}

// Condition is one line of an IAM condition block: the operator, such as
// "ArnLike", is applied to the request's value of Key; it holds if any of
// Values matches. Values may hold the same placeholders as resources.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}
