package imagebuilder

// Semantic versions: three numbers, in ARNs also with x for the newest
// (https://docs.aws.amazon.com/imagebuilder/latest/userguide/ibhow-semantic-versioning.html).
// Not modelled: whether 1.0.0 and 1.00.0 are one version; here they are two.

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

const (
	nodes    = 3
	highest  = 1<<30 - 1 // doc of CreateImageRecipeInput.SemanticVersion
	wildcard = -1        // an x
)

type semantic [nodes]int

func parse(text string) (v semantic, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != nodes {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		switch {
		case part == "x":
			n = wildcard
		case err != nil || n < 0 || n > highest || part[0] == '+':
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func (v semantic) compare(o semantic) int { return slices.Compare(v[:], o[:]) }

// wild is how many nodes are an x.
func (v semantic) wild() (n int) {
	for _, node := range v {
		if node == wildcard {
			n++
		}
	}
	return n
}

// covers says whether a version with wildcards stands for another: all nodes right of
// the first x must be x too, or it stands for none.
func (v semantic) covers(o semantic) bool {
	for i, node := range v {
		if node == wildcard {
			return !slices.ContainsFunc(v[i:], func(n int) bool { return n != wildcard })
		}
		if node != o[i] {
			return false
		}
	}
	return true
}

// assign finds the number that a new version of a recipe gets: the one asked for, or
// with one x in it the next (facts/apis.md 5; that x may be any node is GH
// hashicorp/terraform-provider-aws#45285). Where the count begins, here at 0, is
// unverified.
func (s *state) assign(m *awssim.Moment, name, text string) (string, error) {
	v, ok := parse(text)
	if !ok || v.wild() > 1 {
		return "", awssim.FailAs(http.StatusBadRequest, &types.InvalidVersionNumberException{
			Message: aws.String("The version number '" + text + "' is not valid. Supply a version of the form <major>.<minor>.<patch>."),
		})
	}
	at := slices.Index(v[:], wildcard)
	if at < 0 {
		return text, nil
	}
	v[at] = 0
	for _, r := range s.recipes {
		have, _ := parse(aws.ToString(r.value.Version))
		if r.key == recipeARN(m, name, *r.value.Version) && slices.Equal(have[:at], v[:at]) {
			v[at] = max(v[at], have[at]+1)
		}
	}
	return strings.ReplaceAll(text, "x", strconv.Itoa(v[at])), nil
}

// recipe finds a recipe by its ARN, which may have wildcards: those mean the newest
// (GH hashicorp/terraform-provider-aws#45285, for pipelines; for GetImageRecipe
// unverified).
func (s *state) recipe(arn string) (types.ImageRecipe, bool) {
	if r, ok := s.recipes.get(arn); ok {
		return r, true
	}
	base, number := split(arn)
	wanted, ok := parse(number)
	if !ok || wanted.wild() == 0 {
		return types.ImageRecipe{}, false
	}
	var found *types.ImageRecipe
	var newest semantic
	for _, r := range s.recipes {
		of, text := split(r.key)
		have, _ := parse(text)
		if of == base && wanted.covers(have) && (found == nil || have.compare(newest) > 0) {
			found, newest = r.value, have
		}
	}
	if found == nil {
		return types.ImageRecipe{}, false
	}
	return *found, true
}

// split cuts an ARN before the last slash.
func split(arn string) (base, last string) {
	i := strings.LastIndex(arn, "/")
	return arn[:max(i, 0)], arn[i+1:]
}

// references are the ARNs with wildcards that cover a version (doc of
// LatestVersionReferences, lib:68652457270).
func references(arn string) *types.LatestVersionReferences {
	base, number := split(arn)
	n := strings.Split(number, ".")
	if len(n) != nodes {
		return nil
	}
	return &types.LatestVersionReferences{
		LatestVersionArn: aws.String(base + "/x.x.x"), LatestMajorVersionArn: aws.String(base + "/" + n[0] + ".x.x"),
		LatestMinorVersionArn: aws.String(base + "/" + n[0] + "." + n[1] + ".x"), LatestPatchVersionArn: aws.String(arn),
	}
}

// newer orders images: by version, then by build.
func newer(a, b image) int {
	va, na := buildOf(aws.ToString(a.Version))
	vb, nb := buildOf(aws.ToString(b.Version))
	return cmp.Or(va.compare(vb), cmp.Compare(na, nb))
}

// buildOf reads "1.0.0/1".
func buildOf(text string) (v semantic, build int) {
	number, rest, _ := strings.Cut(text, "/")
	v, _ = parse(number)
	build, err := strconv.Atoi(rest)
	if err != nil {
		build = 0
	}
	return v, build
}
