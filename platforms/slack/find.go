package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	pageSize = 200 // as Slack recommends
	maxPages = 10

	// skew is how far our clock may be off Slack's. More than that and
	// Slack's webhooks would not pass as fresh.
	skew = freshness
)

// Find implements [platforms.Sender]: it looks for the part's key in the
// metadata of the messages sent around since, or for a file in the names of
// their files. It needs the history scope of the channel.
func (a *Adapter) Find(ctx context.Context, to platforms.Address, p platforms.Part, since time.Time) (platforms.Finding, string, error) {
	if to.Extra[pageOf] != "" { // shown again it is the same
		return platforms.Missing, "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	q := a.query(to, since)
	finding, id, err := a.scan(ctx, to, q, p)
	if failure.CodeOf(err) == "thread_not_found" {
		finding, id, err = a.findAstray(ctx, to, q, p)
	}
	if finding == platforms.Missing && p.File != "" {
		if err := a.stillSharing(since); err != nil {
			return platforms.Unknowable, "", err
		}
	}
	if finding == platforms.Missing && to.Private {
		// What only one person sees is in no history.
		finding = platforms.Unknowable
	}
	return finding, id, settle(err)
}

// findAstray looks for the part in the channel: Slack shows an answer there
// when the message that the thread hangs on was deleted meanwhile. It does not
// stay there.
func (a *Adapter) findAstray(ctx context.Context, to platforms.Address, q url.Values, p platforms.Part) (platforms.Finding, string, error) {
	q.Del("ts")
	q.Del("cursor")
	finding, id, err := a.scan(ctx, to, q, p)
	if finding == platforms.Shown && a.remove(ctx, to, id) == nil {
		return platforms.Missing, "", nil
	}
	return finding, id, err
}

// query selects the messages of a thread or channel that were sent while the
// send may have been on its way.
func (a *Adapter) query(to platforms.Address, since time.Time) url.Values {
	q := url.Values{
		"channel":              {to.ChatID},
		"oldest":               {formatTS(since.Add(-skew))},
		"inclusive":            {"true"},
		"include_all_metadata": {"true"},
		"limit":                {strconv.Itoa(pageSize)},
	}
	if latest := since.Add(SendTimeout + skew); latest.Before(a.now()) {
		q.Set("latest", formatTS(latest))
	}
	if to.ThreadID != "" {
		q.Set("ts", to.ThreadID)
	}
	return q
}

// settle turns a failed lookup into "ask again later", or into nil when
// asking again would not help: then it stays unknowable.
func settle(err error) error {
	switch failure.KindOf(err) {
	case failure.Retry:
		return err
	case failure.Permanent:
		return nil
	default:
	}
	if err == nil {
		return nil
	}
	return failure.New(failure.Retry, failure.CodeOf(err), "Slack cannot be asked now", err)
}

// page is the part of an answer that matters. The SDK would refuse a whole
// page for one block in somebody's message that it cannot read.
type page struct {
	HasMore          bool     `json:"has_more"`
	Messages         []posted `json:"messages"`
	ResponseMetadata struct {
		NextCursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// posted is one message of a page.
type posted struct {
	TS             string `json:"ts"`
	User           string `json:"user"`
	StreamingState string `json:"streaming_state"`
	Files          []file `json:"files"`
	Metadata       struct {
		EventType    string                     `json:"event_type"`
		EventPayload map[string]json.RawMessage `json:"event_payload"`
	} `json:"metadata"`
}

// find looks for the part. What it finds besides the part's id is a file
// without a name, which may be the part: Slack says no more of the files of a
// channel that is shared with another organization.
func (g *page) find(p platforms.Part) (id string, nameless bool) {
	for i := range g.Messages {
		m := &g.Messages[i]
		if p.File == "" && m.key() == p.Key || p.File != "" && m.shows(fileName(p)) {
			return m.TS, false
		}
		nameless = nameless || p.File != "" && m.shows("")
	}
	return "", nameless
}

// key is that of the part which the message is, "" when it is none of ours.
func (m *posted) key() (key string) {
	if m.Metadata.EventType != metadataType || lenient.Decode(m.Metadata.EventPayload[metadataKey], &key) != nil {
		return ""
	}
	return key
}

func (m *posted) shows(name string) bool {
	return slices.ContainsFunc(m.Files, func(f file) bool { return f.Name.String() == name })
}

// growing returns the messages of the page that may be the part as it grows: a
// stream that the bot has started carries no key until it ends. What is another
// reply's is not the part.
// Source: https://docs.slack.dev/reference/methods/conversations.replies
func (a *Adapter) growing(ctx context.Context, g *page, channel string, p platforms.Part) (ids []string, err error) {
	bot := a.botUser.Load()
	for i := range g.Messages {
		m := &g.Messages[i]
		_, taken := a.streams.said(channel + ":" + m.TS)
		if m.StreamingState == "" || m.StreamingState == "completed" || m.key() != "" || bot != nil && *bot != m.User {
			continue
		}
		if !taken && p.Rivals != nil {
			if taken, err = p.Rivals.Hold(ctx, m.TS); err != nil {
				return nil, err
			}
		}
		if !taken {
			ids = append(ids, m.TS)
		}
	}
	return ids, nil
}

// scan reads page after page. More than maxPages is unknowable.
func (a *Adapter) scan(ctx context.Context, to platforms.Address, q url.Values, p platforms.Part) (platforms.Finding, string, error) {
	doubt := false
	var growing []string
	for range maxPages {
		g, err := a.fetch(ctx, to, q)
		if err != nil {
			return platforms.Unknowable, "", err
		}
		id, nameless := g.find(p)
		if id != "" {
			return platforms.Shown, id, nil
		}
		doubt = doubt || nameless
		if p.Opened {
			more, err := a.growing(ctx, g, q.Get("channel"), p)
			if err != nil {
				return platforms.Unknowable, "", err
			}
			growing = append(growing, more...)
		}
		next := g.ResponseMetadata.NextCursor
		if next == "" && (g.HasMore || doubt) {
			break
		}
		if next == "" {
			return a.oneOf(ctx, growing, p)
		}
		q.Set("cursor", next)
	}
	return platforms.Unknowable, "", nil
}

// oneOf settles which of the messages that may be the part is the part. Where
// two could be meant, or two replies may mean it, or it is not known who the bot
// is, none is taken.
func (a *Adapter) oneOf(ctx context.Context, ids []string, p platforms.Part) (platforms.Finding, string, error) {
	switch {
	case len(ids) == 0:
		return platforms.Missing, "", nil
	case len(ids) > 1 || a.botUser.Load() == nil:
		return platforms.Unknowable, "", nil
	case p.Rivals != nil:
		if err := p.Rivals.Absent(ctx); err != nil {
			return platforms.Unknowable, "", err
		}
	}
	return platforms.Shown, ids[0], nil
}

// fetch gets one page.
// Source: https://docs.slack.dev/reference/methods/conversations.replies and
// https://docs.slack.dev/reference/methods/conversations.history
func (a *Adapter) fetch(ctx context.Context, to platforms.Address, q url.Values) (*page, error) {
	method := "conversations.history"
	if q.Has("ts") {
		method = methodReplies
	}
	var g page
	if err := a.call(ctx, method, to, q, &g); err != nil {
		return nil, err
	}
	return &g, nil
}
