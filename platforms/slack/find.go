package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

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
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	q := a.query(to, since)
	finding, id, err := a.scan(ctx, q, p)
	if failure.CodeOf(err) == "thread_not_found" {
		// Slack puts the answer into the channel when the message that the
		// thread hangs on was deleted meanwhile.
		q.Del("ts")
		q.Del("cursor")
		finding, id, err = a.scan(ctx, q, p)
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
	if err == nil || failure.KindOf(err) == failure.Retry {
		return err
	}
	refused, isRefused := errors.AsType[slackgo.SlackErrorResponse](err)
	if isRefused && !passing(refused.Err) || !isRefused && failure.KindOf(err) == failure.Permanent {
		return nil
	}
	return failure.New(failure.Retry, failure.CodeOf(err), "Slack cannot be asked now", err)
}

// passing reports whether a refusal with that code is no answer to what was
// asked. All others are: missing_scope, not_in_channel, …, and whatever else
// Slack may invent.
func passing(code string) bool {
	switch code {
	case "", "internal_error", "fatal_error", "service_unavailable", "request_timeout":
		return true
	}
	return false
}

// page is the part of an answer that matters. The SDK would refuse a whole
// page for one block in somebody's message that it cannot read.
type page struct {
	OK               bool     `json:"ok"`
	Error            string   `json:"error"`
	HasMore          bool     `json:"has_more"`
	Messages         []posted `json:"messages"`
	ResponseMetadata struct {
		NextCursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// posted is one message of a page.
type posted struct {
	TS       string `json:"ts"`
	Files    []file `json:"files"`
	Metadata struct {
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
	if m.Metadata.EventType != metadataType || decode(m.Metadata.EventPayload[metadataKey], &key) != nil {
		return ""
	}
	return key
}

func (m *posted) shows(name string) bool {
	return slices.ContainsFunc(m.Files, func(f file) bool { return f.Name == name })
}

// scan reads page after page. More than maxPages is unknowable.
func (a *Adapter) scan(ctx context.Context, q url.Values, p platforms.Part) (platforms.Finding, string, error) {
	doubt := false
	for range maxPages {
		g, err := a.fetch(ctx, q)
		if err != nil {
			return platforms.Unknowable, "", err
		}
		id, nameless := g.find(p)
		if id != "" {
			return platforms.Shown, id, nil
		}
		doubt = doubt || nameless
		next := g.ResponseMetadata.NextCursor
		if next == "" && (g.HasMore || doubt) {
			break
		}
		if next == "" {
			return platforms.Missing, "", nil
		}
		q.Set("cursor", next)
	}
	return platforms.Unknowable, "", nil
}

// fetch gets one page.
// Source: https://docs.slack.dev/reference/methods/conversations.replies and
// https://docs.slack.dev/reference/methods/conversations.history
func (a *Adapter) fetch(ctx context.Context, q url.Values) (*page, error) {
	method := "conversations.history"
	if q.Has("ts") {
		method = "conversations.replies"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api.String()+method, strings.NewReader(q.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask slack: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.token)
	x := a.exchange()
	resp, err := x.Do(req)
	if err != nil {
		return nil, x.classify(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, x.status(resp.StatusCode, nil)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, unreadable(err)
	}
	var g page
	if err := decode(body, &g); err != nil {
		return nil, unreadable(err)
	}
	if !g.OK {
		return nil, x.refused(g.Error, slackgo.SlackErrorResponse{Err: g.Error})
	}
	return &g, nil
}
