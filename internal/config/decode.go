package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is one YAML text on its way to the values that the schema judges.
// go-yaml's own decoder ends at the first fault and forgets the places, so this
// walks the syntax tree and goes on past each of them.
type document struct {
	*loader
	source  string
	lines   []string
	file    bool // has lines worth naming, and ${VAR} in it
	anchors map[string]ast.Node
}

func (l *loader) decodeFile(name string, text []byte) {
	d := &document{loader: l, source: name, file: true}
	if body, ok := d.parse(text); ok && body != nil {
		l.take("", l.schema, d.value("", l.schema, body), reflect.ValueOf(l.config).Elem())
	}
}

// decodeFlow reads a list or map from an environment variable: JSON, which is YAML too.
func (l *loader) decodeFlow(place Place, key, text string, s *jsonschema.Schema) any {
	d := &document{loader: l, source: place.Source}
	if body, ok := d.parse([]byte(text)); ok && body != nil {
		return d.value(key, s, body)
	}
	return nil
}

// parse returns the one document of text, nil when it is empty, and false
// after noting what keeps it from being read at all.
func (d *document) parse(text []byte) (body ast.Node, ok bool) {
	defer func() {
		if p := recover(); p != nil { // the parser has been seen to panic on broken input
			d.fault(Place{Source: d.source}, "", "is not YAML that can be read")
			body, ok = nil, false
		}
	}()
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	d.lines = strings.Split(string(text), "\n")
	d.anchors = map[string]ast.Node{}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntaxFault(err)
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case body != nil:
			d.fault(d.place(doc.Body.GetToken()), "", "a second YAML document begins here; keep one")
			return nil, false
		default:
			body = doc.Body
		}
	}
	return body, true
}

func (d *document) syntaxFault(err error) {
	place, message := Place{Source: d.source}, "cannot be read"
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		place, message = d.place(e.GetToken()), e.GetMessage()
	}
	d.fault(place, "", "is not valid YAML: %s", message)
}

// place returns where tok stands.
func (d *document) place(tok *token.Token) Place {
	p := Place{Source: d.source}
	if !d.file || tok == nil || tok.Position == nil {
		return p
	}
	p.Line, p.Column = tok.Position.Line, tok.Position.Column
	if p.Line >= 1 && p.Line <= len(d.lines) {
		p.Text = maskLine(d.lines[p.Line-1])
	}
	return p
}

// value returns what node holds, in the types of JSON that s wants; nil for
// nothing, as "key:" with nothing behind it is, and for what is noted as a fault.
func (d *document) value(key string, s *jsonschema.Schema, node ast.Node) any {
	node = d.resolve(key, node)
	if node == nil || node.Type() == ast.NullType {
		return nil
	}
	d.places[key] = d.place(node.GetToken())
	switch n := node.(type) {
	case ast.MapNode:
		return d.mapping(key, s, n)
	case *ast.SequenceNode:
		return d.list(key, s, n)
	}
	return d.scalar(key, s, node)
}

// resolve follows anchors, aliases and tags to the node that holds the value.
func (d *document) resolve(key string, node ast.Node) ast.Node {
	for range 10 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			d.anchors[n.Name.String()] = n.Value
			node = n.Value
		case *ast.AliasNode:
			target, ok := d.anchors[n.Value.String()]
			if !ok {
				d.fault(d.place(n.GetToken()), key, "the alias refers to no anchor above it")
				return nil
			}
			node = target
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
	d.fault(d.place(node.GetToken()), key, "the aliases form a cycle")
	return nil
}

// mapping returns the keys of a section, or of a mapping of free names. A key
// that is not known is there without its value.
func (d *document) mapping(key string, s *jsonschema.Schema, node ast.MapNode) any {
	all, lines := map[string]any{}, map[string]int{}
	for iter := node.MapRange(); iter.Next(); {
		entry := iter.KeyValue()
		at := d.place(entry.Key.GetToken())
		if entry.Key.IsMergeKey() {
			d.fault(at, key, "merge keys (<<) are not supported; write the keys out")
			continue
		}
		name, ok := textOf(entry.Key)
		if !ok {
			d.fault(at, key, "a key must be a plain name")
			continue
		}
		path := join(key, name)
		if line, twice := lines[name]; twice {
			d.fault(at, path, "is set twice, first on line %d; keep one", line)
			continue
		}
		lines[name] = entry.Key.GetToken().Position.Line
		d.places[path] = at
		if known := child(s, name); known == nil {
			all[name] = nil
		} else if value := d.value(path, known, entry.Value); value != nil {
			all[name] = value
		} else if isType(known, "object") && known.Properties != nil {
			all[name] = map[string]any{}
		} else if _, free := s.AdditionalProperties.(*jsonschema.Schema); free {
			all[name] = ""
		}
	}
	return all
}

func (d *document) list(key string, s *jsonschema.Schema, node *ast.SequenceNode) any {
	list := make([]any, len(node.Values))
	held := items(s)
	if held == nil {
		return list
	}
	for i, item := range node.Values {
		if isType(held, "string") {
			item = plain(item)
		}
		list[i] = d.value(fmt.Sprintf("%s[%d]", key, i), held, item)
		if list[i] == nil && isType(held, "object") {
			list[i] = map[string]any{}
		} else if list[i] == nil && !isAnything(held) {
			list[i] = ""
		}
	}
	return list
}

// plain returns the text that [user:U1] stands for: a colon without a blank
// after it belongs to the text, but the parser makes a mapping of it.
func plain(node ast.Node) ast.Node {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return node
	}
	iter := mapping.MapRange()
	if !iter.Next() {
		return node
	}
	entry := iter.KeyValue()
	name, colon, value := entry.Key.GetToken(), entry.Start, entry.Value.GetToken()
	if iter.Next() || name == nil || colon == nil || value == nil || value.Position.Offset != colon.Position.Offset+1 ||
		entry.Value.Type() != ast.StringType && entry.Value.Type() != ast.IntegerType {
		return node
	}
	text := name.Value + ":" + value.Value
	return ast.String(token.New(text, text, name.Position))
}

// scalar returns a single value. Only what a variable holds has no type of its own.
func (d *document) scalar(key string, s *jsonschema.Schema, node ast.Node) any {
	if n, ok := node.(*ast.BoolNode); ok {
		return n.Value
	}
	text, ok := textOf(node)
	if !ok {
		d.fault(d.places[key], key, "must be a single value, a list or a mapping")
		return nil
	}
	if n := node.Type(); isAnything(s) && (n == ast.IntegerType || n == ast.FloatType) {
		return json.Number(text)
	}
	isText := node.Type() == ast.StringType || node.Type() == ast.LiteralType
	if isText && d.file {
		expanded, err := expand(text, d.environment)
		if err != nil {
			d.fault(d.places[key], key, "%s", err)
			return nil
		}
		if expanded != text {
			return typed(s, expanded)
		}
	}
	quoted := node.GetToken().Type == token.SingleQuoteType || node.GetToken().Type == token.DoubleQuoteType
	if isType(s, "boolean") || quoted && (isType(s, "integer") || isType(s, "number")) {
		return text
	}
	return typed(s, text)
}

// textOf returns the text of a node that holds a single value.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(node.GetToken().Value), true
	}
	return "", false
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
