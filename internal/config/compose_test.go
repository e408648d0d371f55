package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what the test looks at in compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Build       string            `yaml:"build"`
		Profiles    []string          `yaml:"profiles"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		DependsOn   any               `yaml:"depends_on"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
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
	if len(p.Profiles) != 0 || len(p.Ports) != 1 || !strings.HasSuffix(p.Ports[0], ":"+port[1]) || !slices.Equal(p.Volumes, []string{"parley:" + data[1]}) {
		t.Errorf("parley: %+v; the image listens on %s and keeps its data in %s", p, port[1], data[1])
	}
	for name, profile := range map[string]string{"postgres": "postgres", "dynamodb": "dynamodb", "dynamodb-tables": "dynamodb"} {
		if got := c.Services[name].Profiles; !slices.Equal(got, []string{profile}) {
			t.Errorf("%s is in the profiles %v", name, got)
		}
	}
	if got := c.Services["dynamodb-tables"].Command; !slices.Equal(got, []string{"memory", "create-tables"}) {
		t.Errorf("the tables are made by %v", got)
	}
	known := append(allEnvNames(), "GENERIC_WEBHOOK_SECRET")
	for _, one := range leaves("", reflect.ValueOf(Default()).Elem()) {
		known = append(known, one.tag.Get("env"))
	}
	for service, s := range c.Services {
		for name := range s.Environment {
			if s.Build != "" && !slices.Contains(known, name) && !strings.HasPrefix(name, "AWS_") {
				t.Errorf("%s: nothing reads %s", service, name)
			}
		}
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); !has(c.Volumes, volume) {
				t.Errorf("%s: the volume %s is not declared", service, volume)
			}
		}
	}
}

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// Nothing that compose.yaml sets by itself is a fault.
func TestComposeStarts(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	environ := []string{"PARLEY_LISTEN=0.0.0.0:8080"}
	for name, value := range c.Services["parley"].Environment {
		fallback := regexp.MustCompile(`^\$\{\w+:-(.*)\}$`).FindStringSubmatch(value)
		if fallback == nil {
			t.Fatalf("%s: %s has no default", name, value)
		}
		environ = append(environ, name+"="+fallback[1])
	}
	cfg, err := Load(LoadOptions{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Memory.Backend != "sql" || cfg.AI.ConversationPersistence.DBURL != "" {
		t.Errorf("%+v, %q", cfg.Memory, cfg.AI.ConversationPersistence.DBURL)
	}
}
