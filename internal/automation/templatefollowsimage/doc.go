// Package templatefollowsimage is the automation kind "template-follows-image":
// when a new image is available, a launch template gets a version with it, which
// becomes the default, and old versions go.
//
// What callers may rely on:
//
//   - Only images of the configured owners count, by default those of this
//     account: what an image says of itself anybody can write.
//   - Only an image that is available enters the template. One that is still
//     being made is waited for.
//   - The template never goes back: an image that is not newer than the one it
//     has is left alone, however late its event comes. Only an image that can no
//     longer be launched gives way to an older one.
//   - One image makes one version. A version that has the image already, as a run
//     that died may leave it, is made the default.
//   - A new version differs from its source in the image alone, and the source is
//     named by its number: what somebody writes meanwhile makes the run begin
//     anew, so that it is not lost.
//   - A version that is the default, or that an Auto Scaling group or an instance
//     uses, is never deleted.
//
// Events are hints: every run looks itself for the newest image.
//
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
package templatefollowsimage
