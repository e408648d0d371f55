package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what the test looks at in compose.yaml.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Build       string             `yaml:"build"`
	Profiles    []string           `yaml:"profiles"`
	Command     []string           `yaml:"command"`
	Environment map[string]*string `yaml:"environment"` // nil: from whoever calls docker
	Ports       []string           `yaml:"ports"`
	Volumes     []string           `yaml:"volumes"`
	ReadOnly    bool               `yaml:"read_only"`
	Tmpfs       []string           `yaml:"tmpfs"`
	CapDrop     []string           `yaml:"cap_drop"`
	SecurityOpt []string           `yaml:"security_opt"`
	MemLimit    string             `yaml:"mem_limit"`
}

func readCompose(t *testing.T) (c composeFile) {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCompose holds compose.yaml to the configuration's keys and the image.
func TestCompose(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	docker, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`(?m)^EXPOSE (\d+)$`).FindStringSubmatch(string(docker))
	data := regexp.MustCompile(`(?m)^VOLUME (\S+)$`).FindStringSubmatch(string(docker))
	p := c.Services["parley"]
	if len(p.Profiles) != 0 || len(p.Ports) != 1 || !strings.HasSuffix(p.Ports[0], ":"+port[1]) {
		t.Errorf("parley: %+v; the image listens on %s", p, port[1])
	}
	// The working directory is where config.yaml is looked for, by every command.
	if want := []string{"parley:" + data[1], "./" + DefaultFile + ":" + data[1] + "/" + DefaultFile + ":ro"}; !slices.Equal(p.Volumes, want) {
		t.Errorf("parley has %v, want %v", p.Volumes, want)
	}
	for name, profile := range map[string]string{"postgres": "postgres", "dynamodb": "dynamodb", "dynamodb-tables": "dynamodb"} {
		if got := c.Services[name].Profiles; !slices.Equal(got, []string{profile}) {
			t.Errorf("%s is in the profiles %v", name, got)
		}
	}
	if got := c.Services["dynamodb-tables"].Command; !slices.Equal(got, []string{"memory", "create-tables"}) {
		t.Errorf("the tables are made by %v", got)
	}
	for service, s := range c.Services {
		checkConfined(t, service, s)
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); !strings.HasPrefix(volume, "./") && !has(c.Volumes, volume) {
				t.Errorf("%s: the volume %s is not declared", service, volume)
			}
		}
	}
}

// checkConfined holds a service to the rights it needs. A foreign image may
// have to become another user first; ours is one already.
func checkConfined(t *testing.T, name string, s composeService) {
	t.Helper()
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.MemLimit == "" {
		t.Errorf("%s may gain privileges (%v) or take all memory (%q)", name, s.SecurityOpt, s.MemLimit)
	}
	if s.Build != "" && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.Tmpfs) == 0) {
		t.Errorf("%s: read_only %v, cap_drop %v, tmpfs %v", name, s.ReadOnly, s.CapDrop, s.Tmpfs)
	}
}

// TestComposeVariables holds the environment of our services to the variables
// there are: every one with a short name is passed on, and nothing else than
// what something reads.
func TestComposeVariables(t *testing.T) {
	t.Parallel()
	// Read by Go's HTTP client and Amazon's SDK.
	known := []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
	fields := append(leaves("", reflect.ValueOf(Default()).Elem()), leaves(sourcesKey+"[0]", reflect.ValueOf(&Source{}).Elem())...)
	for _, one := range fields {
		if name := one.tag.Get("env"); name != "" {
			known = append(known, name)
		}
	}
	for service, s := range readCompose(t).Services {
		if s.Build == "" {
			continue
		}
		for _, name := range known {
			if _, ok := s.Environment[name]; !ok {
				t.Errorf("%s: %s is not passed on", service, name)
			}
		}
		for name, value := range s.Environment {
			if !slices.Contains(known, name) && !slices.Contains(allEnvNames(), name) {
				t.Errorf("%s: nothing reads %s", service, name)
			}
			if value != nil {
				t.Errorf("%s: %s is set to %q, so that config.yaml does not count", service, name, *value)
			}
		}
	}
}

// TestImageContext: what an admin keeps beside the sources is in no image.
func TestImageContext(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, line := range lines {
		if sources, err := filepath.Glob(filepath.Join("../..", line, "*.go")); line != "" && (err != nil || len(sources) > 0) {
			t.Errorf(".dockerignore keeps the sources in %s out (%v)", line, err)
		}
	}
	for _, want := range []string{".git", ".env", ".env.*", "config.yaml", "data", "backups", "secrets", "*.db"} {
		if !slices.Contains(lines, want) {
			t.Errorf(".dockerignore lets %s in", want)
		}
	}
}

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// Nothing that the image, compose.yaml and the mounted config.yaml set by themselves is a fault.
func TestComposeStarts(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	docker, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	environ := strings.Fields(regexp.MustCompile(`(?m)^ENV (.+)$`).FindStringSubmatch(string(docker))[1])
	for name, value := range c.Services["parley"].Environment {
		if value != nil {
			environ = append(environ, name+"="+*value)
		}
	}
	cfg, err := Load(LoadOptions{Path: "../../config.yaml", Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Server.Listen != "0.0.0.0:8080" || cfg.AI.ConversationPersistence.DataDir != "/data" || cfg.Memory.Backend != "sql" {
		t.Errorf("%+v, %+v, %+v", cfg.Server, cfg.Memory, cfg.AI.ConversationPersistence)
	}
}
