package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/parley-bot/parley/internal/cli"
)

// terminal returns both ends of a terminal: the one that a program has, and the
// one that shows it to a person.
func terminal(t *testing.T) (program, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return program, person
}

// TestNewcomer is the first use: one command, then one click, or one curl.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	program, person := terminal(t)
	data := filepath.Join(t.TempDir(), "data")
	interrupts, code := make(chan os.Signal, 1), make(chan int, 1)
	go func() {
		s := cli.Streams{In: strings.NewReader(""), Out: program, Err: program, Interrupts: interrupts}
		code <- cli.Run(t.Context(), "v1", s, []string{"serve", "--listen", "127.0.0.1:0"}, []string{"CONVERSATION_DATA_DIR=" + data, "NO_COLOR=1"})
	}()
	stop := func() int { interrupts <- os.Interrupt; return <-code }
	var shown []string
	lines := bufio.NewScanner(person)
	link := ""
	for link == "" && lines.Scan() {
		shown = append(shown, lines.Text())
		link = regexp.MustCompile(`http://localhost:\d+/login\?link=\S+`).FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, person) }() // ends with the terminal
	if all := strings.Join(shown, "\n"); link == "" || !strings.Contains(all, "echo answers") {
		t.Fatalf("the terminal shows no link, or does not say that echo answers:\n%s", all)
	}
	link = strings.Replace(link, "localhost", "127.0.0.1", 1)
	server, _ := url.Parse(link)
	home := "http://" + server.Host

	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	page := read(t, must(t)(browser.Get(link)))
	hidden := regexp.MustCompile(`name="link" value="([^"]+)"`).FindStringSubmatch(page)
	if hidden == nil {
		t.Fatalf("the page of the link:\n%s", page)
	}
	if page := read(t, must(t)(browser.PostForm(home+"/login", url.Values{"link": {hidden[1]}}))); !strings.Contains(page, `id="composer"`) {
		t.Errorf("one click leads to\n%s", page)
	}
	if resp := must(t)(http.PostForm(home+"/login", url.Values{"link": {hidden[1]}})); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the link is good twice: %d", resp.StatusCode)
	}

	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	curl, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, home+"/webhooks/generic", strings.NewReader(`{"sender_id":"alice","text":"hello"}`))
	curl.Header = http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(token))}, "Prefer": {"wait=10"}}
	if got := read(t, must(t)(http.DefaultClient.Do(curl))); !strings.Contains(got, `"text":"You said: hello`) {
		t.Errorf("one curl gets %s", got)
	}
	if got := stop(); got != 0 {
		t.Errorf("exit code %d", got)
	}
}

func must(t *testing.T) func(*http.Response, error) *http.Response {
	t.Helper()
	return func(resp *http.Response, err error) *http.Response {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
