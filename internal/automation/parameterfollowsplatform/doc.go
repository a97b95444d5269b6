// Package parameterfollowsplatform is the automation kind
// "parameter-follows-platform": on a schedule, the current base image goes into a
// parameter of Systems Manager when it differs.
//
// What callers may rely on:
//
//   - Of a platform branch the newest Ready version counts, by number and not as
//     text. A pinned version stays what it is; a plan says when there is a newer
//     one.
//   - The image is the one of the architecture and the virtualisation type that were
//     asked for, as EC2 shows it, and available; never the first in a list.
//   - What the parameter has already is not written again: every write is an event,
//     and may start a pipeline.
//   - The parameter gets the data type aws:ec2:image. AWS answers before it has
//     looked at the image, so success is that the parameter shows it.
//   - A call whose outcome is not known is not repeated before AWS has had time to
//     show it.
//   - A minimum age delays an image. It never takes back one that was published.
//   - That there is no image is a failure, and is told.
//
// No event tells of a new base image; the sweep is the schedule.
//
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html
package parameterfollowsplatform
