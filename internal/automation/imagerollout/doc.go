// Package imagerollout is the automation kind "image-rollout": the image of a
// completed backup, or another new image, is launched, prepared and imaged again, and
// a launch template and its Auto Scaling group are moved to what comes of it.
//
// What callers may rely on:
//
//   - One rollout at a time works on a group. An image is rolled out once: one whose
//     rollout has failed is left alone until a person asks for it.
//   - The group never goes back: an image is rolled out only if it is newer than the
//     one from which the group's image was made.
//   - Images that rollouts have made are never rolled out again.
//   - Until the group is moved nothing of it has changed, and what fails before is
//     taken back: builder, image with its snapshots, version. What cannot be is named.
package imagerollout
