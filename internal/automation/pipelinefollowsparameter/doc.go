// Package pipelinefollowsparameter is the automation kind
// "pipeline-follows-parameter": when a parameter names another image, a pipeline of
// Image Builder gets a version of its recipe with that image for its parent, and
// builds.
//
// What callers may rely on:
//
//   - What counts is what the parameter holds when it is read, not which event came.
//   - One value makes one version of the recipe and one build. A version that differs
//     from the pipeline's in the parent alone is used, whoever made it; a build of it
//     by this pipeline, running or ended, is not repeated.
//   - A new version differs from the pipeline's in its parent, number and tags, and the
//     pipeline afterwards from before in its recipe. Nothing else is lost.
//   - A build that runs is let run. The next one waits for it.
//   - A pipeline that is disabled is left alone, and so is one of containers.
//   - When the build has begun nothing is undone: the pipeline stays on the recipe
//     that the parameter asks for, however the build ends.
//
// https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_UpdateImagePipeline.html
package pipelinefollowsparameter
