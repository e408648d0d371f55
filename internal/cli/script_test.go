package cli

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands say into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parley": func() {
		s := Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(Run(context.Background(), "v0.0.0-test", s, os.Args[1:], os.Environ()))
	}})
}

// TestScripts runs testdata/script; refresh what they expect with -update.
func TestScripts(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(platformsFake())
	t.Cleanup(server.Close)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode},
		Setup: func(e *testscript.Env) error {
			e.Setenv("FAKE", server.URL)
			e.Setenv("TMPDIR", e.WorkDir)
			return nil
		},
	})
}

// exitCode is the script command "exitcode N ARGS…": parley ARGS ends with exactly N.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("parley", args[1:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("parley %s: exit code %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// platformsFake answers what doctor asks of Slack, Feishu and a model's API.
func platformsFake() http.Handler {
	mux := http.NewServeMux()
	answer := func(path, wanted, good, bad string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			body := good
			given := r.Header.Get("Authorization") == "Bearer "+wanted || r.FormValue("token") == wanted
			if wanted != "" && !given {
				body = bad
			}
			_, _ = w.Write([]byte(body))
		})
	}
	answer("/slack/auth.test", "xoxb-good", `{"ok":true,"user_id":"U1","team":"Acme","bot_id":"B1"}`, `{"ok":false,"error":"invalid_auth"}`)
	answer("/open-apis/auth/v3/tenant_access_token/internal", "", `{"code":0,"tenant_access_token":"t-good","expire":7200}`, "")
	answer("/open-apis/bot/v3/info", "t-good", `{"code":0,"bot":{"app_name":"Parley","open_id":"ou_1"}}`, `{"code":99991663,"msg":"invalid token"}`)
	answer("/v1/models", "sk-good", `{"data":[{"id":"gpt-4o-mini"}]}`, `{"data":[]}`)
	mux.HandleFunc("/locked/models", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	mux.HandleFunc("/page/models", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	return mux
}
