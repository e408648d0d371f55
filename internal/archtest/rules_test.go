package archtest

// rule forbids imports. Packages are named as the go command names them:
// "./gateway" is one package of this module, "./gateway/..." the package and
// everything below it, and a name without "./" belongs to somebody else.
type rule struct {
	name   string
	in     []string // the packages it binds; none: all
	except []string // packages it does not bind
	deny   []string // imports that are wrong
	allow  []string // imports that are right although deny names them
	tests  bool     // test files are bound as well
	why    string
}

// rules are all that must hold in this module.
func rules() []rule {
	return append(vendors(), layers()...)
}

// vendors says which room a vendor's package stays in, so that changing the
// vendor changes one room.
func vendors() []rule {
	one := func(name, pkg, room, why string) rule {
		return rule{name: name, deny: []string{pkg + "/..."}, except: []string{room + "/..."}, tests: true, why: why}
	}
	return []rule{
		one("vendor-echo", "github.com/labstack/echo", "./internal/web",
			"echo stops at internal/web: the step to its next major version must stay a change of one room"),
		one("vendor-feishu", "github.com/larksuite/oapi-sdk-go", "./platforms/feishu",
			"lark types stop at platforms/feishu: everybody else speaks platforms.Event and platforms.Reply"),
		one("vendor-slack", "github.com/slack-go/slack", "./platforms/slack",
			"slack types stop at platforms/slack: the library breaks its API often, and only one room should feel it"),
		{
			name: "vendor-websocket", deny: []string{"github.com/gorilla/websocket/..."}, except: []string{"./platforms/socket", "./internal/fakes/..."}, tests: true,
			why: "websockets stop at platforms/socket: what platforms have in common over them is written once",
		},
		one("vendor-openai", "github.com/sashabaranov/go-openai", "./ai/openai",
			"openai types stop at ai/openai: a model is one method to everybody else"),
		one("vendor-mcp", "github.com/modelcontextprotocol/go-sdk", "./ai/mcp",
			"types of the protocol stop at ai/mcp: everybody else speaks ai.Tool and pins.Tool"),
		one("vendor-gocron", "github.com/go-co-op/gocron", "./scheduler",
			"cron stops at scheduler: a job is a function to everybody else"),
		one("vendor-markdown", "github.com/yuin/goldmark", "./platforms/render",
			"the Markdown library stops at platforms/render: everybody else writes its form from render.Block and render.Span"),
		one("vendor-aws", "github.com/aws", "./memory/dynamo",
			"aws types stop at memory/dynamo: they are heavy, and few installations use them"),
		one("driver-postgres", "github.com/jackc/pgx", "./internal/database",
			"internal/database opens databases and translates their errors; nobody else may depend on a driver"),
		one("driver-mysql", "github.com/go-sql-driver/mysql", "./internal/database",
			"internal/database opens databases and translates their errors; nobody else may depend on a driver"),
		one("driver-sqlite", "modernc.org/sqlite", "./internal/database",
			"internal/database opens databases and translates their errors; nobody else may depend on a driver"),
	}
}

// layers says which room may know which.
func layers() []rule {
	return []rule{
		{
			name:  "adapters",
			in:    []string{"./platforms/slack/...", "./platforms/feishu/...", "./platforms/generic/...", "./platforms/socket"},
			deny:  []string{"./..."},
			allow: []string{"./platforms", "./platforms/render", "./platforms/socket", "./platforms/call", "./internal/failure", "./internal/lenient"},
			why:   "an adapter is a translator: it knows what a platform is, the renderer and the kinds of errors, and neither its sisters nor what becomes of an event",
		},
		{
			name:   "registry",
			except: []string{"./platforms/slack/...", "./platforms/feishu/...", "./platforms/generic/...", "./internal/app", "./internal/setup", "./test/..."},
			deny:   []string{"./platforms/slack/...", "./platforms/feishu/...", "./platforms/generic/..."},
			tests:  true,
			why:    "internal/app alone lists which platforms there are; everybody else is handed them by their interfaces",
		},
		{
			name: "domain-platforms",
			in:   []string{"./conversation/...", "./commands/...", "./memory/...", "./ai/..."},
			deny: []string{"./platforms/...", "./gateway/...", "./internal/web/...", "./admin/...", "./scheduler/..."},
			why:  "the domain is used by the way in and never looks back: it works the same for a webhook, the terminal and a test",
		},
		{
			name:   "domain-http",
			in:     []string{"./conversation/...", "./commands/...", "./memory/...", "./ai/..."},
			except: []string{"./ai/openai/...", "./ai/mcp/...", "./ai/fetch"},
			deny:   []string{"net/http/...", "github.com/labstack/echo/..."},
			why:    "the domain does not know HTTP; ai/openai, ai/mcp and ai/fetch alone talk to servers",
		},
		{
			name: "gateway-one-way",
			in:   []string{"./gateway/..."},
			deny: []string{
				"./platforms/slack/...", "./platforms/feishu/...", "./platforms/generic/...",
				"./internal/web/...", "./admin/...", "./scheduler/...", "net/http/...",
			},
			why: "data moves one way: the gateway is handed events and adapters, and knows neither which platforms there are nor how requests arrive",
		},
		{
			name: "sql",
			except: []string{
				"./conversation/...", "./memory/...", "./gateway/...", "./scheduler/...",
				"./internal/database/...", "./internal/replicas/...", "./internal/signin/...", "./migrations/...", "./test/...",
			},
			deny:  []string{"database/sql/..."},
			tests: true,
			why:   "SQL lives in the room that owns the table; pass a transaction through as database.Tx",
		},
		{
			name:   "bun",
			except: []string{"./internal/database/...", "./migrations/..."},
			deny:   []string{"github.com/uptrace/bun/..."},
			tests:  true,
			why:    "bun knows the dialects and runs the migrations; everybody else speaks database.Tx, database.Reader and SQL",
		},
		{
			name:   "composition",
			except: []string{"./cmd/...", "./internal/cli/...", "./internal/app/...", "./internal/config/...", "./internal/setup", "./test/..."},
			deny:   []string{"./internal/config/...", "./internal/app/...", "./internal/cli/..."},
			tests:  true,
			why:    "only the composition root reads the configuration; everybody else takes an options struct and can be built without a file",
		},
		{
			name: "foundation",
			in:   []string{"./internal/failure/...", "./internal/metrics/...", "./internal/sentences", "./internal/shorten", "./internal/service", "./internal/database", "./internal/replicas", "./migrations/...", "./platforms", "./platforms/render", "./platforms/call"},
			deny: []string{"./..."},
			// migrations needs the dialects, which internal/database knows, and may not change a schema under a running server.
			allow: []string{"./internal/failure", "./internal/private", "./internal/database", "./internal/replicas", "./internal/service"},
			why:   "what everybody stands on stands on nothing of ours but the kinds of errors, the database, and how work is started",
		},
		{
			name:  "unsafe",
			deny:  []string{"unsafe"},
			tests: true,
			why:   "memory is Go's business",
		},
		{
			name:   "fakes",
			except: []string{"./internal/fakes/..."},
			deny:   []string{"./internal/fakes/..."},
			why:    "the fake platforms are for tests; the program never carries them",
		},
		{
			name:   "suites",
			except: suites(),
			deny:   suites(),
			why:    "contract suites and test databases are for tests; the program never carries them",
		},
	}
}

// suites are the packages that exist for tests but are not test files.
func suites() []string {
	return []string{
		"./internal/database/dbtest/...", "./internal/web/webtest/...", "./conversation/conversationtest/...",
		"./platforms/platformtest/...", "./platforms/render/rendertest/...", "./memory/memorytest/...",
		"./ai/mcp/mcptest/...",
	}
}
