package browser_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/signin"
)

const (
	question = "How do I say good morning in French?"
	helpText = "/help – every command in one line each\n/save KEY VALUE – keeps a preference\n/load KEY – shows a preference\n" +
		"/history [N] – the last messages\n/stats – what this bot has done so far\n/reset – starts the conversation afresh"
)

// formatted holds everything that a reply may be made of.
const formatted = "## 备份 your data\n\n**重要：**请先停止服务，*然后*备份。See [the docs](https://example.com/docs), not [this](javascript:alert(1)).\n\n" +
	"### Which way\n\n| 方式 | Command | Minutes |\n|---|---|---:|\n| **完整：**全部 | `parley backup --to DIR` | 12 |\n| Only rows | `parley conversations export 7 --out conversation.json` | 1.5 |\n\n" +
	"1. Stop it.\n2. Run:\n\n   ```sh\n   parley backup --to /var/backups/parley && parley backup verify /var/backups/parley\n   ```\n3. Start it:\n   - on SQLite at once\n   - else ~~later~~ `2*3*4`\n\n" +
	"> A backup that nobody verified\n> is none.\n\n---\n\n这是**“引号”**文本。<b>no HTML</b>"

func newChat() *fakeChat {
	return &fakeChat{answered: map[string]string{}, replies: map[string][]string{
		question: {
			"You say **bonjour** at any time of the day. There is no separate word for the morning.\n\n",
			"To a friend it is often `salut`:\n\n```\nSalut, ça va ?\n",
			"– Ça va, et toi ?\n```\n\nWould you like to hear more greetings?",
		},
		"/help":                        {helpText},
		"Show me everything":           {formatted[:40], formatted[40:200], formatted[200:]},
		"<img src=x onerror=alert(1)>": {"<script>document.title='broken'</script>"},
	}}
}

// enter opens the chat page and signs in.
func enter(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	do(ctx, t, "sign in", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.ID("token")),
		chromedp.SendKeys(chromedp.ID("token"), token+"\r"), chromedp.WaitVisible(chromedp.ID("composer")))
}

// ask types text and presses Enter.
func ask(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	do(ctx, t, "type", chromedp.SendKeys(chromedp.ID("text"), text+"\r"))
}

// idle is true when nothing is being written.
const idle = `document.getElementById("log").getAttribute("aria-busy") === "false"`

func lastText(ctx context.Context, t *testing.T) string {
	t.Helper()
	return eval[string](ctx, t, `[...document.querySelectorAll("#log .message .text")].at(-1)?.innerText ?? ""`)
}

func count(ctx context.Context, t *testing.T, selector string) int {
	t.Helper()
	return eval[int](ctx, t, `document.querySelectorAll(`+"`"+selector+"`"+`).length`)
}

func TestChatPage(t *testing.T) {
	t.Parallel()
	chat := newChat()
	url := start(t, chat)
	ctx := browser(t, 1280, 820, false)

	enter(ctx, t, url)
	wait(ctx, t, idle)
	if id := eval[string](ctx, t, "document.activeElement.id"); id != "text" {
		t.Errorf("the focus is on %q, want the message field", id)
	}
	screenshot(ctx, t, "desktop-light-1-empty")

	step := make(chan struct{})
	chat.set(func() { chat.step = step })
	ask(ctx, t, question)
	step <- struct{}{}
	step <- struct{}{}
	wait(ctx, t, `document.querySelector(".streaming .text")?.innerText.includes("Salut, ça va ?")`)
	if !eval[bool](ctx, t, `document.getElementById("send").disabled`) {
		t.Error("one can send while a reply is being written")
	}
	screenshot(ctx, t, "desktop-light-2-streaming")
	step <- struct{}{}
	wait(ctx, t, idle)
	chat.set(func() { chat.step = nil })
	if want := eval[string](ctx, t, "navigator.language"); want == "" || chat.readerLocale() != want {
		t.Errorf("the page says that its reader's language is %q, want %q", chat.readerLocale(), want)
	}
	if got := lastText(ctx, t); !strings.HasSuffix(got, "Would you like to hear more greetings?") {
		t.Errorf("the reply ends with %q", got)
	}
	if got := eval[string](ctx, t, `document.querySelector("#log pre code").textContent`); got != "Salut, ça va ?\n– Ça va, et toi ?" {
		t.Errorf("the code block holds %q", got)
	}

	if got := eval[string](ctx, t, `document.getElementById("text").value`); got != "" {
		t.Errorf("after sending the field holds %q", got)
	}
	do(ctx, t, "two lines", chromedp.SendKeys(chromedp.ID("text"), "one"), chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierShift)),
		chromedp.SendKeys(chromedp.ID("text"), "two"))
	if got := eval[string](ctx, t, `document.getElementById("text").value`); got != "one\ntwo" {
		t.Errorf("Shift+Enter made %q", got)
	}
	do(ctx, t, "clear", chromedp.Evaluate[chromedp.Void](`document.getElementById("text").value = ""`))

	ask(ctx, t, "/help")
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 2 && `+idle)
	if n := count(ctx, t, "#log .message.command"); n != 2 {
		t.Errorf("%d messages are marked as command, want 2", n)
	}
	if id := eval[string](ctx, t, "document.activeElement.id"); id != "text" {
		t.Errorf("after sending the focus is on %q", id)
	}
	before := eval[string](ctx, t, `[...document.querySelectorAll("#log .text")].map((e) => e.innerText).join("|")`)

	do(ctx, t, "reload", chromedp.Reload())
	wait(ctx, t, `document.querySelectorAll("#log .message").length === 4 && `+idle)
	after := eval[string](ctx, t, `[...document.querySelectorAll("#log .text")].map((e) => e.innerText).join("|")`)
	if before != after {
		t.Errorf("after the reload the page shows\n%s\nbefore\n%s", after, before)
	}
	screenshot(ctx, t, "desktop-light-3-history")

	if foreign := eval[string](ctx, t, `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith(location.origin)).join(" ")`); foreign != "" {
		t.Errorf("the page loads %s", foreign)
	}
}

func TestChatPageOnAPhone(t *testing.T) {
	t.Parallel()
	chat := newChat()
	url := start(t, chat)
	ctx := browser(t, 390, 844, true, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch)
	enter(ctx, t, url)
	wait(ctx, t, idle)
	if !eval[bool](ctx, t, `matchMedia("(prefers-color-scheme: dark)").matches`) {
		t.Error("the browser does not prefer dark")
	}
	screenshot(ctx, t, "phone-dark-1-empty")
	ask(ctx, t, question)
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 1 && `+idle)
	do(ctx, t, "use a starter", chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-say='/help']").click()`))
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 2 && `+idle)
	if eval[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than the phone")
	}
	if !eval[bool](ctx, t, `(() => { const s = document.scrollingElement; return s.scrollHeight - s.scrollTop - s.clientHeight < 4; })()`) {
		t.Error("the newest message is not in view")
	}
	screenshot(ctx, t, "phone-dark-2-history")
}

// A reply is shown as its Markdown means it, in any light and on a small phone.
func TestFormattedReply(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) context.Context{
		"light": func(t *testing.T) context.Context { t.Helper(); return browser(t, 1280, 1400, false) },
		"dark":  func(t *testing.T) context.Context { t.Helper(); return browser(t, 1280, 1400, true) },
		"phone": func(t *testing.T) context.Context {
			t.Helper()
			return browser(t, 360, 1500, false, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFormatted(open(t), t, name)
		})
	}
}

func checkFormatted(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	enter(ctx, t, start(t, newChat()))
	wait(ctx, t, idle)
	ask(ctx, t, "Show me everything")
	wait(ctx, t, `document.querySelectorAll("#log .assistant:not(.streaming) blockquote").length === 1 && `+idle)
	for selector, want := range map[string]string{
		"h3": "备份 your data", "p strong": "重要：", "td strong": "完整：", "td code": "parley backup --to DIR", "em": "然后", "s": "later",
		"a": "the docs", "ol > li > pre code": "parley backup --to /var/backups/parley && parley backup verify /var/backups/parley",
		"ol ul li": "on SQLite at once", "p:last-child strong": "“引号”",
	} {
		if got := eval[string](ctx, t, `document.querySelector("#log .assistant .text `+selector+`")?.textContent ?? ""`); got != want {
			t.Errorf("%s holds %q, want %q", selector, got, want)
		}
	}
	if n := count(ctx, t, "#log .assistant .text a"); n != 1 {
		t.Errorf("%d links, want the one to https", n)
	}
	if n := count(ctx, t, "#log .assistant .text b"); n != 0 {
		t.Error("HTML was read")
	}
	if eval[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than the window")
	}
	do(ctx, t, "scroll up", chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
	screenshot(ctx, t, "formatted-"+name)
}

func TestTextStaysText(t *testing.T) {
	t.Parallel()
	chat := newChat()
	url := start(t, chat)
	ctx := browser(t, 1280, 820, false)
	enter(ctx, t, url)
	wait(ctx, t, idle)
	ask(ctx, t, "<img src=x onerror=alert(1)>")
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 1 && `+idle)
	if n := count(ctx, t, "#log .text img, #log script"); n != 0 {
		t.Errorf("%d elements came out of a text", n)
	}
	if got := lastText(ctx, t); got != "<script>document.title='broken'</script>" {
		t.Errorf("the reply is shown as %q", got)
	}
}

func TestFailureAndRetry(t *testing.T) {
	t.Parallel()
	chat := newChat()
	chat.broken = failure.New(failure.Unavailable, "database_busy", "the database is busy", nil)
	url := start(t, chat)
	ctx := browser(t, 1280, 820, true)
	enter(ctx, t, url)
	wait(ctx, t, idle)
	ask(ctx, t, "Are you there?")
	wait(ctx, t, `!document.getElementById("problem").hidden && `+idle)
	if got := eval[string](ctx, t, `document.getElementById("problem-text").innerText`); got != "The database is busy." {
		t.Errorf("the page says %q", got)
	}
	screenshot(ctx, t, "desktop-dark-1-problem")
	chat.set(func() { chat.broken = nil })
	do(ctx, t, "try again", chromedp.Click(chromedp.ID("retry")))
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 1 && `+idle)
	if n := count(ctx, t, "#log .user"); n != 1 {
		t.Errorf("the question is there %d times, want once", n)
	}
	if ids := chat.ids(); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("asked with the ids %q, want one id twice: the message may have been stored", ids)
	}
	if !eval[bool](ctx, t, `document.getElementById("problem").hidden`) {
		t.Error("the problem is still shown")
	}
}

// TestReloadWhileTheReplyIsBeingMade must neither lose nor double the question.
func TestReloadWhileTheReplyIsBeingMade(t *testing.T) {
	t.Parallel()
	chat := newChat()
	chat.step = make(chan struct{})
	url := start(t, chat)
	ctx := browser(t, 1280, 820, false)
	enter(ctx, t, url)
	wait(ctx, t, idle)
	ask(ctx, t, "Take your time")
	chat.step <- struct{}{}
	wait(ctx, t, `document.querySelector(".streaming .text")?.innerText.includes("You said")`)
	do(ctx, t, "reload", chromedp.Reload())
	wait(ctx, t, `document.querySelector(".streaming .dots") !== null`)
	chat.step <- struct{}{}
	chat.step <- struct{}{}
	wait(ctx, t, `document.querySelectorAll("#log .assistant:not(.streaming)").length === 1 && `+idle)
	if got := lastText(ctx, t); got != "You said: Take your time" {
		t.Errorf("the reply is %q", got)
	}
	if n := count(ctx, t, "#log .user"); n != 1 {
		t.Errorf("the question is there %d times, want once", n)
	}
	if ids := chat.ids(); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("asked with the ids %q, want one id twice", ids)
	}
}

// TestSignIn goes the whole way: the form, the link with its one button, signing
// out, and a session that another browser has copied and that ends with it.
func TestSignIn(t *testing.T) {
	t.Parallel()
	url := start(t, newChat())
	ctx := browser(t, 1280, 820, false)
	do(ctx, t, "open", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.ID("token")))
	if id := eval[string](ctx, t, "document.activeElement.id"); id != "token" || count(ctx, t, "form") != 1 || count(ctx, t, "input") != 1 {
		t.Errorf("the sign-in page is not one form with one field that has the focus: %q", id)
	}
	do(ctx, t, "wrong token", chromedp.SendKeys(chromedp.ID("token"), "not it\r"), chromedp.WaitVisible(chromedp.ID("problem")))
	screenshot(ctx, t, "desktop-light-4-sign-in")
	do(ctx, t, "right token", chromedp.SendKeys(chromedp.ID("token"), token+"\r"), chromedp.WaitVisible(chromedp.ID("empty")))
	wait(ctx, t, idle)
	ask(ctx, t, "hello")
	wait(ctx, t, `document.querySelectorAll("#log .assistant").length === 1 && `+idle)

	copied := cookies(ctx, t)
	if len(copied) != 1 {
		t.Fatalf("%d cookies, want 1", len(copied))
	}
	if c := copied[0]; c.Name != "parley_session" || !c.HTTPOnly || c.SameSite != network.CookieSameSiteStrict {
		t.Errorf("the cookie is %+v", c)
	}
	other := browser(t, 1280, 820, true)
	do(other, t, "copy the session", setCookie(copied[0].Name, copied[0].Value, url), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.ID("composer")))
	wait(other, t, idle)
	do(ctx, t, "sign out", chromedp.Click(chromedp.CSS(".signout button")), chromedp.WaitVisible(chromedp.ID("token")))
	ask(other, t, "still there?")
	wait(other, t, `document.getElementById("problem-text").innerText.includes("signed out")`)
	screenshot(other, t, "desktop-dark-1-signed-out")
	do(other, t, "reload", chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("token")))
	do(ctx, t, "open again", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.ID("token")))

	link := signin.Link(url, token, time.Now())
	for _, ctx := range []context.Context{other, ctx} { // opening it does not use it up
		do(ctx, t, "open the link", chromedp.Navigate(link), chromedp.WaitVisible(chromedp.CSS("form button")))
		if count(ctx, t, "button") != 1 || count(ctx, t, "input:not([type=hidden])") != 0 {
			t.Error("the page of a link is not one button")
		}
	}
	screenshot(other, t, "desktop-dark-2-link")
	screenshot(ctx, t, "desktop-light-5-link")
	do(ctx, t, "sign in by the link", chromedp.Click(chromedp.CSS("form button")), chromedp.WaitVisible(chromedp.ID("composer")))
	if at := eval[string](ctx, t, "location.href"); strings.Contains(at, "link=") {
		t.Errorf("the link stays in the address: %s", at)
	}
	do(other, t, "press the used one", chromedp.Click(chromedp.CSS("form button")), chromedp.WaitVisible(chromedp.ID("problem")))
	screenshot(other, t, "desktop-dark-3-link-used")
	if got := eval[string](other, t, `document.getElementById("problem").innerText`); !strings.Contains(got, "already been used") {
		t.Errorf("a used link says %q", got)
	}
}
