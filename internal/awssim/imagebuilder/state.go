package imagebuilder

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is. What is in here is never changed, only replaced, and
// copied throughout when it comes from a caller or goes to one.
type state struct {
	options   Options
	recipes   table[types.ImageRecipe] // by ARN, as the others
	pipelines table[types.ImagePipeline]
	images    table[image]
	builds    map[string]int     // how many a version of a recipe has had
	tokens    map[string]token   // by operation and client token
	failing   map[string]failure // what becomes of the next execution of a pipeline
}

// image is an image as it is shown, and what is known of it besides.
type image struct {
	types.Image
	started time.Time
	parent  string // the AMI that the build starts from, once a parameter is read
	ami     string // empty until there is one
	fails   failure
}

// failure is in which state an image fails, and why.
type failure struct {
	in     types.ImageStatus
	reason string
}

func newState(o Options) *state {
	return &state{options: o, builds: map[string]int{}, tokens: map[string]token{}, failing: map[string]failure{}}
}

func (s *state) clone() *state {
	return &state{
		options: s.options, recipes: slices.Clone(s.recipes), pipelines: slices.Clone(s.pipelines), images: slices.Clone(s.images),
		builds: maps.Clone(s.builds), tokens: maps.Clone(s.tokens), failing: maps.Clone(s.failing),
	}
}

// table is rows in the order of their keys.
type table[T any] []row[T]

type row[T any] struct {
	key   string
	value *T
}

func (t table[T]) find(key string) (int, bool) {
	return slices.BinarySearchFunc(t, key, func(r row[T], key string) int { return strings.Compare(r.key, key) })
}

func (t table[T]) get(key string) (T, bool) {
	if i, found := t.find(key); found {
		return *t[i].value, true
	}
	var none T
	return none, false
}

func (t *table[T]) put(key string, value T) {
	i, found := t.find(key)
	if found {
		(*t)[i].value = &value
	} else {
		*t = slices.Insert(*t, i, row[T]{key, &value})
	}
}

// nameIn is a name as it is in an ARN: the ARNs of lib:48986333010 have it in lower
// case. That blanks become hyphens is unverified.
func nameIn(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

func recipeARN(m *awssim.Moment, name, number string) string {
	return m.ARN("imagebuilder", "image-recipe/"+nameIn(name)+"/"+number)
}

func pipelineARN(m *awssim.Moment, name string) string {
	return m.ARN("imagebuilder", "image-pipeline/"+nameIn(name))
}

// date has the form of lib:48986333010.
func date(t time.Time) *string {
	return aws.String(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// deep copies a value and everything in it.
func deep[T any](v T) T {
	c := reflect.ValueOf(&v).Elem()
	isolate(c)
	return v
}

func isolate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(v.Type().Elem())
			c.Elem().Set(v.Elem())
			isolate(c.Elem())
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() {
			c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(c, v)
			for i := range c.Len() {
				isolate(c.Index(i))
			}
			v.Set(c)
		}
	case reflect.Map: // of texts
		if !v.IsNil() {
			c := reflect.MakeMap(v.Type())
			for _, key := range v.MapKeys() {
				c.SetMapIndex(key, v.MapIndex(key))
			}
			v.Set(c)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				isolate(v.Field(i))
			}
		}
	default:
	}
}

// orEmpty is what AWS shows of tags that there are none of (lib:48986333010).
func orEmpty(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

func mustBe(err error, what string) {
	if err != nil {
		panic(fmt.Sprintf("awssim: %s: %v", what, err))
	}
}
