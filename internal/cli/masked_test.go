package cli

import (
	"net"
	"strings"
	"testing"
)

// TestSecretsInAddressesAreMasked puts a secret wherever an address can hold
// one, at a port where nobody answers, and looks at all that is printed.
func TestSecretsInAddressesAreMasked(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x") // the SDK reads the process's own environment
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	nobody, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	at := func(user string) string { return user + "@" + nobody.Addr().String() }
	for _, user := range []string{"geheim", "me:geheim", "geheim:"} {
		address := "http://" + at(user) + "/v1?key=geheim&geheim"
		addresses := []string{
			"OPENAI_BASE_URL=" + address, "GENERIC_CALLBACK_URL=" + address, "PARLEY_SERVER__PUBLIC_URL=" + address,
			"SLACK_API_URL=" + address, "FEISHU_BASE_URL=" + address,
			"PARLEY_MEMORY__DYNAMODB__ENDPOINT=" + address, "PARLEY_MEMORY__BACKEND=dynamodb", "PARLEY_MEMORY__DYNAMODB__REGION=x",
			"SLACK_BOT_TOKEN=xoxb-x", "SLACK_SIGNING_SECRET=x", "FEISHU_APP_ID=x", "FEISHU_APP_SECRET=x", "FEISHU_ENCRYPT_KEY=x",
			"PARLEY_GATEWAY__MAX_ATTEMPTS=1",
		}
		for _, command := range []string{"config print", "config check", "doctor", "chat --log-level debug", "memory create-tables"} {
			said := run(t, dataDir(t), addresses, command)
			if (command == "config print" || command == "doctor") && !strings.Contains(said, "***@"+nobody.Addr().String()) {
				t.Errorf("%s shows no address at all:\n%s", command, said)
			}
		}
		for _, scheme := range []string{"postgresql", "mysql"} {
			db := scheme + "://me:geheim@" + nobody.Addr().String() + "/parley?sslmode=disable&password=geheim"
			if scheme == "mysql" {
				db = scheme + "://me:geheim@" + nobody.Addr().String() + "/parley"
			}
			for _, command := range []string{"config print", "doctor", "chat --log-level debug", "serve --log-level debug", "stats", "migrate status"} {
				run(t, dataDir(t), []string{"CONVERSATION_DB_URL=" + db}, command)
			}
		}
	}
}

// run returns all that a command says, which must hold no secret.
func run(t *testing.T, base, environ []string, command string) string {
	t.Helper()
	var said strings.Builder
	s := Streams{In: strings.NewReader("hello\n/load x\n"), Out: &said, Err: &said}
	Run(t.Context(), "v1", s, strings.Fields(command), append(base, environ...))
	if strings.Contains(said.String(), "geheim") {
		t.Errorf("%s with %s says\n%s", command, environ[0], said.String())
	}
	return said.String()
}
