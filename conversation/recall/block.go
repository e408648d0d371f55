package recall

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sort"
	"time"
)

// BlockSize is how many ids of a conversation one block covers.
const BlockSize = 256

// Document is what is looked through of one message.
type Document struct {
	ID     int64
	Text   string
	Author string    // what a question would call who said it
	Time   time.Time // when it was said
}

// A Block is up to BlockSize messages in a form that is quick to look through:
//
//	version, 1 byte
//	how many authors, 1 byte; each: how many terms its name has, 1 byte, and their hashes
//	how many messages, 2 bytes; each: the last byte of its id, its author, flags, its length in terms, its day in 2 bytes
//	how many terms, 4 bytes; the hashes in ascending order, 4 bytes each; where the places of each end, 4 bytes each
//	places: the number of the message for each time that it has the term
//
// Numbers are little endian.
type Block []byte

const (
	blockVersion = 1
	messageBytes = 6
	flagQuestion = 1
	maxLength    = 255 // terms; a longer message counts as one of so many
	maxAuthors   = 255
	maxName      = 8 // terms
)

// ErrBlock is returned for a block that is damaged or of another version.
var ErrBlock = errors.New("the block cannot be read")

// Pack returns the block of messages in the order of their ids, which differ
// in their last byte only.
func Pack(docs []Document) Block {
	var p packer
	for i := range docs {
		p.add(byte(i), &docs[i])
	}
	return p.block(docs)
}

// packer collects what a block is made of.
type packer struct {
	places  []uint64 // hash of a term and the number of a message that has it
	names   []string
	heads   []byte
	authors []byte
}

func (p *packer) add(n byte, d *Document) {
	length := 0
	note := func(term string) { p.places = append(p.places, uint64(hashOf(term))<<8|uint64(n)) }
	eachTerm(d.Text, func(term string) { note(term); length++ }, func(single string) { note("=" + single) })
	var flags byte
	if isQuestion(d.Text) {
		flags |= flagQuestion
	}
	p.heads = append(p.heads, byte(d.ID), p.author(d.Author), flags, byte(min(length, maxLength)))
	p.heads = binary.LittleEndian.AppendUint16(p.heads, dayOf(d.Time))
}

// author returns the number of a name.
func (p *packer) author(name string) byte {
	if i := slices.Index(p.names, name); i >= 0 {
		return byte(i)
	}
	if len(p.names) == maxAuthors {
		return maxAuthors - 1
	}
	p.names = append(p.names, name)
	terms := termsOf(name)
	terms = terms[:min(len(terms), maxName)]
	p.authors = append(p.authors, byte(len(terms)))
	for _, term := range terms {
		p.authors = binary.LittleEndian.AppendUint32(p.authors, term)
	}
	return byte(len(p.names) - 1)
}

func (p *packer) block(docs []Document) Block {
	slices.Sort(p.places)
	var hashes, ends, places []byte
	for i, place := range p.places {
		places = append(places, byte(place))
		if i+1 == len(p.places) || p.places[i+1]>>8 != place>>8 {
			hashes = binary.LittleEndian.AppendUint32(hashes, uint32(place>>8))
			ends = binary.LittleEndian.AppendUint32(ends, uint32(i+1))
		}
	}
	b := append(Block{blockVersion, byte(len(p.names))}, p.authors...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(docs)))
	b = append(b, p.heads...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(hashes)/4))
	return slices.Concat(b, hashes, ends, places)
}

// dayOf counts days from 1970-01-01; a day that is too far away is none, 0.
func dayOf(t time.Time) uint16 {
	if day := t.Unix() / (24 * 60 * 60); day > 0 && day <= math.MaxUint16 {
		return uint16(day)
	}
	return 0
}

// termsOf returns the hashes of a text's words.
func termsOf(text string) (list []uint32) {
	eachTerm(text, func(term string) { list = append(list, hashOf(term)) }, func(string) {})
	return list
}

// opened is a block that is being looked through.
type opened struct {
	names  [][]uint32
	heads  []byte
	hashes []byte
	ends   []byte
	places []byte
}

// open checks the frame of a block, so that nothing beyond it is read later.
func (b Block) open() (o opened, err error) {
	r := reader{rest: b}
	if r.take(1)[0] != blockVersion {
		return o, ErrBlock
	}
	for range r.take(1)[0] {
		name := r.take(4 * int(r.take(1)[0]))
		var terms []uint32
		for ; len(name) > 0; name = name[4:] {
			terms = append(terms, binary.LittleEndian.Uint32(name))
		}
		o.names = append(o.names, terms)
	}
	o.heads = r.take(messageBytes * int(binary.LittleEndian.Uint16(r.take(2))))
	terms := int(binary.LittleEndian.Uint32(r.take(4)))
	o.hashes, o.ends = r.take(4*terms), r.take(4*terms)
	o.places = r.rest
	if r.short || len(o.heads) > messageBytes*BlockSize {
		return o, ErrBlock
	}
	return o, nil
}

// reader takes pieces off a block. What is not there is zeros, and noted.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.short = true
		return make([]byte, min(max(n, 4), 4))
	}
	piece := r.rest[:n]
	r.rest = r.rest[n:]
	return piece
}

// with returns the numbers of the messages that have a term, one for each time.
func (o *opened) with(term uint32) []byte {
	n := len(o.hashes) / 4
	at := func(list []byte, i int) uint32 { return binary.LittleEndian.Uint32(list[4*i:]) }
	i := sort.Search(n, func(i int) bool { return cmp.Compare(at(o.hashes, i), term) >= 0 })
	if i == n || at(o.hashes, i) != term {
		return nil
	}
	begin := 0
	if i > 0 {
		begin = int(at(o.ends, i-1))
	}
	end := int(at(o.ends, i))
	if begin > end || end > len(o.places) {
		return nil
	}
	return o.places[begin:end]
}
