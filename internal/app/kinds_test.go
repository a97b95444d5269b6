package app_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/app"
)

// TestDefaultsAreThoseOfTheSchema holds what a default tag says, which is what
// users read, against what a configuration becomes when the key is left out.
func TestDefaultsAreThoseOfTheSchema(t *testing.T) {
	minimal := map[string]string{
		"group-follows-template": `{"groups": ["web"], "version": "$Latest"}`,
		"image-rollout": `{"group": "web", "source": {"backups": {}}, "builder": {"subnet": "subnet-0a1b2c3d4e5f60718", "security-groups": ["sg-0a1b2c3d4e5f60718"],
			"profile": "builder", "prepare": [{"document": "AWSEC2-RunSysprep"}]}, "refresh": {}}`,
		"parameter-follows-platform": `{"parameter": "/golden/base-image", "source": {"branch": "IIS 10.0 running on 64bit Windows Server 2019"}}`,
		"pipeline-follows-parameter": `{"parameter": "/golden/base", "pipeline": "arn:aws:imagebuilder:us-west-1:123456789012:image-pipeline/golden"}`,
		"route-failover":             `{"vpc": "vpc-0bf5741eb0ef56a41", "members": [{"instance": "i-05a7780f2af7c126c"}, {"instance": "i-045ebd27124159b6d"}]}`,
		"template-follows-image":     `{"images": {"description": "EC2_BACKUP"}, "template": {"id": "lt-0a1b2c3d4e5f60718"}}`,
	}
	for _, kind := range app.Kinds() {
		config, ok := minimal[kind.Name]
		if !ok {
			t.Errorf("no minimal configuration of %s is known here", kind.Name)
			continue
		}
		a, problems, err := kind.Configure("fleet", "name", "us-west-1", json.RawMessage(config))
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		var effective map[string]any
		if err := json.Unmarshal(a.Config, &effective); err != nil {
			t.Fatal(err)
		}
		if n := compare(t, kind.Name, kind.Config, effective); n == 0 {
			t.Errorf("%s has no defaults: is this test looking at anything?", kind.Name)
		}
	}
}

// compare checks the defaults of a struct and those within, and counts them.
func compare(t *testing.T, path string, config reflect.Type, effective map[string]any) (n int) {
	for f := range config.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		value := effective[key]
		within := f.Type
		if within.Kind() == reflect.Pointer || within.Kind() == reflect.Slice {
			within = within.Elem()
		}
		inner := []any{value}
		if list, ok := value.([]any); ok {
			inner = list
		}
		for _, v := range inner {
			if v, ok := v.(map[string]any); ok && within.Kind() == reflect.Struct {
				n += compare(t, path+"."+key, within, v)
			}
		}
		want, ok := f.Tag.Lookup("default")
		if !ok {
			continue
		}
		n++
		if fmt.Sprint(value) != want {
			t.Errorf("%s.%s: left out it becomes %v, its default tag says %s", path, key, value, want)
		}
	}
	return n
}
