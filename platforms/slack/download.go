package slack

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

const (
	// transcribing is how long Slack may take to write down a recording, and
	// transcribedEvery how often it is asked meanwhile.
	transcribing     = 8 * time.Second
	transcribedEvery = time.Second

	// maxFiles is how many files of a message are known.
	maxFiles = 10
)

var _ platforms.Fetcher = (*Adapter)(nil)

// hosted is what Slack tells of a file.
// Source: https://docs.slack.dev/reference/objects/file-object
type hosted struct {
	file

	Subtype       word    `json:"subtype"` // slack_audio, slack_video: recorded in Slack
	Mode          word    `json:"mode"`    // tombstone, hidden_by_limit: it is gone
	URL           word    `json:"url_private_download"`
	View          word    `json:"url_private"`
	External      boolean `json:"is_external"` // it is on another host than Slack's
	Transcription struct {
		Status  word `json:"status"` // processing, complete, failed or none
		Preview struct {
			Content word    `json:"content"`
			HasMore boolean `json:"has_more"`
		} `json:"preview"`
	} `json:"transcription"`
}

// files returns what a message brought. Of each only the id is needed to fetch it.
func (m *message) files() []platforms.File {
	var list []platforms.File
	for _, f := range m.Files[:min(len(m.Files), maxFiles)] {
		list = append(list, platforms.File{
			Name: f.name(), Type: strings.ToLower(platforms.ShortName(f.Mimetype.String())), Size: max(f.Size.int(), 0), Ref: f.ID.String(),
		})
	}
	return list
}

// Fetch implements [platforms.Fetcher]. Where the file is, and what is said in a
// recording, is asked for at that moment: the event may know neither, as in a
// channel that several organizations share.
// Source: https://docs.slack.dev/reference/methods/files.info
func (a *Adapter) Fetch(ctx context.Context, e platforms.Event, f platforms.File, limit int64) (platforms.Content, error) {
	info, err := a.fileInfo(ctx, e, f)
	if err != nil {
		return platforms.Content{}, err
	}
	if info.Subtype == "slack_audio" {
		if info, err = a.transcribed(ctx, e, f, info); err != nil {
			return platforms.Content{}, err
		}
		said := info.Transcription
		if text := strings.TrimSpace(said.Preview.Content.String()); said.Status == "complete" && text != "" && !bool(said.Preview.HasMore) {
			return platforms.Content{Transcript: text}, nil
		}
	}
	address := cmp.Or(info.URL, info.View).String()
	switch {
	case bool(info.External) || address == "" || slices.Contains([]word{"tombstone", "hidden_by_limit", "external"}, info.Mode):
		return platforms.Content{}, failure.New(failure.Permanent, "no_file", "Slack does not have it", nil)
	case !a.mayUpload(address):
		return platforms.Content{}, failure.New(failure.Permanent, "foreign_host", "it is on another host than Slack's", nil)
	case info.Size.int() > limit:
		return platforms.Content{}, platforms.FileTooLarge(limit)
	}
	return a.download(ctx, address, info.Mimetype.String(), limit)
}

// transcribed waits a while for Slack to write down what is said in a recording.
func (a *Adapter) transcribed(ctx context.Context, e platforms.Event, f platforms.File, info hosted) (hosted, error) {
	deadline := time.NewTimer(transcribing)
	defer deadline.Stop()
	look := time.NewTicker(transcribedEvery)
	defer look.Stop()
	for info.Transcription.Status == "processing" {
		select {
		case <-ctx.Done():
			return info, failure.New(failure.Retry, "canceled", "it took too long", ctx.Err())
		case <-deadline.C:
			return info, nil
		case <-look.C:
		}
		var err error
		if info, err = a.fileInfo(ctx, e, f); err != nil {
			return info, err
		}
	}
	return info, nil
}

// fileInfo asks for what there is to know of a file.
func (a *Adapter) fileInfo(ctx context.Context, e platforms.Event, f platforms.File) (hosted, error) {
	var answer struct {
		File hosted `json:"file"`
	}
	if f.Ref == "" {
		return hosted{}, failure.New(failure.Permanent, "no_file", "Slack does not have it", nil)
	}
	form := url.Values{"file": {f.Ref}}
	if e.Tenant != "" {
		form.Set("team_id", e.Tenant)
	}
	err := a.call(ctx, "files.info", platforms.Address{Tenant: e.Tenant}, form, &answer)
	switch {
	case failure.CodeOf(err) == "missing_scope":
		return hosted{}, failure.New(failure.Permanent, "missing_scope", "the app lacks the scope files:read", err)
	case failure.KindOf(err) == failure.Ambiguous:
		return hosted{}, failure.New(failure.Retry, failure.CodeOf(err), "Slack did not answer", err)
	case err != nil:
		return hosted{}, err
	}
	return answer.File, nil
}

// download reads a file from Slack's host with the bot's token. An app without
// the scope gets a page to sign in on.
func (a *Adapter) download(ctx context.Context, address, kind string, limit int64) (platforms.Content, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return platforms.Content{}, failure.New(failure.Permanent, "no_file", "Slack does not say where it is", nil)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	patient := *a.http
	patient.Timeout = 0 // the context says how long it may take
	resp, err := patient.Do(req)
	if err != nil {
		return platforms.Content{}, failure.New(failure.Retry, "no_answer", "Slack's host for files did not answer", call.WithoutAddress(err))
	}
	defer resp.Body.Close()
	came, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return platforms.Content{}, failure.RetryAfter(call.RetryAfter(resp.Header, a.now()), "ratelimited", "Slack limits the rate of requests", nil)
	case resp.StatusCode >= http.StatusInternalServerError:
		return platforms.Content{}, failure.New(failure.Retry, "no_answer", "Slack's host for files has a fault", nil)
	case resp.StatusCode != http.StatusOK:
		return platforms.Content{}, failure.New(failure.Permanent, "no_file", "Slack's host for files refuses it; it needs the scope files:read", nil)
	case came == "text/html" && kind != "text/html":
		return platforms.Content{}, failure.New(failure.Permanent, "missing_scope", "the app lacks the scope files:read", nil)
	}
	body, err := platforms.ReadFile(resp, limit)
	if err != nil {
		return platforms.Content{}, err
	}
	return platforms.Content{Body: body, Type: came}, nil
}
