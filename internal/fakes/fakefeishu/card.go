package fakefeishu

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The routes that make and change cards.
const (
	CardCreate   Route = "card_create"
	CardUpdate   Route = "card_update"
	CardSettings Route = "card_settings"
	CardContent  Route = "card_content"
	CardConvert  Route = "card_id_convert"
)

const (
	codeBadCard      = 230099
	codeStreamOver   = 200850 // its time has just run out
	codeStreamClosed = 300309
	codeTooManyParts = 300305
	codeNoElement    = 300313
	codeSequence     = 300317
	codeNoCard       = 300301
	codeCardTables   = 300304

	streamLife      = 10 * time.Minute // after the last opening
	maxCardTables   = 3
	maxCardElements = 200
	maxStreamed     = 100_000 // characters
)

// drawnTable is the line below the head of a table.
var drawnTable = regexp.MustCompile(`(?m)^\| :?-`)

// card is a card that is known by its id.
// https://open.feishu.cn/document/cardkit-v1/feishu-card-resource-overview
type card struct {
	message  string // that shows it
	sequence int64
	growing  bool
	opened   time.Time
	body     string // JSON
	text     string // of its Markdown
	summary  string
}

// cardBody is what the fake understands of a card.
type cardBody struct {
	Schema string `json:"schema"`
	Config struct {
		Streaming bool `json:"streaming_mode"`
		Summary   struct {
			Content string `json:"content"`
		} `json:"summary"`
	} `json:"config"`
	Body struct {
		Elements []element `json:"elements"`
	} `json:"body"`
}

type element struct {
	Tag       string    `json:"tag"`
	ElementID string    `json:"element_id"`
	Content   string    `json:"content"`
	Columns   []element `json:"columns"`
	Elements  []element `json:"elements"`
}

// count returns how many elements there are, with those inside others.
func count(elements []element) int {
	n := len(elements)
	for _, e := range elements {
		n += count(e.Columns) + count(e.Elements)
	}
	return n
}

func (s *Server) cardRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /open-apis/cardkit/v1/cards", s.serve(CardCreate, s.authorized(s.createCard)))
	mux.HandleFunc("POST /open-apis/cardkit/v1/cards/id_convert", s.serve(CardConvert, s.authorized(s.convertCard)))
	mux.HandleFunc("PUT /open-apis/cardkit/v1/cards/{card}", s.serve(CardUpdate, s.authorized(s.change(s.updateCard))))
	mux.HandleFunc("PATCH /open-apis/cardkit/v1/cards/{card}/settings", s.serve(CardSettings, s.authorized(s.change(s.setCard))))
	mux.HandleFunc("PUT /open-apis/cardkit/v1/cards/{card}/elements/{element}/content", s.serve(CardContent, s.authorized(s.change(s.writeCard))))
}

// set makes body what the card shows; it returns the code of a refusal.
func (c *card) set(body string, now time.Time) int {
	var b cardBody
	if json.Unmarshal([]byte(body), &b) != nil || b.Schema != "2.0" || len(b.Body.Elements) == 0 {
		return codeNoCard
	}
	if count(b.Body.Elements) > maxCardElements {
		return codeTooManyParts
	}
	var text strings.Builder
	ids := map[string]bool{}
	for _, e := range b.Body.Elements {
		if len(e.ElementID) > 20 || ids[e.ElementID] {
			return codeNoElement
		}
		ids[e.ElementID] = e.ElementID != ""
		if e.Tag == "markdown" && text.Len() > 0 {
			text.WriteString("\n\n")
		}
		if e.Tag == "markdown" {
			text.WriteString(e.Content)
		}
	}
	if len(drawnTable.FindAllString(text.String(), -1)) > maxCardTables {
		return codeCardTables
	}
	c.body, c.text, c.summary = body, text.String(), b.Config.Summary.Content
	if b.Config.Streaming && !c.growing {
		c.opened = now
	}
	c.growing = b.Config.Streaming
	return 0
}

func (s *Server) createCard(_ *http.Request, body []byte) (int, answer) {
	var req struct{ Type, Data string }
	c := &card{}
	if json.Unmarshal(body, &req) != nil || req.Type != "card_json" || len(req.Data) > maxRichContent {
		return http.StatusBadRequest, answer{Code: codeNoCard, Msg: "card data is invalid"}
	}
	if code := c.set(req.Data, s.now()); code != 0 {
		return http.StatusBadRequest, answer{Code: code, Msg: "card data is invalid"}
	}
	id := s.newID("c")[:20]
	s.cards[id] = c
	return http.StatusOK, answer{Msg: "success", Data: map[string]string{"card_id": id}}
}

func (s *Server) convertCard(_ *http.Request, body []byte) (int, answer) {
	var req struct {
		MessageID string `json:"message_id"`
	}
	_ = json.Unmarshal(body, &req)
	for id, c := range s.cards {
		if c.message != "" && c.message == req.MessageID {
			return http.StatusOK, answer{Msg: "success", Data: map[string]string{"card_id": id}}
		}
	}
	return http.StatusBadRequest, answer{Code: codeNoCard, Msg: "no card in this message"}
}

// cardChange is the body of every change.
type cardChange struct {
	Sequence int64  `json:"sequence"`
	UUID     string `json:"uuid"`
	Settings string `json:"settings"`
	Content  string `json:"content"`
	Card     struct {
		Type string `json:"type"`
		Data string `json:"data"`
	} `json:"card"`
}

// change checks what every change has in common.
func (s *Server) change(do func(r *http.Request, c *card, change cardChange) int) handler {
	return func(r *http.Request, body []byte) (int, answer) {
		var change cardChange
		c := s.cards[r.PathValue("card")]
		switch {
		case json.Unmarshal(body, &change) != nil || len(change.UUID) > 64 || change.Sequence < 1 || change.Sequence > 1<<31-1:
			return badParam("sequence")
		case c == nil:
			return http.StatusBadRequest, answer{Code: codeNoCard, Msg: "card not found"}
		case change.Sequence <= c.sequence:
			return http.StatusBadRequest, answer{Code: codeSequence, Msg: "sequence number compare failed"}
		}
		if s.tooMuch("card "+r.PathValue("card"), cardCalls) {
			return limitReached(codeRateLimit)
		}
		if code := do(r, c, change); code != 0 {
			return http.StatusBadRequest, answer{Code: code, Msg: "card is refused"}
		}
		c.sequence = change.Sequence
		s.reshow(c)
		return http.StatusOK, answer{Msg: "success"}
	}
}

func (s *Server) updateCard(_ *http.Request, c *card, change cardChange) int {
	if change.Card.Type != "card_json" || len(change.Card.Data) > maxRichContent {
		return codeNoCard
	}
	return c.set(change.Card.Data, s.now())
}

func (s *Server) setCard(_ *http.Request, c *card, change cardChange) int {
	var settings cardBody
	if json.Unmarshal([]byte(change.Settings), &settings) != nil {
		return codeNoCard
	}
	c.growing, c.summary = settings.Config.Streaming, settings.Config.Summary.Content
	if c.growing {
		c.opened = s.now()
	}
	return 0
}

func (s *Server) writeCard(r *http.Request, c *card, change cardChange) int {
	switch {
	case !strings.Contains(c.body, `"element_id":"`+r.PathValue("element")+`"`):
		return codeNoElement
	case !c.growing:
		return codeStreamClosed
	case s.now().Sub(c.opened) >= streamLife:
		c.growing = false
		return codeStreamOver
	case change.Content == "" || utf8.RuneCountInString(change.Content) > maxStreamed:
		return codeTooManyParts
	}
	c.text = change.Content
	return 0
}

// ReadCard returns the Markdown of a card as its readers see it, with the
// characters that were written as numbers.
func ReadCard(text string) string {
	return numbered.ReplaceAllStringFunc(text, func(entity string) string {
		n, err := strconv.ParseInt(entity[len("&#"):len(entity)-1], 10, 32)
		if err != nil {
			return entity
		}
		return string(rune(n))
	})
}

var numbered = regexp.MustCompile(`&#\d+;`)

// reshow brings the message of a card up to date.
func (s *Server) reshow(c *card) {
	for i := range s.sent {
		if s.sent[i].ID == c.message {
			s.sent[i].Text = ReadCard(c.text)
		}
	}
}

// readCard fills in what a message with a card shows.
func (s *Server) readCard(m *Sent) (field string) {
	var content struct {
		Type string `json:"type"`
		Data struct {
			CardID string `json:"card_id"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(m.Content), &content) != nil {
		return "content"
	}
	c := &card{}
	if content.Type == "card" {
		if m.Card = content.Data.CardID; s.cards[m.Card] == nil {
			return "card_id"
		}
		c = s.cards[m.Card]
	} else if code := c.set(m.Content, s.now()); code != 0 {
		return "card " + strconv.Itoa(code)
	}
	m.Text = ReadCard(c.text)
	return ""
}

// Shown is a card as it is now.
type Shown struct {
	Text, Summary string
	Body          string // JSON, as it was last written as a whole
	Growing       bool   // lists of chats say that it is being made
}

// Card returns a card by its id.
func (s *Server) Card(id string) (c Shown, ok bool) {
	s.base.Lock()
	defer s.base.Unlock()
	found := s.cards[id]
	if found == nil {
		return c, false
	}
	return Shown{Text: found.text, Summary: found.summary, Body: found.body, Growing: found.growing}, true
}
