package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document is one YAML text on its way into the struct. go-yaml's own Strict
// decoder ends at the first fault, so this walks the syntax tree along the
// struct instead and goes on past each of them.
type document struct {
	*loader
	source  string
	lines   []string
	file    bool // has lines worth naming, and ${VAR} in it
	anchors map[string]ast.Node
}

func (l *loader) decodeFile(name string, text []byte) {
	d := &document{loader: l, source: name, file: true}
	body, ok := d.parse(text)
	if !ok || body == nil {
		return
	}
	d.structure("", body, reflect.ValueOf(l.config).Elem())
}

// decodeFlow reads a list or map from an environment variable: JSON, which is YAML too.
func (l *loader) decodeFlow(place Place, key, text string, into reflect.Value) {
	d := &document{loader: l, source: place.Source}
	if body, ok := d.parse([]byte(text)); ok && body != nil {
		d.value(key, body, into)
	}
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

// value reads node into a field of any type.
func (d *document) value(key string, node ast.Node, into reflect.Value) {
	node = d.resolve(key, node)
	if node == nil || node.Type() == ast.NullType {
		return // "key:" with nothing behind it leaves the default
	}
	d.places[key] = d.place(node.GetToken())
	switch into.Kind() {
	case reflect.Struct:
		d.structure(key, node, into)
	case reflect.Slice:
		d.list(key, node, into)
	case reflect.Map:
		d.texts(key, node, into)
	default:
		d.scalar(key, node, into)
	}
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
				d.fault(d.place(n.GetToken()), key, "the alias names no anchor above it")
				return nil
			}
			node = target
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
	d.fault(d.place(node.GetToken()), key, "the aliases go round in a circle")
	return nil
}

// structure reads a mapping whose keys are known.
func (d *document) structure(key string, node ast.Node, into reflect.Value) {
	node = d.resolve(key, node)
	fields := fieldsOf(into)
	seen := map[string]int{}
	d.entries(key, node, func(name string, entry *ast.MappingValueNode) {
		path := join(key, name)
		at := d.place(entry.Key.GetToken())
		field, known := fields.find(name)
		if !known {
			d.fault(at, path, "unknown key; %s", suggest(name, fields.names()))
			return
		}
		if line, twice := seen[name]; twice {
			d.fault(at, path, "is here twice, first in line %d; keep one", line)
			return
		}
		seen[name] = at.Line
		d.places[path] = at
		d.value(path, entry.Value, field.value)
	})
}

// entries calls fn for each key of a mapping, or notes that node is none.
func (d *document) entries(key string, node ast.Node, fn func(string, *ast.MappingValueNode)) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		if node != nil && node.Type() != ast.NullType {
			d.fault(d.place(node.GetToken()), key, "must be a mapping (key: value), got %s", describe(node))
		}
		return
	}
	for iter := mapping.MapRange(); iter.Next(); {
		entry := iter.KeyValue()
		if entry.Key.IsMergeKey() {
			d.fault(d.place(entry.Key.GetToken()), key, "merge keys (<<) are not supported; write the keys out")
			continue
		}
		name, ok := scalarOf(entry.Key)
		if !ok {
			d.fault(d.place(entry.Key.GetToken()), key, "a key must be a plain name")
			continue
		}
		fn(name.text, entry)
	}
}

// list reads a sequence of texts or of sections.
func (d *document) list(key string, node ast.Node, into reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fault(d.place(node.GetToken()), key, "must be a list, got %s", describe(node))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		if i == 0 && key == sourcesKey {
			list.Index(0).Set(reflect.ValueOf(Source{Name: defaultSource}))
		}
		if into.Type().Elem().Kind() == reflect.String {
			item = plain(item)
		}
		d.value(fmt.Sprintf("%s[%d]", key, i), item, list.Index(i))
	}
	into.Set(list)
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

// texts reads a mapping of free names to texts.
func (d *document) texts(key string, node ast.Node, into reflect.Value) {
	all := reflect.MakeMap(into.Type())
	d.entries(key, node, func(name string, entry *ast.MappingValueNode) {
		path, text := join(key, name), reflect.New(into.Type().Elem()).Elem()
		if all.MapIndex(reflect.ValueOf(name)).IsValid() {
			d.fault(d.place(entry.Key.GetToken()), path, "is here twice; keep one")
			return
		}
		d.value(path, entry.Value, text)
		all.SetMapIndex(reflect.ValueOf(name), text)
	})
	into.Set(all)
}

// scalar reads a single value.
func (d *document) scalar(key string, node ast.Node, into reflect.Value) {
	place := d.place(node.GetToken())
	s, ok := scalarOf(node)
	if !ok {
		d.fault(place, key, "must be %s, got %s", wants(into), describe(node))
		return
	}
	expanded := false
	if d.file && s.kind == textScalar {
		text, err := expand(s.text, d.environment)
		if err != nil {
			d.fault(place, key, "%s", err)
			return
		}
		expanded = text != s.text
		s.text = text
	}
	if !expanded && !s.fits(into) {
		d.fault(place, key, "must be %s, got %s", wants(into), s.shown(into))
		return
	}
	if err := setText(into, s.text); err != nil {
		d.fault(place, key, "%s", err)
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
