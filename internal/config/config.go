package config

import (
	"time"
)

// Config is the whole configuration with every default filled in.
type Config struct {
	// The HTTP server.
	Server Server `yaml:"server"`
	// Where messages come from. Each platform is on as soon as its credentials are set.
	Platforms Platforms `yaml:"platforms"`
	// Who may use the bot, and who are its admins in chats.
	Access Access `yaml:"access"`
	// The model that answers, and what it is given.
	AI AI `yaml:"ai"`
	// How messages become replies.
	Gateway Gateway `yaml:"gateway"`
	// Chat commands.
	Commands Commands `yaml:"commands"`
	// Preferences, facts and scores.
	Memory Memory `yaml:"memory"`
	// Scheduled maintenance. Five cron fields each; an empty one switches the job off.
	Scheduler Scheduler `yaml:"scheduler"`
	// When the report job warns.
	Monitor Monitor `yaml:"monitor"`

	// strangers are the warnings about variables that no key has.
	strangers []string
}

// Server is the HTTP server.
type Server struct {
	// Address to listen on, host:port.
	Listen string `yaml:"listen" env:"PARLEY_LISTEN" jsonschema:"minLength=1,format=host-port,title=host:port such as 127.0.0.1:8080\\, with a port from 0 to 65535"`
	// The address people reach this server at, used in links.
	PublicURL URL `yaml:"public_url"`
	// Largest webhook body, such as 512KB, 1MiB or plain bytes.
	BodyLimit Size `yaml:"body_limit"`
	// CIDRs of the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.
	TrustedProxies []string `yaml:"trusted_proxies" jsonschema:"minLength=1,format=cidr"`
	// How long running replies may take to finish at shutdown.
	ShutdownGrace time.Duration `yaml:"shutdown_grace"`
	// Opens the chat page, /api/v1, /metrics and every generic source; at least 16 characters. Empty: one is generated into <data_dir>/admin-token.
	AdminToken Secret `yaml:"admin_token" env:"PARLEY_ADMIN_TOKEN" jsonschema:"format=bearer-token"`
	// A second address, host:port, for operators: /metrics and the detail of /readyz without a token, /debug/pprof with the admin token. Empty: none.
	OperationsListen string `yaml:"operations_listen" jsonschema:"format=host-port,title=host:port such as 127.0.0.1:9090\\, with a port from 0 to 65535"`
}

// Platforms are the ways in.
type Platforms struct {
	// Slack: Events API, slash commands, interactivity.
	Slack Slack `yaml:"slack"`
	// Feishu and Lark: events and card actions.
	Feishu Feishu `yaml:"feishu"`
	// Any program that can POST JSON.
	Generic Generic `yaml:"generic"`
}

// Slack is one Slack app and further ones beside it.
type Slack struct {
	SlackApp `yaml:",inline"`
	// Further apps, each with the same keys and a name; reached at /webhooks/slack/NAME, and known as slack.NAME everywhere else.
	Apps []NamedSlackApp `yaml:"apps"`
}

// NamedSlackApp is a further Slack app.
type NamedSlackApp struct {
	// Name in the path /webhooks/slack/NAME; its platform is slack.NAME.
	Name     string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9._-]{0\\,40}$,title=1 to 40 of A-Z a-z 0-9 . _ and -"`
	SlackApp `yaml:",inline"`
}

// SlackApp is one Slack app.
type SlackApp struct {
	// On when true; auto: on as soon as bot_token and app_token, or signing_secret, are set.
	Enabled Toggle `yaml:"enabled"`
	// How events arrive: http (webhooks), or socket (over connections that Parley opens, without a public address); auto: socket if app_token is set.
	Mode string `yaml:"mode" jsonschema:"enum=auto,enum=http,enum=socket"`
	// Basic Information > App Credentials > Signing Secret; for http.
	SigningSecret Secret `yaml:"signing_secret" env:"SLACK_SIGNING_SECRET"`
	// OAuth & Permissions > Bot User OAuth Token (xoxb-…).
	BotToken Secret `yaml:"bot_token" env:"SLACK_BOT_TOKEN"`
	// Basic Information > App-Level Tokens (xapp-…) with the scope connections:write; for socket.
	AppToken Secret `yaml:"app_token" env:"SLACK_APP_TOKEN"`
	// Base URL of Slack's Web API. Further apps use the first one's unless they set their own.
	APIURL URL `yaml:"api_url" env:"SLACK_API_URL" jsonschema:"minLength=1"`
	// How a reply grows while it is generated: auto (Slack's own stream if one person reads it, else edits), native, edit or off.
	Stream string `yaml:"stream" jsonschema:"enum=auto,enum=native,enum=edit,enum=off"`
	// The app uses Slack's agent container (Agents & AI Apps); Slack cannot undo this.
	Agent bool `yaml:"agent"`
}

// Feishu is one Feishu or Lark app and further ones beside it.
type Feishu struct {
	FeishuApp `yaml:",inline"`
	// Further apps, each with the same keys and a name; reached at /webhooks/feishu/NAME, and known as feishu.NAME everywhere else.
	Apps []NamedFeishuApp `yaml:"apps"`
}

// NamedFeishuApp is a further Feishu or Lark app.
type NamedFeishuApp struct {
	// Name in the path /webhooks/feishu/NAME; its platform is feishu.NAME.
	Name      string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9._-]{0\\,40}$,title=1 to 40 of A-Z a-z 0-9 . _ and -"`
	FeishuApp `yaml:",inline"`
}

// FeishuApp is one Feishu or Lark app.
type FeishuApp struct {
	// On when true; auto: on as soon as app_id and app_secret are set.
	Enabled Toggle `yaml:"enabled"`
	// How events arrive: http (webhooks), or websocket (over a connection that Parley opens, without a public address); auto: websocket if neither encrypt_key nor verification_token is set.
	Mode string `yaml:"mode" jsonschema:"enum=auto,enum=http,enum=websocket"`
	// Credentials & Basic Info > App ID.
	AppID string `yaml:"app_id" env:"FEISHU_APP_ID"`
	// Credentials & Basic Info > App Secret.
	AppSecret Secret `yaml:"app_secret" env:"FEISHU_APP_SECRET"`
	// Events & Callbacks > Encryption Strategy > Verification Token.
	VerificationToken Secret `yaml:"verification_token" env:"FEISHU_VERIFICATION_TOKEN"`
	// Events & Callbacks > Encryption Strategy > Encrypt Key. Required for http.
	EncryptKey Secret `yaml:"encrypt_key" env:"FEISHU_ENCRYPT_KEY"`
	// Base URL of the Open API; Lark's is https://open.larksuite.com. Further apps use the first one's unless they set their own.
	BaseURL URL `yaml:"base_url" env:"FEISHU_BASE_URL" jsonschema:"minLength=1"`
	// How a reply grows while it is generated: auto, native (a streaming card), edit or off.
	Stream string `yaml:"stream" jsonschema:"enum=auto,enum=native,enum=edit,enum=off"`
}

// Generic is the platform for programs.
type Generic struct {
	// False: off. Each source accepts requests that are signed with its secret or carry its token or the admin token.
	Enabled Toggle `yaml:"enabled"`
	// The programs that may send messages. Without this key: one source named generic.
	Sources []Source `yaml:"sources"`
}

// Source is one program that sends messages.
type Source struct {
	// Name in the path /webhooks/generic/NAME, and the platform part of the user key.
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9._-]{0\\,50}$,title=1 to 50 of A-Z a-z 0-9 . _ and -"`
	// Standard Webhooks secret: whsec_ and base64 of 24 to 64 bytes.
	Secret Secret `yaml:"secret" env:"GENERIC_WEBHOOK_SECRET" jsonschema:"format=webhook-secret,title=whsec_ and base64 of 24 to 64 bytes (Standard Webhooks); make one with: echo \"whsec_$(openssl rand -base64 32)\""`
	// Replies are also POSTed there, signed the same way.
	CallbackURL URL `yaml:"callback_url" env:"GENERIC_CALLBACK_URL"`
	// Bearer token for programs that cannot sign, at least 16 characters; it opens this source and nothing else.
	Token Secret `yaml:"token" jsonschema:"format=bearer-token"`
}

// Access says whom the bot is for, and who may do what is not everybody's business.
type Access struct {
	// Who is answered. open: everyone who is not denied; allow: those listed; pairing: also those an admin approves with a code.
	Mode string `yaml:"mode" jsonschema:"enum=open,enum=allow,enum=pairing"`
	// A platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, with * for any tenant.
	Allow []string `yaml:"allow" jsonschema:"minLength=1,format=access-entry"`
	// The same, for those who are not answered; takes precedence over allow.
	Deny []string `yaml:"deny" jsonschema:"minLength=1,format=access-entry"`
	// Who may use what is reserved for admins in a chat: platform/tenant/user:ID, with * for any tenant.
	Admins []string `yaml:"admins" jsonschema:"minLength=1,format=admin"`
	// Replies per minute to one person in one chat; beyond that, a minute's silence. 0 = no limit.
	MaxRepliesPerMinute int `yaml:"max_replies_per_minute" jsonschema:"minimum=0"`
}

// AI is the model and what it is given.
type AI struct {
	// False: chat commands only.
	Enabled bool `yaml:"enabled"`
	// provider:model. Without api_key and base_url the offline echo model answers.
	Model string `yaml:"model" env:"PARLEY_AI_MODEL" jsonschema:"minLength=1,format=model"`
	// Base URL of an OpenAI-compatible API, such as http://127.0.0.1:11434/v1. Empty: OpenAI's own.
	BaseURL URL `yaml:"base_url" env:"OPENAI_BASE_URL"`
	// API key.
	APIKey Secret `yaml:"api_key" env:"OPENAI_API_KEY"`
	// Further endpoints, by the name that precedes their models. openai may be listed here for settings other than base_url and api_key.
	Providers map[string]Provider `yaml:"providers"`
	// Facts about models, by provider:model; well-known models are built in.
	ModelsInfo map[string]ModelInfo `yaml:"models_info"`
	// Replace what leaves the window by a summary.
	Compaction bool `yaml:"compaction"`
	// Model for summaries. Empty: the conversation's own.
	SmallModel string `yaml:"small_model" jsonschema:"format=model"`
	// Model that transcribes recordings, as provider:model. Empty: only the platform's own transcripts.
	Transcription string `yaml:"transcription" jsonschema:"format=model"`
	// Tools that models may use while they answer.
	Tools Tools `yaml:"tools"`
	// Tried in this order when the model fails.
	FallbackModels []string `yaml:"fallback_models" jsonschema:"minLength=1,format=model"`
	// What /model may choose. Empty: the configured ones.
	Models []string `yaml:"models" jsonschema:"minLength=1,format=model"`
	// Name and system prompt of each persona, for /persona.
	Personas map[string]string `yaml:"personas"`
	// Told to the model before the history.
	SystemPrompt string `yaml:"system_prompt"`
	// Show replies while they are being generated.
	Stream bool `yaml:"stream"`
	// How long the model may be silent; a whole reply may take 15 minutes.
	Timeout time.Duration `yaml:"timeout"`
	// The history window, in tokens.
	ContextTokens int `yaml:"context_tokens" jsonschema:"minimum=1"`
	// Output limit that the model is given, in tokens; 0 = none, or 4096 if a budget has to reserve.
	MaxOutputTokens int `yaml:"max_output_tokens" jsonschema:"minimum=0"`
	// Token budgets.
	Budget Budget `yaml:"budget"`
	// Where conversations are kept, and for how long.
	ConversationPersistence Persistence `yaml:"conversation_persistence"`
}

// Budget limits what may be used. It is checked before each call of a model.
type Budget struct {
	// Tokens of one person in all chats together, prompts and replies as the model reports them; 0 = no limit.
	TokensPerUser int64 `yaml:"tokens_per_user" jsonschema:"minimum=0"`
	// Tokens of everybody in one chat; 0 = no limit.
	TokensPerChat int64 `yaml:"tokens_per_chat" jsonschema:"minimum=0"`
	// When the counts reset.
	Period string `yaml:"period" jsonschema:"enum=day,enum=month"`
}

// Persistence is the conversation store.
type Persistence struct {
	// False: the whole database lives in memory and is gone with the process.
	Enabled bool `yaml:"enabled"`
	// sqlite:///rel.db, sqlite:////abs.db, sqlite:///:memory:, postgresql://… or mysql://…. Empty: conversations.db in data_dir.
	DBURL DatabaseURL `yaml:"db_url" env:"CONVERSATION_DB_URL"`
	// Directory of the SQLite file and the generated admin token.
	DataDir string `yaml:"data_dir" env:"CONVERSATION_DATA_DIR" jsonschema:"minLength=1"`
	// Connections to PostgreSQL or MySQL, besides the one that listens: 3 or more; 0 = automatic.
	PoolSize int `yaml:"pool_size" jsonschema:"minimum=0"`
	// The cleanup job deletes conversations without activity for this many days.
	CleanupDays int `yaml:"cleanup_days" jsonschema:"minimum=1,maximum=36500"`
	// Most turns of history that are kept when a full window is cut; 0 = half of context_tokens.
	MaxHistoryTurns int `yaml:"max_history_turns" jsonschema:"minimum=0"`
	// What shares one history.
	Scope string `yaml:"scope" jsonschema:"enum=sender,enum=chat,enum=thread,enum=room"`
	// Log every SQL statement.
	Echo bool `yaml:"echo"`
	// Let serve update the schema automatically.
	Migrate bool `yaml:"migrate"`
}

// Gateway is the way from message to reply.
type Gateway struct {
	// What happens to a message that arrives while the previous reply is being generated.
	Busy string `yaml:"busy" jsonschema:"enum=queue,enum=coalesce,enum=interrupt"`
	// Conversations answered at the same time.
	Workers int `yaml:"workers" jsonschema:"minimum=1,maximum=10000"`
	// Attempts at one message, failed through Parley's or the model's fault, before it is given up.
	MaxAttempts int `yaml:"max_attempts" jsonschema:"minimum=1,maximum=1000"`
	// How long a finished reply is retried while its platform does not accept it.
	GiveUpAfter time.Duration `yaml:"give_up_after"`
	// Longest reply or command answer, 1KiB to 4MiB; a longer one is cut, and says so.
	MaxReply Size `yaml:"max_reply"`
	// In groups, answer only messages that mention the bot.
	GroupMentionsOnly bool `yaml:"group_mentions_only"`
	// Threads that are answered without a mention once the bot has answered there: alone (while one person and the bot write there), always or never.
	FollowThreads string `yaml:"follow_threads" jsonschema:"enum=alone,enum=always,enum=never"`
}

// Commands are the chat commands.
type Commands struct {
	// What a command starts with; one or more characters.
	Prefix string `yaml:"prefix" jsonschema:"pattern=^[^\\s\\p{Z}\\p{Cc}][^\\p{Cc}]*$,title=one or more characters and not begin with a space\\, such as / or \"!bot \""`
	// Default language of the bot's own texts.
	Language string `yaml:"language" jsonschema:"enum=en,enum=zh"`
}

// MemoryDynamoDB is the [Memory.Backend] in DynamoDB.
const MemoryDynamoDB = "dynamodb"

// Memory is the store of preferences, facts and scores.
type Memory struct {
	// Where they are kept: sql (with the conversations) or dynamodb.
	Backend string `yaml:"backend" jsonschema:"enum=sql,enum=dynamodb"`
	// Amazon DynamoDB; credentials come from the AWS_* variables.
	DynamoDB DynamoDB `yaml:"dynamodb"`
}

// DynamoDB says where the tables are.
type DynamoDB struct {
	// AWS region.
	Region string `yaml:"region"`
	// Address of an emulator.
	Endpoint URL `yaml:"endpoint"`
	// Put before every table name.
	TablePrefix string `yaml:"table_prefix" jsonschema:"pattern=^[A-Za-z0-9._-]{0\\,200}$,title=at most 200 of A-Z a-z 0-9 . _ and -"`
}

// Scheduler holds the jobs.
type Scheduler struct {
	// Time zone of the cron expressions, by its IANA name.
	Timezone string `yaml:"timezone" jsonschema:"minLength=1,format=time-zone,title=a time zone such as UTC or Europe/Berlin"`
	// Deletes conversations older than cleanup_days.
	Cleanup string `yaml:"cleanup" jsonschema:"format=cron"`
	// Directory where conversations are archived before they are deleted; if archiving fails, nothing is deleted.
	CleanupArchive string `yaml:"cleanup_archive"`
	// Archive only these user keys. Empty: all.
	CleanupArchiveUsers []string `yaml:"cleanup_archive_users"`
	// Returns unused space to the disk.
	Vacuum string `yaml:"vacuum" jsonschema:"format=cron"`
	// Writes a complete backup to backup_dir.
	Backup string `yaml:"backup" jsonschema:"format=cron"`
	// Directory of the backups; each run makes a new one in it, named YYYYMMDD-HHMMSS.
	BackupDir string `yaml:"backup_dir"`
	// Warns in log and metrics when a threshold of monitor is reached.
	Report string `yaml:"report" jsonschema:"format=cron"`
}

// Monitor holds the thresholds of the report job.
type Monitor struct {
	// Warn at this many tokens in total; 0 = never.
	TokensWarn int64 `yaml:"tokens_warn" jsonschema:"minimum=0"`
	// Warn at this many conversations; 0 = never.
	ConversationsWarn int64 `yaml:"conversations_warn" jsonschema:"minimum=0"`
}

// defaultSource is the name of the source that exists without configuration.
const defaultSource = "generic"

// Default returns the configuration of a fresh machine.
func Default() *Config {
	return &Config{
		Server: Server{
			Listen: "127.0.0.1:8080", BodyLimit: 1 << 20, TrustedProxies: []string{}, ShutdownGrace: 30 * time.Second,
		},
		Platforms: Platforms{
			Slack:   Slack{SlackApp: SlackApp{Enabled: Auto, Mode: "auto", APIURL: "https://slack.com/api/", Stream: "auto"}, Apps: []NamedSlackApp{}},
			Feishu:  Feishu{FeishuApp: FeishuApp{Enabled: Auto, Mode: "auto", BaseURL: "https://open.feishu.cn", Stream: "auto"}, Apps: []NamedFeishuApp{}},
			Generic: Generic{Enabled: Auto, Sources: []Source{{Name: defaultSource}}},
		},
		Access: Access{Mode: "open", Allow: []string{}, Deny: []string{}, Admins: []string{}},
		AI: AI{
			Enabled: true, Model: "openai:gpt-4o-mini", Compaction: true,
			FallbackModels: []string{}, Models: []string{}, Personas: map[string]string{},
			Tools:     Tools{Builtin: []string{"current_time", "remember", "recall", "search_history"}, MaxRounds: 8, Timeout: time.Minute, Approve: "asker", MCP: map[string]MCPServer{}},
			Providers: map[string]Provider{}, ModelsInfo: map[string]ModelInfo{},
			Stream: true, Timeout: 2 * time.Minute, ContextTokens: 8000,
			Budget: Budget{Period: "day"},
			ConversationPersistence: Persistence{
				Enabled: true, DataDir: "data", CleanupDays: 30, MaxHistoryTurns: 20, Scope: "thread", Migrate: true,
			},
		},
		Gateway:  Gateway{Busy: "coalesce", Workers: 128, MaxAttempts: 5, GiveUpAfter: time.Hour, MaxReply: 64 << 10, GroupMentionsOnly: true, FollowThreads: "alone"},
		Commands: Commands{Prefix: "/", Language: "en"},
		Memory:   Memory{Backend: "sql", DynamoDB: DynamoDB{TablePrefix: "parley_"}},
		Scheduler: Scheduler{
			Timezone: "UTC", Cleanup: "0 3 * * *", CleanupArchiveUsers: []string{},
			Vacuum: "30 3 * * 0", BackupDir: "backups", Report: "0 * * * *",
		},
		Monitor: Monitor{TokensWarn: 1_000_000, ConversationsWarn: 10_000},
	}
}
