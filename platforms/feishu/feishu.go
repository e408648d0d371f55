package feishu

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkcardkit "github.com/larksuite/oapi-sdk-go/v3/service/cardkit/v1"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
	"github.com/parley-bot/parley/platforms/render"
)

// Platform is the name of this platform in events and user keys.
const Platform = "feishu"

const (
	defaultBaseURL = "https://open.feishu.cn"

	// requestTimeout bounds one call of Feishu's API, connecting and reading included.
	requestTimeout = 10 * time.Second

	// maxContent is the size of one message's content in bytes of JSON. Feishu
	// takes 150 KB for the whole request of a text message, in which the content
	// is quoted once more; far shorter messages are also easier to read.
	maxContent = 30_000

	// cardFrame is what a card has beside its text, with every button there is;
	// a rich text has less.
	cardFrame = 2000

	// maxTables is how many tables a card draws: beyond, it is refused.
	maxTables = 3
)

// Options configure an [Adapter]. The names in brackets are those of the
// developer console.
type Options struct {
	// Name is the platform's name in events and user keys; "" = [Platform]. A
	// further app has one of its own.
	Name string

	AppID     string // [App ID], required
	AppSecret string // [App Secret], required

	// EncryptKey [Encrypt Key] signs and encrypts every event. Without it only
	// the VerificationToken [Verification Token], which travels in every body,
	// tells who sends; with neither every request is refused.
	EncryptKey        string
	VerificationToken string

	Stream Mode // "" = [StreamAuto]

	BaseURL   string // "" = https://open.feishu.cn; Lark: https://open.larksuite.com
	BotOpenID string // "" = asked of Feishu, see Start

	HTTPClient *http.Client     // nil = one with a timeout that follows no redirects
	Now        func() time.Time // nil = time.Now
	Logger     *slog.Logger     // nil = nothing is logged
}

// Adapter is the Feishu platform. It is safe for concurrent use.
type Adapter struct {
	opts   Options
	config *larkcore.Config
	im     *larkim.V1
	token  *tokenCache
	bot    botIdentity
	chats  privateChats
	topics topicChats
	toasts toasts
	absent absence
	odd    platforms.Strange

	cardkit     *larkcardkit.V1
	cards       cardStates
	noReactions atomic.Bool    // the app lacks the scope for them
	atTag       *regexp.Regexp // a mention inside the text of a schema 1 message
}

var (
	_ platforms.Adapter = (*Adapter)(nil)
	_ platforms.Checker = (*Adapter)(nil)
)

// New returns the adapter of one self-built app. It does not touch the network.
func New(opts Options) (*Adapter, error) {
	if opts.AppID == "" || opts.AppSecret == "" {
		return nil, errors.New("feishu: app id and app secret are required")
	}
	opts.Name = cmp.Or(opts.Name, Platform)
	if opts.BaseURL == "" {
		opts.BaseURL = defaultBaseURL
	}
	u, err := url.Parse(opts.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("feishu: base url %q is not an http(s) address", opts.BaseURL)
	}
	opts.HTTPClient = call.Client(opts.HTTPClient, requestTimeout)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Adapter{opts: opts, config: sdkConfig(opts), atTag: regexp.MustCompile(`(?s)<at\s[^>]*>(.*?)</at>`)}
	a.im, a.cardkit = larkim.New(a.config), larkcardkit.New(a.config)
	a.token = newTokenCache(a.fetchToken, opts.Now)
	a.bot.set(opts.BotOpenID, "")
	return a, nil
}

// limits are what one message holds. Feishu takes more tables in a rich text
// than in a card, where their number is bounded; a part fits either.
func limits() render.Limits {
	return render.Limits{Size: maxContent - cardFrame, Measure: contentSize, Tables: maxTables}
}

// Split cuts a reply into texts that each fit one message.
func (a *Adapter) Split(reply string) []string {
	return render.Split(reply, limits())
}
