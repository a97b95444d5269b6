// Package fleetfile reads the file in which a fleet is described, and publishes
// the JSON Schema of that file.
//
// [Parse] and [Schema] are given the kinds of automation that exist and know
// none themselves. Both derive from Go types: the top of the file from this
// package's, the rest from each kind's configuration struct. The schema that is
// published for editors is the very one that files are validated against.
//
// # What the author of a kind writes
//
// A configuration is a struct:
//
//	type failback struct {
//		Mode  string              `json:"mode" doc:"Who decides." enum:"auto,manual"`
//		After automation.Duration `json:"after,omitzero" doc:"How long to wait." default:"5m"`
//	}
//
// Its fields are of type string, bool, int, int32, int64, float64 or
// [automation.Duration], structs of these, and slices, maps by string and
// pointers of all of them. Every field has a json tag with its key and a doc tag
// with what a user should know. It is optional if it is a pointer, or if the
// json tag says omitempty or omitzero. The other tags:
//
//	pattern    a regular expression for text; asks for wanted and example
//	wanted     the pattern in words, such as "an interface id"
//	example    a value that is right; editors offer it, problems end with it
//	enum       the values there are, separated by commas
//	default    what leaving the key out means; documentation: the kind applies it
//	maxLength  of text, in characters
//	minimum, maximum    of a number
//	minItems, maxItems  of a slice
//
// With a slice or a map, all but doc, minItems and maxItems are about its
// elements. What tags cannot say belongs in the kind's Check. With a definition
// that breaks these rules, [Parse] and [Schema] return an error.
//
// # YAML
//
// A file is one YAML 1.2 document, and so may be JSON. Anchors, aliases, merge
// keys and tags are refused: what a fleet does should be readable where it
// stands.
//
// # Why the schema is generated here
//
// The two libraries for it fit badly. github.com/google/jsonschema-go takes
// nothing but a description from a tag and lets every list and pointer be null;
// github.com/invopop/jsonschema puts all constraints into one comma-separated
// tag, which is hard to read with patterns in it, and brings four modules along,
// a second YAML parser among them. What is needed takes less code than bending
// either. Validation is github.com/santhosh-tekuri/jsonschema.
package fleetfile
