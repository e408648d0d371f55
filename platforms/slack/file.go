package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// sharing is how long Slack may take, once a file is complete, until the
// message with it is in the channel: it looks through the file first. It names
// no limit; mostly it takes a few seconds.
// Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal
const sharing = time.Minute

var _ platforms.FileSender = (*Adapter)(nil)

// TakesFile implements [platforms.FileSender]. A file is for all in the channel.
func (a *Adapter) TakesFile(to platforms.Address) bool { return !to.Private }

// sendFile shows a part as a file and returns the file's id, since Slack does
// not tell that of the message. Only the last of the three calls shows
// anything.
func (a *Adapter) sendFile(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	id, target, err := a.reserve(ctx, to, p)
	if err != nil {
		return "", beforeShowing(err)
	}
	if err := a.upload(ctx, target, p.Text); err != nil {
		return "", notUploaded(ctx, err)
	}
	return a.share(ctx, to, p, id)
}

// fileName is the name by which a part is found again: the part's key is in
// no other name.
func fileName(p platforms.Part) string {
	extension := path.Ext(p.File)
	return strings.TrimSuffix(p.File, extension) + "-" + p.Key + extension
}

// reserve asks where to upload.
// Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal
func (a *Adapter) reserve(ctx context.Context, to platforms.Address, p platforms.Part) (id, target string, err error) {
	x := a.exchange(methodScope(to.Tenant, "files.getUploadURLExternal"))
	r, err := a.client(x).GetUploadURLExternalContext(ctx, slackgo.GetUploadURLExternalParameters{
		FileName: fileName(p), FileSize: len(p.Text),
	})
	switch {
	case err != nil:
		return "", "", x.classify(err)
	case r.FileID == "" || !a.mayUpload(r.UploadURL):
		return "", "", failure.New(failure.Permanent, "no_upload_url", "Slack does not say where to upload a file", nil)
	}
	return r.FileID, r.UploadURL, nil
}

// mayUpload reports whether what a conversation holds may be sent to that
// address: only the API's own host and the one for files beside it
// (slack.com, files.slack.com) get it.
func (a *Adapter) mayUpload(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Scheme != a.api.Scheme {
		return false
	}
	return strings.EqualFold(u.Host, a.api.Host) || strings.EqualFold(u.Host, "files."+a.api.Host)
}

// upload posts the content. The address is the right to do so; it gets no token.
func (a *Adapter) upload(ctx context.Context, target, content string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(content))
	if err != nil {
		return failure.New(failure.Permanent, "no_upload_url", "Slack does not say where to upload a file", nil)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	x := a.exchange("upload")
	resp, err := x.Do(req)
	if err != nil {
		return x.classify(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	if resp.StatusCode != http.StatusOK {
		return x.status(resp.StatusCode, nil)
	}
	return nil
}

// share shows an uploaded file in the channel or thread.
// Source: https://docs.slack.dev/reference/methods/files.completeUploadExternal
func (a *Adapter) share(ctx context.Context, to platforms.Address, p platforms.Part, id string) (string, error) {
	x := a.exchange(methodScope(to.Tenant, "files.completeUploadExternal"))
	r, err := a.client(x).CompleteUploadExternalContext(ctx, slackgo.CompleteUploadExternalParameters{
		Files: []slackgo.FileSummary{{ID: id, Title: p.File}}, Channel: to.ChatID, ThreadTimestamp: to.ThreadID,
	})
	if err != nil {
		return "", needsScope(x.classify(err))
	}
	if len(r.Files) == 0 { // the SDK takes {"ok": false} without a reason for success
		return "", unreadable(nil)
	}
	return id, nil
}

// beforeShowing is for the calls that show nothing: what is not refused for
// good can be made again.
func beforeShowing(err error) error {
	if failure.KindOf(err) != failure.Ambiguous {
		return needsScope(err)
	}
	return failure.New(failure.Retry, failure.CodeOf(err), "Slack did not take the file", err)
}

// notUploaded gives up on the file, though not on the reply, when its upload
// fails: the host it goes to is another than the API's, and may be one that
// the way out of this network does not lead to. Only who asks to wait, and a
// shutdown, get another attempt.
func notUploaded(ctx context.Context, err error) error {
	if failure.WaitOf(err) > 0 || errors.Is(ctx.Err(), context.Canceled) {
		return beforeShowing(err)
	}
	return failure.New(failure.Permanent, failure.CodeOf(err), "Slack's host for files did not take the file", err)
}

// needsScope names the permission that an app of an earlier time does not have.
func needsScope(err error) error {
	if failure.CodeOf(err) != "missing_scope" {
		return err
	}
	return fmt.Errorf("files need the scope files:write: %w", err)
}

// stillSharing is what is said of a file that is not there, but was sent so
// recently that it may still come; nil when it was not.
func (a *Adapter) stillSharing(since time.Time) error {
	rest := sharing - a.now().Sub(since)
	if rest <= 0 {
		return nil
	}
	return failure.RetryAfter(rest, "settling", "Slack may still be sharing the file", nil)
}
