package feishu

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// Codes that decide more than "it cannot be shown".
// https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
// https://open.feishu.cn/document/server-docs/im-v1/message/reply
const (
	codeBeingSent   = 230049 // a message with this uuid is on its way
	codeChatLimit   = 230020 // too much in this chat
	codeTenantLimit = 11232  // too much in this tenant
	codeAppLimit    = 11233
	codeRateLimit   = 99991400 // too much of this call
	codeNoBot       = 11205    // the app has no bot
)

// outcome is what an answer of Feishu's API says.
type outcome struct {
	status int
	header http.Header
	code   int // 0 = done
	msg    string
	id     string // of what was asked for
	chat   string // that it was for; "" = none
	limit  string // the scope of what limits it; "" = of the chat or the app
	final  bool   // a refusal that nobody knows is for good
}

// statusError is an answer that does not come from Feishu's API itself.
type statusError struct {
	status int
	header http.Header
}

func (e *statusError) Error() string {
	return fmt.Sprintf("http status %d without a Feishu answer", e.status)
}

// unreachedError is a request for which there was never a connection.
type unreachedError struct{ err error }

func (e *unreachedError) Error() string { return "feishu cannot be reached: " + e.err.Error() }
func (e *unreachedError) Unwrap() error { return e.err }

// classify returns nil for a done outcome, else an error whose kind says
// whether a message may be shown all the same. An answer of 500 and above is
// Ambiguous even when it holds a code: it does not say how far Feishu got, and
// within the uuid's hour Find has it repeated anyway.
func classify(o outcome, err error) error {
	if _, ok := errors.AsType[*failure.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*unreachedError](err); ok {
		return failure.New(failure.Retry, "feishu_unreachable", "Feishu cannot be reached", err)
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return failed(outcome{status: e.status, header: e.header, final: o.final}, err)
	}
	switch {
	case err != nil:
		return failure.New(failure.Ambiguous, "feishu_no_answer", "Feishu did not answer", err)
	case o.status == http.StatusOK && o.code == 0 && o.id != "":
		return nil
	default:
		return failed(o, fmt.Errorf("code %d (http %d): %s", o.code, o.status, o.msg))
	}
}

func failed(o outcome, cause error) error {
	code := codeName(o.code)
	if o.code == 0 {
		code = "feishu_http_" + strconv.Itoa(o.status)
	}
	switch {
	case o.status == http.StatusTooManyRequests || isLimit(o.code):
		return failure.Limited(o.scope(), waitOf(o.header), code, "Feishu limits the rate of requests", cause)
	case refusesToken(o.code):
		return failure.New(failure.Retry, code, "Feishu rejected the access token", cause)
	case o.code == codeBeingSent || o.status >= http.StatusInternalServerError || o.status == http.StatusRequestTimeout:
		return failure.New(failure.Ambiguous, code, "Feishu does not say whether the message was sent", cause)
	case o.code == 0 && o.status == http.StatusOK: // an answer without what was asked for
		return failure.New(failure.Ambiguous, code, "Feishu's answer is incomplete", cause)
	}
	if why := refusal(o.code); why != "" || o.final {
		return failure.New(failure.Permanent, code, cmp.Or(why, "Feishu refused it"), cause)
	}
	// Feishu has more codes than it documents, and a proxy has pages of its own:
	// nothing was shown, and a repeat has the same uuid.
	return failure.New(failure.Retry, code, "Feishu did not accept the message", cause)
}

// codeName is Feishu's code as an error code of ours.
func codeName(code int) string { return "feishu_" + strconv.Itoa(code) }

// scope is whom a limit holds for, see Limits.
func (o outcome) scope() string {
	if o.limit != "" {
		return o.limit
	}
	if o.code == codeChatLimit && o.chat != "" {
		return chatScope(o.chat)
	}
	return appScope
}

func isLimit(code int) bool {
	return code == codeRateLimit || code == codeChatLimit || code == codeTenantLimit || code == codeAppLimit
}

// refusesToken reports whether a code means that the access token is wrong,
// missing or over, so that a new one may help.
func refusesToken(code int) bool {
	switch code {
	case codeDisabled, codeUnavailable, 99991661, 99991663, 99991664, 99991668, 99991671, 99991677:
		return true
	default:
		return false
	}
}

// isGone reports whether what was to be answered no longer exists.
func isGone(err error) bool {
	return failure.KindOf(err) == failure.Permanent && slices.ContainsFunc(goneCodes(), func(code int) bool {
		return failure.CodeOf(err) == codeName(code)
	})
}

// goneCodes say that the question was taken back or deleted, or stood in a
// topic that is no more.
func goneCodes() []int {
	return []int{230011, 230019, 230050, 230071, 230072, 230110, 231003}
}

// refusesCard reports whether a message was refused for the form of its content:
// it was not shown, and as a rich text it may be.
func refusesCard(err error) bool {
	if err == nil || failure.KindOf(err) == failure.Ambiguous {
		return false
	}
	switch code := failure.CodeOf(err); code {
	case codeName(230001), codeName(230025), codeName(230099), codeName(11310), codeName(99992402):
		return true
	default: // the codes of cards are of six digits
		return len(code) == len(codeName(200_000)) && (strings.HasPrefix(code, codeName(200)) || strings.HasPrefix(code, codeName(300)))
	}
}

// waitOf returns how long Feishu asks to wait, 0 when it does not say.
// https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
func waitOf(h http.Header) time.Duration {
	for _, name := range []string{"X-Ogw-Ratelimit-Reset", "Retry-After"} {
		n, err := strconv.ParseInt(h.Get(name), 10, 64)
		if err == nil && n > 0 {
			return min(time.Duration(min(n, 3600))*time.Second, time.Hour)
		}
	}
	return 0
}

// refusal says in words why a message is not shown, and never will be; "" for
// any other code.
func refusal(code int) string {
	if slices.Contains(goneCodes(), code) {
		return "the message to reply to is gone"
	}
	switch code {
	case 230002:
		return "the bot is not in the chat"
	case 230006:
		return "the app's bot is not enabled or not published"
	case 230013, 230053:
		return "the bot may not send messages to this person"
	case 230017, 230018, 230035:
		return "the bot may not send messages to this chat"
	case 230001, 230022, 230028, 230099, 99992402, 11310, 200570, 300305:
		return "Feishu refused the content"
	case 230025:
		return "the message is too long for Feishu"
	case 230027, codeNoScope:
		return "the app lacks a permission"
	case 10003, 10014:
		return "Feishu does not know these app credentials"
	default:
		return ""
	}
}
