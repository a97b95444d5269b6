package fleetfile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/fleetfile"
)

// TestOneMutationIsOneProblem: any valid file is taken; one unknown key or one
// value of a wrong type in it is one problem, where it stands.
func TestOneMutationIsOneProblem(t *testing.T) {
	parse := fleetfile.Parser(kinds)
	rapid.Check(t, func(t *rapid.T) {
		file := drawFile(t)
		text := render(t, file)
		if _, err := parse([]byte(text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}

		places := mutations("", file)
		path := rapid.SampledFrom(slices.Sorted(maps.Keys(places))).Draw(t, "mutation")
		marker := places[path]()
		text = render(t, file)
		before, _, _ := strings.Cut(text, marker)
		before = strings.TrimSuffix(before, `"`)
		want := fmt.Sprintf("fleet.yaml:%d:%d: %s: got ", strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n"), path)

		_, err := parse([]byte(text))
		if found := problems(err); len(found) != 1 || !strings.HasPrefix(found[0].String(), want) {
			t.Fatalf("got %v\nwanted one problem, %s…\n%s", err, want, text)
		}
	})
}

func render(t *rapid.T, file any) string {
	if rapid.Bool().Draw(t, "as JSON") {
		data, err := json.MarshalIndent(file, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return strings.TrimPrefix(block(file, "\n"), "\n")
}

// block writes a value as block YAML; lineBreak ends with the indentation.
func block(value any, lineBreak string) string {
	var b strings.Builder
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			fmt.Fprintf(&b, "%s%s: %s", lineBreak, key, block(value[key], lineBreak+"  "))
		}
	case []any:
		for _, item := range value {
			fmt.Fprintf(&b, "%s- %s", lineBreak, block(item, lineBreak+"  "))
		}
	}
	if b.Len() > 0 {
		return b.String()
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// mutations are the ways to break a value in one place, by the path of the
// problem. Each returns what to look for in the text.
func mutations(path string, value any) map[string]func() string {
	found := map[string]func() string{}
	switch value := value.(type) {
	case []any:
		for i := range value {
			at := fmt.Sprintf("%s[%d]", path, i)
			found[at] = func() string { return misfit(value[i], func(v any) { value[i] = v }) }
			maps.Copy(found, mutations(at, value[i]))
		}
	case map[string]any:
		for key := range value {
			at := strings.TrimPrefix(path+"."+key, ".")
			found[at] = func() string { return misfit(value[key], func(v any) { value[key] = v }) }
			maps.Copy(found, mutations(at, value[key]))
		}
		if !free[path[strings.LastIndex(path, ".")+1:]] {
			at := strings.TrimPrefix(path+".unheard-of", ".")
			found[at] = func() string {
				value["unheard-of"] = "x"
				return "unheard-of"
			}
		}
	}
	return found
}

// free are the mappings that have any keys.
var free = map[string]bool{"automations": true, "labels": true, "stages": true}

// misfit replaces a value by one that fits nowhere it did.
func misfit(old any, replace func(any)) string {
	if _, ok := old.(string); ok {
		replace(987654321)
		return "987654321"
	}
	replace("out of place")
	return "out of place"
}

func drawFile(t *rapid.T) map[string]any {
	automations := map[string]any{}
	for i := range rapid.IntRange(0, 4).Draw(t, "automations") {
		draw := rapid.SampledFrom([]func(*rapid.T, int) map[string]any{drawGateway, drawKeeper}).Draw(t, "kind")
		automation := draw(t, i)
		maybe(t, automation, "region", rapid.SampledFrom([]any{"us-east-1", "us-gov-west-1", "ap-southeast-5"}))
		maybe(t, automation, "description", anyText)
		automations[fmt.Sprintf("a%d", i)] = automation
	}
	return map[string]any{
		"version": 1, "fleet": drawOf(t, `[a-z]([a-z0-9-]{0,28}[a-z0-9])?`), "region": "us-west-1",
		"notify":      map[string]any{"topic": drawOf(t, `arn:aws:sns:us-west-1:[0-9]{12}:[a-z]{1,20}`)},
		"automations": automations,
	}
}

// drawGateway draws a gateway that collides with no other.
func drawGateway(t *rapid.T, i int) map[string]any {
	var members []any
	for j := range rapid.IntRange(2, 4).Draw(t, "members") {
		member := map[string]any{"interface": fmt.Sprintf("eni-%08x", j)}
		maybe(t, member, "instance", textOf(`i-[0-9a-f]{17}`))
		members = append(members, member)
	}
	c := map[string]any{"kind": "gateway", "vpc": fmt.Sprintf("vpc-%08x", i), "members": members}
	maybe(t, c, "tables", listOf(textOf(`rtb-[0-9a-f]{8}`), 0, 3))
	maybe(t, c, "failback", rapid.Custom(drawFailback))
	return c
}

func drawKeeper(t *rapid.T, _ int) map[string]any {
	c := map[string]any{"kind": "keeper", "account": drawOf(t, `[0-9]{12}`), "keep": rapid.IntRange(1, 10).Draw(t, "keep")}
	maybe(t, c, "share", rapid.Map(rapid.Float64Range(0, 1e9), toAny[float64]))
	maybe(t, c, "prune", rapid.Map(rapid.Bool(), toAny[bool]))
	maybe(t, c, "days", listOf(rapid.SampledFrom([]any{"monday", "tuesday", "sunday"}), 0, 3))
	maybe(t, c, "labels", mapOf(rapid.Map(rapid.StringN(0, 20, -1), toAny[string])))
	maybe(t, c, "stages", mapOf(rapid.Custom(drawFailback)))
	maybe(t, c, "note", anyText)
	maybe(t, c, "offset", rapid.Map(rapid.Int64(), toAny[int64]))
	return c
}

func drawFailback(t *rapid.T) any {
	return map[string]any{
		"mode":  rapid.SampledFrom([]any{"auto", "manual"}).Draw(t, "mode"),
		"after": drawOf(t, `[1-9][0-9]{0,3}(s|m|h|\.5h)`),
	}
}

var anyText = rapid.Map(rapid.String(), toAny[string])

func toAny[T any](v T) any { return v }

func drawOf(t *rapid.T, pattern string) any { return textOf(pattern).Draw(t, pattern) }

func textOf(pattern string) *rapid.Generator[any] {
	return rapid.Map(rapid.StringMatching("^"+pattern+"$"), toAny[string])
}

func listOf(items *rapid.Generator[any], least, most int) *rapid.Generator[any] {
	return rapid.Map(rapid.SliceOfN(items, least, most), toAny[[]any])
}

func mapOf(values *rapid.Generator[any]) *rapid.Generator[any] {
	return rapid.Map(rapid.MapOfN(rapid.StringMatching("^[a-z]{1,9}$"), values, 0, 3), toAny[map[string]any])
}

func maybe(t *rapid.T, in map[string]any, key string, values *rapid.Generator[any]) {
	if rapid.Bool().Draw(t, "with "+key) {
		in[key] = values.Draw(t, key)
	}
}
