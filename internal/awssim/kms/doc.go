// Package kms simulates the keys of KMS as far as somebody who is about to use an
// encrypted image looks at them: whether a key is enabled and whose it is, which grants
// there are, and what its policy says. See the package awssim for how it is reached.
//
// Not modelled: using keys, making, changing and deleting them other than for
// setting a scene, key policies other than those of [Key].Users, aliases other than their names,
// constraints and tokens of grants, retiring and revoking them, other accounts, and
// request rates, of which shared/facts has none.
package kms
