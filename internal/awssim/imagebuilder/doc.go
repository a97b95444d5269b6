// Package imagebuilder simulates EC2 Image Builder: recipes, pipelines, and the
// images that executions of pipelines make in time. See the package awssim for how it
// is reached.
//
// Each file says at its top what else it leaves out. Nowhere modelled: pipelines that
// run on their own schedule (a scene starts them), images without a pipeline,
// components, workflows, infrastructure and distribution configurations (only their
// ARNs are known, and every ARN is good), container recipes beyond the ARN by which a
// pipeline has one, lifecycle policies, resources of AWS and of other accounts, and
// request rates (facts/apis.md has none; for the error see [CallRateLimitExceeded]).
package imagebuilder
