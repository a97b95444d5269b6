package pipelinefollowsparameter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/automation"
)

// What Drover writes on everything that it creates.
const (
	tagFleet      = "drover:fleet"
	tagAutomation = "drover:automation"
	tagRun        = "drover:run"
	tagLedger     = "drover:ledger"

	// tagsOfAWS begins the tags that only AWS itself may set.
	tagsOfAWS = "aws:"
)

// withParent is a request for a version of a recipe that has everything the other
// has, but for the parent, the number and the tags that say who made it. A test
// holds it against every member of a recipe that the SDK has.
func withParent(r types.ImageRecipe, parent, number string, run automation.Identity) *imagebuilder.CreateImageRecipeInput {
	return &imagebuilder.CreateImageRecipeInput{
		Name:                            r.Name,
		SemanticVersion:                 aws.String(number),
		ParentImage:                     aws.String(parent),
		Description:                     r.Description,
		Components:                      r.Components,
		BlockDeviceMappings:             r.BlockDeviceMappings,
		AdditionalInstanceConfiguration: r.AdditionalInstanceConfiguration,
		WorkingDirectory:                r.WorkingDirectory,
		AmiTags:                         r.AmiTags,
		Tags:                            signed(r.Tags, run),
	}
}

// signed are tags with those that say who made it.
func signed(tags map[string]string, run automation.Identity) map[string]string {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(strings.ToLower(key), tagsOfAWS) })
	maps.Copy(all, map[string]string{tagFleet: run.Fleet, tagAutomation: run.Automation, tagRun: run.ID, tagLedger: run.Ledger})
	return all
}

// contentOf is the same for versions of a recipe that differ in nothing that a build
// shows but the parent. It leaves out what it knows, so that what a later SDK adds
// to recipes makes versions differ.
func contentOf(r types.ImageRecipe) (string, error) {
	r.Arn, r.DateCreated, r.Owner, r.Version, r.Tags, r.ParentImage = nil, nil, nil, nil, nil, nil
	r.Name, r.Platform, r.Type = nil, "", "" // these come from elsewhere, and are the same
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write a recipe as JSON: %w", err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return "", fmt.Errorf("read a recipe from JSON: %w", err)
	}
	if text, err = json.Marshal(prune(plain)); err != nil {
		return "", fmt.Errorf("write a recipe as JSON: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// prune takes away what is null or empty: AWS tells of what was left out now as the
// one, now as the other.
func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if member = prune(member); member == nil {
				delete(v, key)
			} else {
				v[key] = member
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return value
}

// withRecipe is a request that gives a pipeline a recipe and everything that it has
// already: what is left out of an update is reset (shared/facts/apis.md, section 5).
// A test holds it against every member of a pipeline that the SDK has.
func withRecipe(p types.ImagePipeline, recipe string) *imagebuilder.UpdateImagePipelineInput {
	return &imagebuilder.UpdateImagePipelineInput{
		ImagePipelineArn:               p.Arn,
		ImageRecipeArn:                 aws.String(recipe),
		InfrastructureConfigurationArn: p.InfrastructureConfigurationArn,
		DistributionConfigurationArn:   p.DistributionConfigurationArn,
		Description:                    p.Description,
		EnhancedImageMetadataEnabled:   p.EnhancedImageMetadataEnabled,
		ExecutionRole:                  p.ExecutionRole,
		ImageScanningConfiguration:     p.ImageScanningConfiguration,
		ImageTags:                      p.ImageTags,
		ImageTestsConfiguration:        p.ImageTestsConfiguration,
		LoggingConfiguration:           p.LoggingConfiguration,
		Schedule:                       p.Schedule,
		Status:                         p.Status,
		Workflows:                      p.Workflows,
	}
}
