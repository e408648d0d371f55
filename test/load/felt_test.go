package load_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// BenchmarkFelt measures what people and machines feel, on the built program as
// a process of its own, on each database there is, and on Bolt, all beside the
// same fake Slack: processor time for an answered message, how long a burst
// waits for its answers and for its last reply, and memory. Rounds go round the
// programs in turn, so that what the machine does meanwhile strikes all alike.
// The environment says what takes part (make bench-felt sets the first two):
//
//   - PARLEY_BENCH_NEW is the program, and PARLEY_PEERS the folder of the peers
//   - PARLEY_BENCH_BINARY is another build to be measured in the same run
//   - PARLEY_BENCH_ROUNDS is how many rounds there are, 7 unless told
//   - PARLEY_BENCH_PERCENT makes each round so much of a full one
//   - PARLEY_TEST_POSTGRES and PARLEY_TEST_MYSQL add those databases
func BenchmarkFelt(b *testing.B) {
	programs := feltPrograms(b)
	for b.Loop() {
		results := make([][]felt, len(programs))
		for range number(b, "PARLEY_BENCH_ROUNDS", 7) {
			for i, p := range programs {
				results[i] = append(results[i], p.round(b))
			}
		}
		table := "| | " + strings.Join(feltColumns, " | ") + " |\n" + strings.Repeat("| --- ", 1+len(feltColumns)) + "|\n"
		for i, p := range programs {
			table += "| " + p.name
			for n := range feltColumns {
				table += " | " + spread(results[i], n)
			}
			table += " |\n"
		}
		b.Logf("median (min–max) of %d rounds\n%s", len(results[0]), table)
	}
	b.ReportMetric(0, "ns/op")
}

// number reads a number from the environment.
func number(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	n, err := strconv.Atoi(cmp.Or(text, strconv.Itoa(otherwise)))
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}

// felt is what one round has measured, in the order of feltColumns.
type felt [5]float64

var feltColumns = []string{"processor time a message at 100/s, ms", "under load, ms", "burst: answer p99, ms", "last reply, s", "memory, MB"}

// spread returns the median of a column, and its range.
func spread(results []felt, column int) string {
	var values []float64
	for _, r := range results {
		values = append(values, r[column])
	}
	slices.Sort(values)
	digits := 2
	if column == 2 || column == 4 {
		digits = 0
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, values[len(values)/2], digits, values[0], digits, values[len(values)-1])
}

// feltProgram is a program that takes part.
type feltProgram struct {
	name  string
	start func(b *testing.B, api string) *process
}

func feltPrograms(b *testing.B) (list []feltProgram) {
	b.Helper()
	for _, build := range []struct{ name, variable string }{{"parley", "PARLEY_BENCH_NEW"}, {"other build", "PARLEY_BENCH_BINARY"}} {
		file := os.Getenv(build.variable)
		if file == "" {
			continue
		}
		for _, engine := range dbtest.Engines() {
			list = append(list, feltProgram{build.name + ", " + string(engine), func(b *testing.B, api string) *process {
				b.Helper()
				return startBuilt(b, file, engine, api)
			}})
		}
	}
	if len(list) == 0 {
		b.Skip("neither PARLEY_BENCH_NEW nor PARLEY_BENCH_BINARY is set: make bench-felt")
	}
	if dir := os.Getenv("PARLEY_PEERS"); dir != "" {
		list = append(list, feltProgram{"bolt", func(b *testing.B, api string) *process {
			b.Helper()
			return startPeer(b, dir, "bolt.mjs", api)
		}})
	}
	return list
}

// startBuilt starts a build of Parley on a new database.
func startBuilt(b *testing.B, file string, engine database.Engine, api string) *process {
	b.Helper()
	dir := b.TempDir()
	settings := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(settings, []byte("gateway: {busy: queue}\n"), 0o600); err != nil { // a reply to each message, as Bolt does
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), file, "serve", "--config", settings, "--log-format", "json")
	cmd.Dir = dir
	cmd.Env = []string{
		"PARLEY_LISTEN=127.0.0.1:0", "CONVERSATION_DATA_DIR=" + dir, "CONVERSATION_DB_URL=" + dbtest.URL(b, engine),
		"SLACK_SIGNING_SECRET=" + slackSecret, "SLACK_BOT_TOKEN=" + slackToken, "SLACK_API_URL=" + api,
	}
	return startProcess(b, cmd, func(line string) (string, bool) {
		var ready struct{ Msg, Listen string }
		err := json.Unmarshal([]byte(line), &ready)
		return "http://" + ready.Listen + "/webhooks/slack", err == nil && ready.Msg == "ready"
	})
}

const (
	steadyPerSecond = 100
	steadyFor       = 10 // seconds
	loadMessages    = 4000
	burstMessages   = 2000
	warmMessages    = 50
)

// round measures a program that has just started.
func (p *feltProgram) round(b *testing.B) (r felt) {
	b.Helper()
	slack := fakeslack.New(b, fakeslack.Options{Token: slackToken})
	defer slack.Close()
	slack.Grant("chat:write", "im:history")
	program := p.start(b, slack.APIURL())
	defer program.stop()
	target, err := url.Parse(program.url)
	if err != nil {
		b.Fatal(err)
	}
	percent, sent := number(b, "PARLEY_BENCH_PERCENT", 100), 0
	// send sends messages over connections, each when tick says so, and returns
	// the processor time that each cost until all are answered.
	send := func(messages, connections int, tick <-chan time.Time) (result, float64) {
		requests := make([][]byte, messages) // made before, so that they cost the program nothing
		for i := range requests {
			requests[i] = slackRequest(target, sent+i)
		}
		before := program.cpu(b)
		took := hammer(b, target.Host, connections, messages, func(i int64) []byte {
			if tick != nil {
				<-tick
			}
			return requests[i-1]
		}, readWhole)
		sent += messages
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
		defer cancel()
		if _, err := slack.WaitMessages(ctx, sent); err != nil {
			b.Fatalf("%s: %d of %d replies: %v", p.name, len(slack.Messages()), sent, err)
		}
		return took, float64(program.cpu(b)-before) / float64(time.Millisecond) / float64(messages)
	}
	send(warmMessages, 4, nil)
	tick := time.NewTicker(time.Second / steadyPerSecond)
	defer tick.Stop()
	_, r[0] = send(max(1, steadyPerSecond*steadyFor*percent/100), 4, tick.C)
	_, r[1] = send(max(1, loadMessages*percent/100), 64, nil)
	burst := max(1, burstMessages*percent/100)
	begin := time.Now()
	took, _ := send(burst, burst, nil)
	r[2], r[3], r[4] = float64(took.p99.Microseconds())/1000, time.Since(begin).Seconds(), residentMB(b, program.pid())
	return r
}

// ticksPerSecond is the unit of processor time in /proc, the same on every Linux.
const ticksPerSecond = 100

// cpu returns how much processor time the process has used.
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + p.pid() + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // behind the name, which may hold anything
	fields := bytes.Fields(rest)
	var total time.Duration
	for _, n := range []int{11, 12} { // utime, stime
		ticks, err := strconv.ParseInt(string(fields[n]), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return total
}

// process is a program in a process of its own.
type process struct {
	cmd *exec.Cmd
	url string // where it takes webhooks
}

func (p *process) pid() string { return strconv.Itoa(p.cmd.Process.Pid) }

// startProcess starts a program that says in a line where it takes webhooks.
// It is stopped at the end of the benchmark if not before.
func startProcess(b *testing.B, cmd *exec.Cmd, where func(line string) (url string, ok bool)) *process {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout // what each of them says there differs
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{cmd: cmd}
	b.Cleanup(p.stop)
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if address, ok := where(lines.Text()); ok {
			p.url = address
			go func() { // or it would stop at a full pipe
				for lines.Scan() {
				}
			}()
			return p
		}
	}
	b.Fatalf("%s did not start: %s", cmd.Path, strings.Join(said, "\n"))
	return nil
}

// stop ends the process. It may be called twice.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
