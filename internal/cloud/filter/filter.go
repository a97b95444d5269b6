// Package filter writes the filters that narrow down what EC2 describes.
package filter

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// By asks for what has one of some values. In them * stands for any text and ? for
// any character, see [Literal].
func By(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

// Tags asks for what has all of some tags, with exactly these values, in the order of
// their keys.
func Tags(tags map[string]string) []types.Filter {
	var all []types.Filter
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, By("tag:"+key, Literal(tags[key])))
	}
	return all
}

var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// Literal takes wildcards in a value for what they are.
func Literal(value string) string { return escape.Replace(value) }
