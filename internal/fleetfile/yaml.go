package fleetfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// read makes a tree of the file. If it is not YAML, that is reported and the
// tree is nil. An empty file is a null.
func read(data []byte, report *report) *node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		data = indentation.ReplaceAllFunc(data, func(tabs []byte) []byte { return bytes.ReplaceAll(tabs, []byte("\t"), []byte(" ")) })
	}
	tokens := lexer.Tokenize(string(data))
	if t := tooDeep(tokens); t != nil {
		report.add(where(t), "", fmt.Sprintf("more than %d levels", maxDepth), "fewer levels of lists and mappings")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // we report these, all of them
	if err != nil {
		reportSyntax(err, report)
		return nil
	}
	var bodies []ast.Node
	for _, document := range file.Docs {
		if _, directive := document.Body.(*ast.DirectiveNode); document.Body != nil && !directive {
			bodies = append(bodies, document.Body)
		}
	}
	if len(bodies) == 0 {
		return &node{at: position{1, 1}}
	}
	if len(bodies) > 1 {
		report.add(start(bodies[1]), "", "a second document", "one fleet in a file")
	}
	root := &node{at: start(bodies[0])}
	root.fill(bodies[0], report)
	return root
}

// indentation is what a line begins with. A JSON file may have tabs there, after
// which the lexer (v1.19.2) miscounts columns.
var indentation = regexp.MustCompile(`(?m)^[ \t]+`)

// maxDepth bounds the nesting of a file. Nobody writes this deep; the parser
// needs memory in the square of it.
const maxDepth = 100

// tooDeep returns the token that goes beyond maxDepth, if one does. Block
// mappings need no count: each level takes a line with more spaces.
func tooDeep(tokens token.Tokens) *token.Token {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		default: // the others do not nest
		}
		if depth > maxDepth || t.Type == token.SequenceEntryType && t.Position.Column > 2*maxDepth {
			return t
		}
	}
	return nil
}

func reportSyntax(err error, report *report) {
	at, message := position{1, 1}, err.Error()
	var located interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &located) {
		at, message = where(located.GetToken()), located.GetMessage()
	}
	quoted := strconv.Quote(message)
	report.add(at, "", "a syntax error: "+quoted[1:len(quoted)-1], "YAML, indented with spaces")
}

// fill takes over the value of an AST node.
func (n *node) fill(from ast.Node, report *report) {
	switch v := from.(type) {
	case *ast.MappingNode:
		n.fillMapping(v.Values, report)
	case *ast.SequenceNode:
		items := make([]any, len(v.Values))
		n.children = map[string]*node{}
		for i, item := range v.Values {
			child := &node{at: start(item), path: fmt.Sprintf("%s[%d]", n.path, i)}
			child.fill(item, report)
			items[i], n.children[strconv.Itoa(i)] = child.value, child
		}
		n.value = items
	case *ast.NullNode:
	case *ast.BoolNode:
		n.value, n.text = v.Value, v.Token.Value
	case *ast.IntegerNode:
		n.value, n.text = v.Value, v.Token.Value
		if leadingZero.MatchString(n.text) {
			n.value = n.text
		}
	case *ast.StringNode:
		n.value, n.text = v.Value, v.Value
		n.quoted = v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType
		if !n.quoted && json.Valid([]byte(v.Value)) { // such as 1e3, which the parser (v1.19.2) takes for text
			n.setFloat(v.Value)
		}
	case *ast.LiteralNode:
		n.value, n.text = v.Value.Value, v.Value.Value
	case *ast.FloatNode:
		n.setFloat(v.Token.Value)
	default:
		n.refused = unsupported(from)
	}
}

// leadingZero matches what was octal in YAML 1.1, is decimal in YAML 1.2 and an
// account id here: text, of which nothing is lost.
var leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

func (n *node) setFloat(text string) {
	n.text = text
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		n.value, n.refused = nil, "the number "+shorten(text)
		return
	}
	n.value = f
}

func (n *node) fillMapping(members []*ast.MappingValueNode, report *report) {
	value := map[string]any{}
	n.value, n.children = value, map[string]*node{}
	for _, member := range members {
		key, ok := keyText(member.Key)
		if !ok {
			report.add(where(member.Key.GetToken()), n.member(key), unsupported(member.Key), plainYAML)
			continue
		}
		child := &node{at: start(member.Value), key: where(member.Key.GetToken()), path: n.member(key)}
		if isBlock(member.Value) {
			child.at = child.key
		}
		if first := n.children[key]; first != nil {
			report.add(child.key, child.path, fmt.Sprintf("the key a second time (first on line %d)", first.key.line), "it once")
			continue
		}
		child.fill(member.Value, report)
		value[key], n.children[key] = child.value, child
	}
}

// keyText is a key as it was written, if it is a scalar.
func keyText(key ast.MapKeyNode) (text string, ok bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return key.GetToken().Value, false
}

// unsupported names what a fleet file cannot have.
func unsupported(n ast.Node) string { return "YAML's " + n.Type().YAMLName() }

// plainYAML is what is wanted in its place.
const plainYAML = "plain YAML: no anchors, aliases, merge keys, tags or infinite numbers"

func isBlock(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MappingNode:
		return !n.IsFlowStyle
	case *ast.SequenceNode:
		return !n.IsFlowStyle
	}
	return false
}

// start is where a value begins. The token of a block mapping is its first
// colon, so that its first key is asked instead.
func start(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle {
		return where(m.Values[0].Key.GetToken())
	}
	return where(n.GetToken())
}

func where(t *token.Token) position {
	return position{t.Position.Line, t.Position.Column}
}
