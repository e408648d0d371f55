package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/parley-bot/parley/ai/pins"
)

const (
	// maxMessage bounds what a server says at once, in bytes.
	maxMessage = 4 << 20
	// maxTools bounds how many tools of a server there are.
	maxTools = 256
	// maxTool bounds what a tool says of itself, in bytes, maxToolName its name.
	maxTool     = 32 << 10
	maxToolName = 128
	// legacyVersion is of the protocol before servers could be asked without a session.
	legacyVersion = "2025-11-25"
)

// session is a server that is connected.
type session struct {
	client      *sdk.ClientSession
	logger      *slog.Logger
	tools       []pins.Tool  // as they were looked at last
	calls       atomic.Int32 // that run
	faults      atomic.Int32 // of the connection, since it was looked at
	doubted     chan struct{}
	listChanged chan struct{}
	ended       chan struct{}
	over        chan struct{} // closed where the session is given up: calls end
	process     *process      // nil: over HTTP
	release     func()        // gives back what the connection stands on

	once sync.Once
}

type dialOptions struct {
	version string
	legacy  bool // as servers were asked before
	logger  *slog.Logger
}

// dial connects to a server.
func dial(ctx context.Context, name string, server Server, o dialOptions) (*session, error) {
	s := &session{
		logger: o.logger, doubted: make(chan struct{}, 1), listChanged: make(chan struct{}, 1), ended: make(chan struct{}),
		over: make(chan struct{}),
	}
	transport, err := s.transport(ctx, server)
	if err != nil {
		return nil, err
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "parley", Version: o.version}, &sdk.ClientOptions{
		// Nothing is offered to servers: no folders, no model, no questions to people.
		Capabilities:   &sdk.ClientCapabilities{},
		MultiRoundTrip: &sdk.MultiRoundTripOptions{Disabled: true},
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) {
			poke(s.listChanged)
		},
	})
	var options *sdk.ClientSessionOptions
	if o.legacy {
		options = &sdk.ClientSessionOptions{ProtocolVersion: legacyVersion}
	}
	s.client, err = client.Connect(ctx, transport, options)
	if err != nil {
		err = s.explain(ctx, err)
		s.release()
		return nil, fmt.Errorf("connect to %s: %w", name, err)
	}
	go func() {
		defer close(s.ended)
		_ = s.client.Wait()
	}()
	return s, nil
}

func (s *session) transport(ctx context.Context, server Server) (sdk.Transport, error) {
	if server.URL != "" {
		transport, idle := httpTransport(server)
		s.release = idle
		return transport, nil
	}
	var err error
	s.process, err = startProcess(ctx, server.Command, server.Env)
	if err != nil {
		return nil, err
	}
	s.release = s.process.stop
	return &sdk.IOTransport{Reader: s.process.out, Writer: writer{s.process.in}, MaxLineLength: maxMessage}, nil
}

// explain adds what the program has said to an error.
func (s *session) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errors.New("it does not answer")
	}
	if s.process == nil {
		return err
	}
	if last := s.process.said(); last != "" {
		return fmt.Errorf("%w; it said: %s", err, last)
	}
	return err
}

// why says why an ended session has ended.
func (s *session) why() error {
	return s.explain(context.Background(), errors.New("it ended the connection"))
}

// doubt has the server looked at: something went wrong that may concern all calls.
func (s *session) doubt() { poke(s.doubted) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close ends the calls that run, and the program.
func (s *session) close() {
	s.once.Do(func() {
		close(s.over)
		if s.process != nil {
			s.process.stop()
		}
		_ = s.client.Close() // what it could still say is of no use
		<-s.ended
		s.release()
	})
}

// list reads what the server has, without what cannot be used.
func (s *session) list(ctx context.Context) ([]pins.Tool, error) {
	s.tools = nil
	cursor := ""
	for range maxTools { // pages
		page, err := s.client.ListTools(ctx, &sdk.ListToolsParams{Cursor: cursor})
		if err != nil {
			return nil, fmt.Errorf("list the tools: %w", s.explain(ctx, err))
		}
		for _, t := range page.Tools {
			if tool, err := s.readTool(t); err != nil {
				s.logger.DebugContext(ctx, "a tool is left out", slog.String("tool", fmt.Sprintf("%.128q", t.Name)), slog.Any("error", err))
			} else {
				s.tools = append(s.tools, tool)
			}
		}
		if cursor = page.NextCursor; cursor == "" || len(s.tools) > maxTools {
			break
		}
	}
	if len(s.tools) > maxTools {
		s.logger.WarnContext(ctx, "a tool server has too many tools; the rest is left out", slog.Int("limit", maxTools))
		s.tools = s.tools[:maxTools]
	}
	return s.tools, nil
}

func (s *session) readTool(t *sdk.Tool) (pins.Tool, error) {
	input, err := inputSchema(t.InputSchema)
	if err != nil {
		return pins.Tool{}, err
	}
	tool := pins.Tool{Name: t.Name, Description: t.Description, Input: input}
	for i := range s.tools {
		if s.tools[i].Name == t.Name {
			return pins.Tool{}, errors.New("there are two of that name")
		}
	}
	switch all := t.Name + t.Description + input; {
	case t.Name == "" || utf8.RuneCountInString(t.Name) > maxToolName:
		return pins.Tool{}, fmt.Errorf("the name is empty or longer than %d characters", maxToolName)
	case len(all) > maxTool:
		return pins.Tool{}, fmt.Errorf("its description is longer than %d bytes", maxTool)
	case !utf8.ValidString(all) || strings.ContainsRune(all, 0):
		return pins.Tool{}, errors.New("its description is not text")
	}
	return tool, nil
}

// inputSchema returns the schema of a tool's arguments as providers take it: an
// object with properties, in stable bytes.
func inputSchema(of any) (string, error) {
	schema, ok := of.(map[string]any)
	if !ok && of != nil {
		return "", fmt.Errorf("the schema of its arguments is not an object but %T", of)
	}
	if kind, ok := schema["type"]; ok && kind != "object" {
		return "", errors.New("its arguments are not an object")
	}
	own := make(map[string]any, len(schema)+2) // the SDK still reads its own
	maps.Copy(own, schema)
	delete(own, "$schema") // some providers refuse it
	own["type"] = "object"
	if own["properties"] == nil {
		own["properties"] = map[string]any{}
	}
	text, err := json.Marshal(own) // maps by their keys
	return string(text), err
}

// Look connects to a server, returns what it has, and ends the connection.
func Look(ctx context.Context, name string, server Server, version string, logger *slog.Logger) (tools []pins.Tool, err error) {
	for _, legacy := range []bool{false, true} {
		if tools, err = lookOnce(ctx, name, server, dialOptions{version: version, legacy: legacy, logger: logger}); err == nil {
			break
		}
	}
	return tools, err
}

func lookOnce(ctx context.Context, name string, server Server, o dialOptions) ([]pins.Tool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime/2)
	defer cancel()
	s, err := dial(ctx, name, server, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.list(ctx)
}
