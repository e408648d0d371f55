package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/slack"
)

func (p *program) checks() []check {
	return []check{
		{"database", p.checkDatabase},
		{"memory", checkMemory},
		{"slack", p.checkSlack},
		{"feishu", p.checkFeishu},
		{"model", checkModel},
	}
}

// checkDatabase opens the database, looks at its schema and begins a write. A
// SQLite file that is not there yet is not made.
func (p *program) checkDatabase(ctx context.Context, cfg *config.Config) finding {
	o := cfg.AI.ConversationPersistence
	if !o.Enabled {
		return finding{fine, "in memory"}
	}
	target, err := database.ParseURL(string(o.DBURL), o.DataDir)
	if err != nil {
		return finding{broken, err.Error()}
	}
	if target.Memory() {
		return finding{warning, "in memory: gone with the process"}
	}
	if target.OnFile() {
		if _, err := os.Stat(target.Path); errors.Is(err, os.ErrNotExist) {
			return checkNewFile(target)
		}
	}
	db, err := openDatabase(ctx, cfg, p)
	if err != nil {
		return finding{broken, err.Error()}
	}
	defer db.Close()
	if err := writable(ctx, db); err != nil {
		return finding{broken, fmt.Sprintf("%s: cannot be written: %s", target, err)}
	}
	return checkSchema(ctx, cfg, db)
}

func checkSchema(ctx context.Context, cfg *config.Config, db *database.DB) finding {
	err := migrations.Check(ctx, db)
	switch {
	case err == nil:
		return finding{fine, fmt.Sprintf("%s: writable, schema up to date", db.Target)}
	case errors.Is(err, migrations.ErrBehind) && cfg.AI.ConversationPersistence.Migrate:
		return finding{warning, fmt.Sprintf("%s: writable; serve will bring the schema up to date", db.Target)}
	}
	return finding{broken, fmt.Sprintf("%s: %s", db.Target, err)}
}

// writable begins a transaction that can write, and takes it back.
func writable(ctx context.Context, db *database.DB) error {
	errUndo := errors.New("undo")
	err := db.Write(ctx, func(context.Context, database.Tx) error { return errUndo })
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// checkNewFile reports whether a SQLite file can be made, by making another
// one in the nearest directory that exists.
func checkNewFile(target database.Target) finding {
	dir := filepath.Dir(target.Path)
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	probe, err := os.CreateTemp(dir, ".parley-doctor-*")
	if err != nil {
		return finding{broken, fmt.Sprintf("%s does not exist and cannot be made: %s", target, err)}
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return finding{fine, fmt.Sprintf("%s does not exist yet; serve makes it", target)}
}

func (p *program) checkSlack(ctx context.Context, cfg *config.Config) finding {
	s := cfg.Platforms.Slack
	if !cfg.SlackOn() {
		return finding{fine, "off"}
	}
	adapter, err := slack.New(slack.Options{
		SigningSecret: s.SigningSecret.Reveal(), BotToken: s.BotToken.Reveal(), APIURL: string(s.APIURL), Logger: p.log,
	})
	if err != nil {
		return finding{broken, err.Error()}
	}
	user, team, err := adapter.AuthTest(ctx)
	if err != nil {
		return finding{broken, fmt.Sprintf("auth.test: %s; check platforms.slack.bot_token", err)}
	}
	found := finding{fine, fmt.Sprintf("signed in as %s in %s", user, team)}
	n, err := p.strays(ctx, cfg, adapter.TeamID())
	switch {
	case err != nil: // said of the database
	case n > 0:
		found = finding{warning, fmt.Sprintf("%s; an earlier version has kept %d conversations under the workspaces of those who made shared channels: "+
			"they are used no more, and /forget-me erases them with their sender", found.detail, n)}
	}
	return found
}

func (p *program) checkFeishu(ctx context.Context, cfg *config.Config) finding {
	f := cfg.Platforms.Feishu
	if !cfg.FeishuOn() {
		return finding{fine, "off"}
	}
	adapter, err := feishu.New(feishu.Options{
		AppID: f.AppID, AppSecret: f.AppSecret.Reveal(), EncryptKey: f.EncryptKey.Reveal(),
		VerificationToken: f.VerificationToken.Reveal(), BaseURL: string(f.BaseURL), Logger: p.log,
	})
	if err != nil {
		return finding{broken, err.Error()}
	}
	name, err := adapter.Check(ctx)
	if err != nil {
		return finding{broken, fmt.Sprintf("bot info: %s; check platforms.feishu.app_id and app_secret", err)}
	}
	return finding{fine, "signed in as " + name}
}

// strays counts the conversations that an earlier version has kept under another
// workspace than the one that the bot acts in.
func (p *program) strays(ctx context.Context, cfg *config.Config, teamID string) (n int64, err error) {
	o := cfg.AI.ConversationPersistence
	target, err := database.ParseURL(string(o.DBURL), o.DataDir)
	if err != nil || !o.Enabled || target.Memory() {
		return 0, err
	}
	if _, err := os.Stat(target.Path); target.OnFile() && err != nil {
		return 0, nil // there is no database yet
	}
	db, err := openDatabase(ctx, cfg, p)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := migrations.Check(ctx, db); err != nil {
		return 0, err
	}
	return app.StrayConversations(ctx, db, slack.Platform, teamID)
}

// checkModel asks the API for its list of models, which costs nothing.
func checkModel(ctx context.Context, cfg *config.Config) finding {
	provider, model := cfg.EffectiveModel()
	switch {
	case !cfg.AI.Enabled:
		return finding{fine, "off"}
	case provider == config.ProviderEcho:
		return finding{fine, "echo, offline; set OPENAI_API_KEY or OPENAI_BASE_URL for a real one"}
	}
	base := string(cfg.AI.BaseURL)
	if base == "" {
		base = "https://api.openai.com/v1"
	}
	shown := config.URL(base).String()
	status, models, err := listModels(ctx, base, cfg.AI.APIKey.Reveal())
	switch {
	case err != nil:
		return finding{broken, fmt.Sprintf("%s: %s", shown, err)}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return finding{broken, fmt.Sprintf("%s: status %d; check ai.api_key", shown, status)}
	case status == http.StatusNotFound:
		return finding{warning, fmt.Sprintf("%s answers, but lists no models; check ai.base_url if replies fail", shown)}
	case status != http.StatusOK:
		return finding{broken, fmt.Sprintf("%s: status %d", shown, status)}
	case !slices.Contains(models, model):
		return finding{warning, fmt.Sprintf("%s answers, but does not list %s", shown, model)}
	}
	return finding{fine, fmt.Sprintf("%s at %s", model, shown)}
}

// listModels is GET /models (https://platform.openai.com/docs/api-reference/models/list).
func listModels(ctx context.Context, base, key string) (status int, models []string, err error) {
	const maxAnswer = 4 << 20
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/models", http.NoBody)
	if err != nil {
		return 0, nil, errors.New("ai.base_url is no address")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := (&http.Client{Timeout: checkTime}).Do(req)
	if err != nil {
		return 0, nil, errors.New(withoutAddress(err))
	}
	defer resp.Body.Close()
	var answer struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
			return 0, nil, errors.New("the answer to /models is not JSON; check ai.base_url")
		}
	}
	for _, m := range answer.Data {
		models = append(models, m.ID)
	}
	return resp.StatusCode, models, nil
}

// withoutAddress returns why a request failed, without the address, which may hold a password.
func withoutAddress(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return err.Error()
}
