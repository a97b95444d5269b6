// Package backup simulates AWS Backup of EC2 instances: jobs, the images that they make
// in time, and the recovery points that those images are. See the package awssim for how
// it is reached.
//
// Each file says at its top what else it leaves out. Nowhere modelled: backup plans (only
// their ids are known, and a scene starts their jobs), other resources than instances,
// copies, restores, continuous backups, composite recovery points, vaults beyond their
// names, tags of recovery points by Backup's own API (of images ListTags "may" answer
// with an error: doc of ListTags; EC2 shows them), what CloudTrail has of jobs beside
// calls (BackupJobStarted and its like), and request rates (facts/apis.md has none).
package backup
