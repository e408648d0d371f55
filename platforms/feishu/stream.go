package feishu

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkcardkit "github.com/larksuite/oapi-sdk-go/v3/service/cardkit/v1"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

var (
	_ platforms.Withdrawer = (*Adapter)(nil)
	_ platforms.Tempo      = (*Adapter)(nil)
	_ platforms.Keeper     = (*Adapter)(nil)
)

// What a card says when it grows no more: ten minutes after it was last opened.
// https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/streaming-updates-openapi-overview
const (
	codeStreamClosed  = 200850
	codeStreamTimeout = 300309
	codeSequence      = 300317 // a later step has been taken

	renewAfter = 500 * time.Second
)

// Mode says how a reply grows.
type Mode string

// The modes.
const (
	StreamAuto   Mode = "auto"   // by a card that types
	StreamNative Mode = "native" // likewise
	StreamEdit   Mode = "edit"   // by a card that is written anew
	StreamOff    Mode = "off"    // not at all
)

// Streams implements [platforms.Streamer].
func (a *Adapter) Streams(to platforms.Address) bool {
	return a.opts.Stream != StreamOff && !to.Private && !a.cards.refused(a.opts.Now())
}

// EditEvery implements [platforms.Tempo]: a card types what it gets, and takes ten
// changes a second.
func (a *Adapter) EditEvery() time.Duration { return 500 * time.Millisecond }

// KeepEvery implements [platforms.Keeper]: often enough for a card to be opened anew
// before its time is over.
func (a *Adapter) KeepEvery() time.Duration { return time.Minute }

// Open implements [platforms.Streamer]: by a card that is made first and then
// shown, once, under the part's uuid. The handle is the message's id and the card's.
// https://open.feishu.cn/document/cardkit-v1/card/create
func (a *Adapter) Open(ctx context.Context, to platforms.Address, p platforms.Part) (handle string, err error) {
	messageID, card, err := a.showCard(ctx, to, p, nil)
	if err != nil {
		return "", err
	}
	a.learn(ctx)
	return messageID + " " + card, nil
}

// showCard shows a card of its own, or nothing where the uuid stands for a message
// that is there already; age gets how old that is.
func (a *Adapter) showCard(ctx context.Context, to platforms.Address, p platforms.Part, age *time.Duration) (messageID, card string, err error) {
	p.Verbs = []platforms.Verb{platforms.VerbStop}
	if card = a.cards.opening(p.Key); card == "" {
		if card, err = a.createCard(ctx, to, p); err != nil {
			return "", "", err
		}
		a.cards.open(p.Key, card, a.opts.Now())
	}
	content := fmt.Sprintf(`{"type":"card","data":{"card_id":%q}}`, card)
	messageID, err = a.show(ctx, to, outgoing{key: p.Key, kind: larkim.MsgTypeInteractive, content: content, age: age})
	return messageID, card, err
}

// reopened tells what became of an Open: it is repeated, under the same uuid, so
// that the message is there in any case, and then asked which card it shows.
func (a *Adapter) reopened(ctx context.Context, to platforms.Address, p platforms.Part) (f platforms.Finding, handle string, err error) {
	known := a.cards.opening(p.Key) != ""
	var age time.Duration
	messageID, card, err := a.showCard(ctx, to, p, &age)
	switch {
	case err != nil && failure.KindOf(err) == failure.Permanent:
		return platforms.Missing, "", nil // there are no cards; Send says why
	case err != nil:
		return platforms.Unknowable, "", withoutEffect(err)
	case known: // by this process, with this card
		return platforms.Shown, messageID + " " + card, nil
	}
	shown, err := a.cardOf(ctx, messageID)
	const justNow = 1500 * time.Millisecond // Feishu tells whole seconds
	switch {
	case err == nil:
		return platforms.Shown, messageID + " " + shown, nil
	case failure.KindOf(err) != failure.Permanent:
		return platforms.Unknowable, "", err
	case age <= justNow:
		return platforms.Shown, messageID + " " + card, nil
	default:
		return platforms.Unknowable, "", nil
	}
}

func (a *Adapter) createCard(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	id, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		body := larkcardkit.NewCreateCardReqBodyBuilder().Type("card_json").Data(cardJSON(to, p, a.opts.Stream != StreamEdit, maxTables)).Build()
		resp, err := a.cardkit.Card.Create(ctx, larkcardkit.NewCreateCardReqBuilder().Body(body).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("create a card: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, final: true}
		if resp.Data != nil && resp.Data.CardId != nil {
			o.id = *resp.Data.CardId
		}
		return o, nil
	})
	if failure.KindOf(err) == failure.Permanent && a.cards.refuse(a.opts.Now()) {
		a.opts.Logger.WarnContext(ctx, "feishu does not let this app create cards, so replies do not grow; add the scope cardkit:card:write",
			slog.String("error", err.Error()))
	}
	return id, withoutEffect(err)
}

// cardOf asks which card a message shows.
// https://open.feishu.cn/document/cardkit-v1/card/id_convert
func (a *Adapter) cardOf(ctx context.Context, messageID string) (string, error) {
	id, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		body := larkcardkit.NewIdConvertCardReqBodyBuilder().MessageId(messageID).Build()
		resp, err := a.cardkit.Card.IdConvert(ctx, larkcardkit.NewIdConvertCardReqBuilder().Body(body).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("ask for a card: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, final: true}
		if resp.Data != nil && resp.Data.CardId != nil {
			o.id = *resp.Data.CardId
		}
		return o, nil
	})
	return id, withoutEffect(err)
}

// Edit implements [platforms.Streamer]. A card that grows no more is written
// anew as a whole, once; what comes then waits for Close.
func (a *Adapter) Edit(ctx context.Context, to platforms.Address, handle, text string, seq int64) error {
	card := cardIn(handle)
	whole := platforms.Part{Text: text, Verbs: []platforms.Verb{platforms.VerbStop}}
	if a.opts.Stream == StreamEdit {
		return a.update(ctx, to, card, whole, 2*seq+1)
	}
	if a.cards.over(card) {
		return nil
	}
	if a.cards.due(card, a.opts.Now()) {
		if err := a.settings(ctx, card, cardConfig("", true), 2*seq); err == nil {
			a.cards.renewed(card, a.opts.Now())
		}
	}
	err := a.content(ctx, card, cardText(text, maxTables), 2*seq+1)
	if !grownUp(err) {
		return err
	}
	a.cards.end(card)
	return a.update(ctx, to, card, whole, 2*seq+1)
}

// Close implements [platforms.Streamer]: the card stops growing, gets its summary,
// and is written anew as a whole.
func (a *Adapter) Close(ctx context.Context, to platforms.Address, handle string, p platforms.Part, seq int64) error {
	card := cardIn(handle)
	a.cards.end(card)
	err := a.settings(ctx, card, cardConfig(p.Text, false), 2*seq)
	if err != nil && failure.KindOf(err) != failure.Permanent && !grownUp(err) {
		return err
	}
	err = a.update(ctx, to, card, p, 2*seq+1)
	switch {
	case failure.CodeOf(err) == codeName(codeSequence): // a step of ours that came late; the next one is higher
		return failure.New(failure.Retry, codeName(codeSequence), "a later step has changed the card", err)
	case failure.KindOf(err) == failure.Permanent && err != nil: // it is sent anew, and stands there once
		_ = a.Withdraw(ctx, to, handle)
	}
	return err
}

// Withdraw implements [platforms.Withdrawer].
// https://open.feishu.cn/document/server-docs/im-v1/message/delete
func (a *Adapter) Withdraw(ctx context.Context, _ platforms.Address, handle string) error {
	messageID := platforms.MessageOf(handle)
	a.cards.end(cardIn(handle))
	_, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, err := a.im.Message.Delete(ctx, larkim.NewDeleteMessageReqBuilder().MessageId(messageID).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("take a message back: %w", err)
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: messageID, final: true}, nil
	})
	return ifThere(err)
}

// grownUp reports whether a card grows no more.
func grownUp(err error) bool {
	code := failure.CodeOf(err)
	return code == codeName(codeStreamClosed) || code == codeName(codeStreamTimeout)
}

func cardIn(handle string) string {
	_, card, _ := strings.Cut(handle, " ")
	return card
}

// settings changes whether a card grows.
// https://open.feishu.cn/document/cardkit-v1/card/settings
func (a *Adapter) settings(ctx context.Context, card string, config map[string]any, sequence int64) error {
	settings, err := json.Marshal(map[string]any{"config": config})
	if err != nil {
		return fmt.Errorf("encode a card's settings: %w", err)
	}
	return a.changeCard(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (*larkcore.ApiResp, larkcore.CodeError, error) {
		body := larkcardkit.NewSettingsCardReqBodyBuilder().Settings(string(settings)).Sequence(int(sequence)).Uuid(stepID(card, sequence)).Build()
		resp, err := a.cardkit.Card.Settings(ctx, larkcardkit.NewSettingsCardReqBuilder().CardId(card).Body(body).Build(), token)
		if err != nil {
			return nil, larkcore.CodeError{}, err
		}
		return resp.ApiResp, resp.CodeError, nil
	})
}

// content makes text the whole of what grows.
// https://open.feishu.cn/document/cardkit-v1/card-element/content
func (a *Adapter) content(ctx context.Context, card, text string, sequence int64) error {
	return a.changeCard(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (*larkcore.ApiResp, larkcore.CodeError, error) {
		body := larkcardkit.NewContentCardElementReqBodyBuilder().Content(text).Sequence(int(sequence)).Uuid(stepID(card, sequence)).Build()
		req := larkcardkit.NewContentCardElementReqBuilder().CardId(card).ElementId(replyElement).Body(body).Build()
		resp, err := a.cardkit.CardElement.Content(ctx, req, token)
		if err != nil {
			return nil, larkcore.CodeError{}, err
		}
		return resp.ApiResp, resp.CodeError, nil
	})
}

// update writes a whole card that does not grow. A card that is refused for its
// tables shows them as text.
// https://open.feishu.cn/document/cardkit-v1/card/update
func (a *Adapter) update(ctx context.Context, to platforms.Address, card string, p platforms.Part, sequence int64) error {
	var err error
	for _, tables := range []int{maxTables, 0} {
		whole := larkcardkit.NewCardBuilder().Type("card_json").Data(cardJSON(to, p, false, tables)).Build()
		err = a.changeCard(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (*larkcore.ApiResp, larkcore.CodeError, error) {
			body := larkcardkit.NewUpdateCardReqBodyBuilder().Card(whole).Sequence(int(sequence)).Uuid(stepID(card, sequence) + strconv.Itoa(tables)).Build()
			resp, err := a.cardkit.Card.Update(ctx, larkcardkit.NewUpdateCardReqBuilder().CardId(card).Body(body).Build(), token)
			if err != nil {
				return nil, larkcore.CodeError{}, err
			}
			return resp.ApiResp, resp.CodeError, nil
		})
		if failure.KindOf(err) != failure.Permanent || !strings.Contains(p.Text, "|") {
			return err
		}
	}
	return err
}

// stepID is the uuid of one change of a card; at most 64 characters.
func stepID(card string, sequence int64) string { return card + "-" + strconv.FormatInt(sequence, 10) }

// changeCard makes one change. It overwrites, so that it can be made again
// whatever became of it.
func (a *Adapter) changeCard(ctx context.Context, do func(context.Context, larkcore.RequestOptionFunc) (*larkcore.ApiResp, larkcore.CodeError, error)) error {
	_, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, code, err := do(ctx, token)
		if err != nil {
			return outcome{}, fmt.Errorf("change a card: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: code.Code, msg: code.Msg, id: "changed", limit: cardScope}
		if o.code == 0 && o.status != http.StatusOK {
			o.id = ""
		}
		return o, nil
	})
	return withoutEffect(err)
}

// cardStates are what this process knows of growing cards.
type cardStates struct {
	mu    sync.Mutex
	byKey map[string]string    // the card that was made for a part
	since map[string]time.Time // when a card was last opened; zero = it grows no more
	no    time.Time            // when Feishu last refused to make a card for good
}

const (
	maxCards = 10_000
	// noCardsFor is how long no card is asked for after a refusal: scopes and
	// quotas change seldom.
	noCardsFor = time.Hour
)

// refuse notes that no cards are made, and reports whether that is news.
func (c *cardStates) refuse(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.no.IsZero()
	c.no = now
	return news
}

func (c *cardStates) refused(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.no.IsZero() && now.Sub(c.no) < noCardsFor
}

func (c *cardStates) opening(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byKey[key]
}

func (c *cardStates) open(key, card string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil || len(c.byKey) >= maxCards || len(c.since) >= maxCards {
		c.byKey, c.since = map[string]string{}, map[string]time.Time{}
	}
	c.byKey[key], c.since[card] = card, now
}

// due reports whether it is time to open a card anew. Of a card that another
// process has opened nobody knows.
func (c *cardStates) due(card string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, known := c.since[card]
	return !known || now.Sub(since) >= renewAfter
}

func (c *cardStates) renewed(card string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == nil || len(c.since) >= maxCards {
		c.byKey, c.since = map[string]string{}, map[string]time.Time{}
	}
	c.since[card] = now
}

// over reports whether a card grows no more.
func (c *cardStates) over(card string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, known := c.since[card]
	return known && since.IsZero()
}

func (c *cardStates) end(card string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since != nil {
		c.since[card] = time.Time{}
	}
}
