package sfn

import (
	"fmt"
	"maps"
	"strings"
)

// path reads the value at a path such as $.a.b.
func path(data any, p string) (any, error) {
	for name := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(p, "$"), "."), ".") {
		if name == "" { // of the path $
			continue
		}
		object, ok := data.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("path %q: there is no object at %q", p, name)
		}
		if data, ok = object[name]; !ok {
			return nil, fmt.Errorf("path %q: there is no %q", p, name)
		}
	}
	return data, nil
}

// fill makes a value of a template: members that end in ".$" are paths.
func fill(template any, data any) (any, error) {
	object, ok := template.(map[string]any)
	if !ok {
		return template, nil
	}
	filled := map[string]any{}
	for name, v := range object {
		var err error
		if bare, ok := strings.CutSuffix(name, ".$"); ok {
			p, _ := v.(string)
			filled[bare], err = path(data, p)
		} else {
			filled[name], err = fill(v, data)
		}
		if err != nil {
			return nil, err
		}
	}
	return filled, nil
}

// put sets the value at a path $.name, in a copy. At $ it is the whole.
func put(data any, p string, value any) (any, error) {
	if p == "$" {
		return value, nil
	}
	object, ok := data.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("result path %q: the input is no object", p)
	}
	changed := maps.Clone(object)
	changed[strings.TrimPrefix(p, "$.")] = value
	return changed, nil
}
