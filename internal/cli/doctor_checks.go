package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/platforms"
)

func (p *program) checks(cfg *config.Config) []check {
	all := []check{{"database", p.checkDatabase}, {"memory", checkMemory}}
	all = append(all, p.platformChecks(cfg)...)
	all = append(all, check{"model", checkModel})
	all = append(all, p.toolChecks(cfg)...)
	return append(all, check{"clock", checkClock}, check{"disk", checkDisk},
		check{"port", checkPort}, check{"backup", checkBackup})
}

// checkDatabase opens the database, looks at its schema, writes a row and takes it
// back. A SQLite file that is not there yet is not made.
func (p *program) checkDatabase(ctx context.Context, cfg *config.Config) finding {
	o := cfg.AI.ConversationPersistence
	if !o.Enabled {
		return finding{fine, "in memory", ""}
	}
	const urlRemedy = "fix ai.conversation_persistence.db_url (or CONVERSATION_DB_URL)"
	target, err := database.ParseURL(string(o.DBURL), o.DataDir)
	if err != nil {
		return finding{broken, err.Error(), urlRemedy}
	}
	if target.Memory() {
		return finding{warning, "in memory: lost when the process ends", "leave db_url empty to use a file in data_dir, or set it to a database"}
	}
	if target.OnFile() {
		if _, err := os.Stat(target.Path); errors.Is(err, os.ErrNotExist) {
			return checkNewFile(target)
		}
	}
	db, err := openDatabase(ctx, cfg, p)
	if err != nil {
		return finding{broken, err.Error(), "make sure that the database is running and accepts this user, or " + urlRemedy}
	}
	defer db.Close()
	found := checkSchema(ctx, cfg, db)
	if found.verdict != fine {
		return found
	}
	if err := migrations.Writable(ctx, db); err != nil {
		return finding{broken, fmt.Sprintf("%s: cannot be written: %s", target, err), "point db_url at a server that accepts writes, or free disk space"}
	}
	return found
}

func checkSchema(ctx context.Context, cfg *config.Config, db *database.DB) finding {
	err := migrations.Check(ctx, db)
	switch {
	case err == nil:
		return finding{fine, fmt.Sprintf("%s: writable, schema up to date", db.Target), ""}
	case errors.Is(err, migrations.ErrBehind) && cfg.AI.ConversationPersistence.Migrate:
		return finding{warning, fmt.Sprintf("%s: the schema is behind", db.Target), "serve will update it, or run parley migrate up"}
	case errors.Is(err, migrations.ErrBehind):
		return finding{broken, fmt.Sprintf("%s: the schema is behind", db.Target), "run parley migrate up"}
	case errors.Is(err, migrations.ErrNewer):
		return finding{broken, fmt.Sprintf("%s: the schema was made by a newer version of parley", db.Target), "use that version, or restore a backup"}
	}
	return finding{broken, fmt.Sprintf("%s: %s", db.Target, err), "make sure that the database is reachable"}
}

// checkNewFile reports whether a SQLite file can be made, by making another
// one in the nearest directory that exists.
func checkNewFile(target database.Target) finding {
	probe, err := os.CreateTemp(existing(filepath.Dir(target.Path)), ".parley-doctor-*")
	if err != nil {
		return finding{broken, fmt.Sprintf("%s does not exist and cannot be created: %s", target, err), "give this user write access there, or choose another data_dir"}
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return finding{fine, fmt.Sprintf("%s does not exist yet; serve will create it", target), ""}
}

// existing returns the nearest directory above a path that is there.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}

// platformChecks asks each app of each platform about itself.
func (p *program) platformChecks(cfg *config.Config) []check {
	var all []check
	for _, one := range app.Checks(cfg, p.log) {
		all = append(all, check{one.Platform, func(ctx context.Context, cfg *config.Config) finding { return p.checkPlatform(ctx, cfg, one) }})
	}
	return all
}

func (p *program) checkPlatform(ctx context.Context, cfg *config.Config, one app.Checked) finding {
	switch {
	case one.Err != nil:
		return finding{broken, one.Err.Error(), "fix the key named here"}
	case one.Checker == nil:
		return finding{off, "off", ""}
	}
	is := one.Checker.Check(ctx)
	if len(is.Faults) > 0 {
		return advised(broken, is.Faults)
	}
	found := finding{fine, "on", ""}
	if is.Bot != "" {
		found.detail = "signed in as " + is.Bot
	}
	n, err := p.strays(ctx, cfg, one.Platform, is.Tenant)
	if err == nil && n > 0 { // an error is said of the database
		is.Doubts = append(is.Doubts, platforms.Advice{
			Problem: fmt.Sprintf("an earlier version stored %d conversations of shared channels under the workspace that created the channel; they are no longer used", n),
			Remedy:  "nothing needs to be done; /forget-me erases those of its sender",
		})
	}
	if len(is.Doubts) > 0 {
		doubts := advised(warning, is.Doubts)
		doubts.detail = found.detail + "; " + doubts.detail
		return doubts
	}
	return found
}

// advised puts advice together.
func advised(v verdict, list []platforms.Advice) finding {
	var problems, remedies []string
	for _, a := range list {
		problems, remedies = append(problems, a.Problem), append(remedies, a.Remedy)
	}
	return finding{v, strings.Join(problems, "; "), strings.Join(remedies, "; ")}
}

// strays counts the conversations that an earlier version has kept under another
// workspace than the one that the bot acts in.
func (p *program) strays(ctx context.Context, cfg *config.Config, platform, tenant string) (n int64, err error) {
	err = p.peek(ctx, cfg, func(db *database.DB) (err error) {
		n, err = app.StrayConversations(ctx, db, platform, tenant)
		return err
	})
	return n, err
}

// peek reads from the database, if there is one and it is up to date.
func (p *program) peek(ctx context.Context, cfg *config.Config, read func(*database.DB) error) error {
	o := cfg.AI.ConversationPersistence
	target, err := database.ParseURL(string(o.DBURL), o.DataDir)
	if err != nil || !o.Enabled || target.Memory() {
		return err
	}
	if _, err := os.Stat(target.Path); target.OnFile() && err != nil {
		return nil // there is no database yet
	}
	db, err := openDatabase(ctx, cfg, p)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := migrations.Check(ctx, db); err != nil {
		return err
	}
	return read(db)
}

// checkModel asks the API for its list of models, which costs nothing.
func checkModel(ctx context.Context, cfg *config.Config) finding {
	provider, model := cfg.EffectiveModel()
	switch {
	case !cfg.AI.Enabled:
		return finding{off, "off", ""}
	case provider == config.ProviderEcho:
		return finding{fine, "echo, offline; set OPENAI_API_KEY or OPENAI_BASE_URL for a real one", ""}
	}
	p, _ := cfg.Provider(provider)
	shown := p.BaseURL.String()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	models, err := app.NewModelClient(provider, p, false, slog.New(slog.DiscardHandler)).Models(ctx)
	cause := err
	if inner := errors.Unwrap(err); inner != nil {
		cause = inner
	}
	switch code := failure.CodeOf(err); {
	case err == nil && !slices.Contains(models, model):
		return finding{warning, fmt.Sprintf("%s answers, but does not list %s", shown, model), "set ai.model to one that it lists" + someOf(models)}
	case err == nil:
		return finding{fine, fmt.Sprintf("%s at %s", model, shown), ""}
	case code == ai.CodeInvalidAPIKey || code == ai.CodeForbidden:
		return finding{broken, fmt.Sprintf("%s: %s", shown, cause), "check " + keyOf(cfg, provider)}
	case code == ai.CodeModelNotFound:
		return finding{warning, fmt.Sprintf("%s answers, but lists no models", shown), "if replies fail, check the base URL: it is the part before /models, such as …/v1"}
	}
	problem, remedy, _ := strings.Cut(withoutAddress(cause), "; ")
	return finding{broken, fmt.Sprintf("%s: %s", shown, problem), cmp.Or(remedy, "check the base URL, and that this machine can reach it (HTTPS_PROXY)")}
}

// someOf names the first of the models, or none.
func someOf(models []string) string {
	const few = 5
	if len(models) == 0 {
		return ""
	}
	if len(models) > few {
		models = append(slices.Clone(models[:few]), "…")
	}
	return ": " + strings.Join(models, ", ")
}

// keyOf names the key under which a provider's API key stands.
func keyOf(cfg *config.Config, provider string) string {
	if _, ok := cfg.AI.Providers[provider]; ok && (provider != config.ProviderOpenAI || cfg.AI.APIKey == "") {
		return "ai.providers." + provider + ".api_key"
	}
	return "ai.api_key"
}

// withoutAddress returns why a request failed, without the address, which may hold a password.
func withoutAddress(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return err.Error()
}
