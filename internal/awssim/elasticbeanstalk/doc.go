// Package elasticbeanstalk simulates the platforms of Elastic Beanstalk: their
// branches, their versions and the base images of those. See the package awssim for
// how it is reached.
//
// Each file says at its top what else it leaves out. Nowhere modelled:
// applications and environments, platforms of one's own and who builds them, request
// rates (facts/apis.md has none), and that the lists leave out what the caller may
// not see instead of refusing it (doc of ListPlatformBranches).
package elasticbeanstalk
