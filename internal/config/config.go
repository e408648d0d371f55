package config

import (
	"time"
)

// Config is the whole configuration with every default filled in.
type Config struct {
	// The HTTP server.
	Server Server `yaml:"server"`
	// Where messages come from. Each platform is on as soon as its credentials are there.
	Platforms Platforms `yaml:"platforms"`
	// Whom the bot is for, and who may do what is not everybody's business.
	Access Access `yaml:"access"`
	// The model that answers, and what it is given.
	AI AI `yaml:"ai"`
	// How messages become replies.
	Gateway Gateway `yaml:"gateway"`
	// Chat commands.
	Commands Commands `yaml:"commands"`
	// Preferences, facts and scores.
	Memory Memory `yaml:"memory"`
	// Maintenance by the clock. Five cron fields each; an empty one switches the job off.
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
	// CIDRs of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
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
	// Further apps, each with the same keys and a name; reached at /webhooks/slack/NAME, and slack.NAME everywhere else.
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
	// On when true; auto: on as soon as bot_token and app_token, or signing_secret, are there.
	Enabled Toggle `yaml:"enabled"`
	// How events arrive: http (webhooks), or socket (over connections that we open, without a public address); auto: socket where app_token is set.
	Mode string `yaml:"mode" jsonschema:"enum=auto,enum=http,enum=socket"`
	// Basic Information > App Credentials > Signing Secret; for http.
	SigningSecret Secret `yaml:"signing_secret" env:"SLACK_SIGNING_SECRET"`
	// OAuth & Permissions > Bot User OAuth Token (xoxb-…).
	BotToken Secret `yaml:"bot_token" env:"SLACK_BOT_TOKEN"`
	// Basic Information > App-Level Tokens (xapp-…) with the scope connections:write; for socket.
	AppToken Secret `yaml:"app_token" env:"SLACK_APP_TOKEN"`
	// Base of Slack's Web API. A further app has the first one's, unless it says otherwise.
	APIURL URL `yaml:"api_url" env:"SLACK_API_URL" jsonschema:"minLength=1"`
	// How a reply grows while it is made: auto (by Slack's own stream where one person reads it, else by edits), native, edit or off.
	Stream string `yaml:"stream" jsonschema:"enum=auto,enum=native,enum=edit,enum=off"`
	// The app has Slack's agent container (Agents & AI Apps), which cannot be undone there.
	Agent bool `yaml:"agent"`
}

// Feishu is one Feishu or Lark app and further ones beside it.
type Feishu struct {
	FeishuApp `yaml:",inline"`
	// Further apps, each with the same keys and a name; reached at /webhooks/feishu/NAME, and feishu.NAME everywhere else.
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
	// On when true; auto: on as soon as app_id and app_secret are there.
	Enabled Toggle `yaml:"enabled"`
	// How events arrive: http (webhooks), or websocket (over a connection that we open, without a public address); auto: websocket where neither encrypt_key nor verification_token is set.
	Mode string `yaml:"mode" jsonschema:"enum=auto,enum=http,enum=websocket"`
	// Credentials & Basic Info > App ID.
	AppID string `yaml:"app_id" env:"FEISHU_APP_ID"`
	// Credentials & Basic Info > App Secret.
	AppSecret Secret `yaml:"app_secret" env:"FEISHU_APP_SECRET"`
	// Events & Callbacks > Encryption Strategy > Verification Token.
	VerificationToken Secret `yaml:"verification_token" env:"FEISHU_VERIFICATION_TOKEN"`
	// Events & Callbacks > Encryption Strategy > Encrypt Key. Required for http.
	EncryptKey Secret `yaml:"encrypt_key" env:"FEISHU_ENCRYPT_KEY"`
	// Base of the Open API; Lark's is https://open.larksuite.com. A further app has the first one's, unless it says otherwise.
	BaseURL URL `yaml:"base_url" env:"FEISHU_BASE_URL" jsonschema:"minLength=1"`
	// How a reply grows while it is made: auto, native (by a streaming card), edit or off.
	Stream string `yaml:"stream" jsonschema:"enum=auto,enum=native,enum=edit,enum=off"`
}

// Generic is the platform for programs.
type Generic struct {
	// False: off. Each source takes what is signed with its secret, its token, and the admin token.
	Enabled Toggle `yaml:"enabled"`
	// The programs that may write. Without this key: one source named generic.
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
	// Who is answered. open: everybody who is not denied; allow: who is listed; pairing: also who an admin lets in with a code.
	Mode string `yaml:"mode" jsonschema:"enum=open,enum=allow,enum=pairing"`
	// A platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, with * for any tenant.
	Allow []string `yaml:"allow" jsonschema:"minLength=1,format=access-entry"`
	// The same for who is not answered; it wins over allow.
	Deny []string `yaml:"deny" jsonschema:"minLength=1,format=access-entry"`
	// Who may do what is for admins in a chat: platform/tenant/user:ID, with * for any tenant.
	Admins []string `yaml:"admins" jsonschema:"minLength=1,format=admin"`
	// Replies to one person in one chat; beyond it a minute's silence. 0 = no limit.
	MaxRepliesPerMinute int `yaml:"max_replies_per_minute" jsonschema:"minimum=0"`
}

// AI is the model and what it is given.
type AI struct {
	// False: chat commands only.
	Enabled bool `yaml:"enabled"`
	// provider:model. Without api_key and base_url the offline echo model answers.
	Model string `yaml:"model" env:"PARLEY_AI_MODEL" jsonschema:"minLength=1,format=model"`
	// Base of an OpenAI-compatible API, such as http://127.0.0.1:11434/v1. Empty: OpenAI's own.
	BaseURL URL `yaml:"base_url" env:"OPENAI_BASE_URL"`
	// Key of that API.
	APIKey Secret `yaml:"api_key" env:"OPENAI_API_KEY"`
	// Further endpoints, by the names that stand before their models. openai may stand here for what base_url and api_key do not say.
	Providers map[string]Provider `yaml:"providers"`
	// What is known of models, by provider:model; known ones are built in.
	ModelsInfo map[string]ModelInfo `yaml:"models_info"`
	// Have a summary stand for what leaves the window.
	Compaction bool `yaml:"compaction"`
	// For summaries; empty: the conversation's own.
	SmallModel string `yaml:"small_model" jsonschema:"format=model"`
	// Writes recordings down, as provider:model; empty: nobody but the platform does.
	Transcription string `yaml:"transcription" jsonschema:"format=model"`
	// What models may use while they answer.
	Tools Tools `yaml:"tools"`
	// Tried in this order when the model fails.
	FallbackModels []string `yaml:"fallback_models" jsonschema:"minLength=1,format=model"`
	// What /model may choose. Empty: the configured ones.
	Models []string `yaml:"models" jsonschema:"minLength=1,format=model"`
	// Name and system prompt of each persona, for /persona.
	Personas map[string]string `yaml:"personas"`
	// Told to the model before the history.
	SystemPrompt string `yaml:"system_prompt"`
	// Show replies while they are being made.
	Stream bool `yaml:"stream"`
	// How long the model may give no sign; a whole reply may take 15 minutes.
	Timeout time.Duration `yaml:"timeout"`
	// The history window, in tokens.
	ContextTokens int `yaml:"context_tokens" jsonschema:"minimum=1"`
	// Tokens that the model is asked to stop at; 0 = nothing is asked, or 4096 where a budget must reserve.
	MaxOutputTokens int `yaml:"max_output_tokens" jsonschema:"minimum=0"`
	// How much may be used.
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
	// When the count starts again.
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
	// Connections to PostgreSQL or MySQL, beside the one that listens: 3 or more; 0 = as many as suit.
	PoolSize int `yaml:"pool_size" jsonschema:"minimum=0"`
	// Conversations without activity for so many days are deleted by the cleanup job.
	CleanupDays int `yaml:"cleanup_days" jsonschema:"minimum=1,maximum=36500"`
	// Turns of history that are left at most when the window is full and is cut; 0 = half of context_tokens.
	MaxHistoryTurns int `yaml:"max_history_turns" jsonschema:"minimum=0"`
	// What shares one history.
	Scope string `yaml:"scope" jsonschema:"enum=sender,enum=chat,enum=thread,enum=room"`
	// Log every SQL statement.
	Echo bool `yaml:"echo"`
	// Let serve bring the schema up to date by itself.
	Migrate bool `yaml:"migrate"`
}

// Gateway is the way from message to reply.
type Gateway struct {
	// What a message does that arrives while the reply to the one before is being made.
	Busy string `yaml:"busy" jsonschema:"enum=queue,enum=coalesce,enum=interrupt"`
	// Conversations worked on at the same time.
	Workers int `yaml:"workers" jsonschema:"minimum=1,maximum=10000"`
	// Attempts at one message that fail by a fault of ours or the model's before it is given up.
	MaxAttempts int `yaml:"max_attempts" jsonschema:"minimum=1,maximum=1000"`
	// How long a finished reply is offered to a platform that holds it back.
	GiveUpAfter time.Duration `yaml:"give_up_after"`
	// A longer reply or command answer is cut, with a sentence that says so: 1KiB to 4MiB.
	MaxReply Size `yaml:"max_reply"`
	// In groups, answer only what mentions the bot.
	GroupMentionsOnly bool `yaml:"group_mentions_only"`
	// Threads that are answered without a mention once the bot has answered there: alone (while one person and the bot write there), always or never.
	FollowThreads string `yaml:"follow_threads" jsonschema:"enum=alone,enum=always,enum=never"`
}

// Commands are the chat commands.
type Commands struct {
	// What a command starts with; one or more characters.
	Prefix string `yaml:"prefix" jsonschema:"pattern=^[^\\s\\p{Z}\\p{Cc}][^\\p{Cc}]*$,title=one or more characters and not begin with a space\\, such as / or \"!bot \""`
	// Default language of everything that the bot itself says.
	Language string `yaml:"language" jsonschema:"enum=en,enum=zh"`
}

// MemoryDynamoDB is the [Memory.Backend] in DynamoDB.
const MemoryDynamoDB = "dynamodb"

// Memory is the store of preferences, facts and scores.
type Memory struct {
	// Where they are kept: sql (beside the conversations) or dynamodb.
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
	// IANA name of the time zone that the crons are meant in.
	Timezone string `yaml:"timezone" jsonschema:"minLength=1,format=time-zone,title=a time zone such as UTC or Europe/Berlin"`
	// Deletes conversations older than cleanup_days.
	Cleanup string `yaml:"cleanup" jsonschema:"format=cron"`
	// Directory; conversations are archived there before they are deleted. A failed archive deletes nothing.
	CleanupArchive string `yaml:"cleanup_archive"`
	// Archive only these user keys. Empty: all.
	CleanupArchiveUsers []string `yaml:"cleanup_archive_users"`
	// Gives unused space back to the disk.
	Vacuum string `yaml:"vacuum" jsonschema:"format=cron"`
	// Writes a whole backup into backup_dir.
	Backup string `yaml:"backup" jsonschema:"format=cron"`
	// One folder YYYYMMDD-HHMMSS for each run.
	BackupDir string `yaml:"backup_dir"`
	// Warns in log and metrics at the thresholds of monitor.
	Report string `yaml:"report" jsonschema:"format=cron"`
}

// Monitor holds the thresholds of the report job.
type Monitor struct {
	// Warn at so many tokens in all; 0 = never.
	TokensWarn int64 `yaml:"tokens_warn" jsonschema:"minimum=0"`
	// Warn at so many conversations; 0 = never.
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
