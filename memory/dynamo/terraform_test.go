package dynamo_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/memory/dynamo"
)

// block returns the bodies of the blocks with this head, and their settings.
func block(text, head string) (bodies []string, settings []map[string]string) {
	for _, m := range regexp.MustCompile(`(?ms)^( *)`+head+` \{\n(.*?)^ {0,2}\}$`).FindAllStringSubmatch(text, -1) {
		if before, _, nested := strings.Cut(m[2], "\n"+m[1]+"}\n"); nested {
			m[2] = before
		}
		values := map[string]string{}
		for _, s := range regexp.MustCompile(`(?m)^`+m[1]+`  (\w+) += (.*)$`).FindAllStringSubmatch(m[2], -1) {
			values[s[1]] = strings.Trim(s[2], `"`)
		}
		bodies, settings = append(bodies, m[2]), append(settings, values)
	}
	return bodies, settings
}

// The Terraform file makes the tables that create-tables makes.
func TestTerraformMakesTheSameTables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/terraform/dynamodb.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, tables := block(string(text), `resource "aws_dynamodb_table" "\w+"`)
	if len(tables) != len(dynamo.Tables()) {
		t.Fatalf("%d tables in Terraform, %d in Go", len(tables), len(dynamo.Tables()))
	}
	for i, want := range dynamo.Tables() {
		got := dynamo.Table{
			Name: strings.TrimPrefix(tables[i]["name"], "${var.table_prefix}"), Hash: tables[i]["hash_key"], Sort: tables[i]["range_key"],
			Attributes: map[string]string{},
		}
		_, attributes := block(string(text), "attribute")
		for _, a := range attributes {
			got.Attributes[a["name"]] = a["type"]
		}
		_, indexes := block(string(text), "global_secondary_index")
		for _, x := range indexes {
			index := dynamo.Index{Name: x["name"], Hash: x["hash_key"], Sort: x["range_key"]}
			for _, name := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(x["non_key_attributes"], -1) {
				index.Include = append(index.Include, name[1])
			}
			if projection := map[bool]string{true: "KEYS_ONLY", false: "INCLUDE"}[index.Include == nil]; x["projection_type"] != projection {
				t.Errorf("index %s projects %s, want %s", index.Name, x["projection_type"], projection)
			}
			got.Indexes = append(got.Indexes, index)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Terraform: %+v\nGo:        %+v", got, want)
		}
		if mode := tables[i]["billing_mode"]; mode != "PAY_PER_REQUEST" {
			t.Errorf("billed as %s", mode)
		}
	}
}

// What `terraform fmt -check` minds, as far as the file goes: two blanks for
// each level, and equals signs of neighbouring lines below each other.
func TestTerraformIsFormatted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/terraform/dynamodb.tf")
	if err != nil {
		t.Fatal(err)
	}
	depth, run := 0, map[int]bool{}
	ends := func(line int) {
		if len(run) > 1 {
			t.Errorf("the equals signs before line %d stand at %v", line, slices.Sorted(maps.Keys(run)))
		}
		clear(run)
	}
	for i, line := range strings.Split(string(text), "\n") {
		bare := strings.TrimLeft(line, " ")
		if strings.HasPrefix(bare, "}") || strings.HasPrefix(bare, "]") {
			depth--
		}
		if bare != "" && len(line)-len(bare) != 2*depth || strings.HasSuffix(line, " ") || strings.Contains(line, "\t") {
			t.Errorf("line %d is not indented by %d: %q", i+1, 2*depth, line)
		}
		opens := strings.HasSuffix(bare, "{") || strings.HasSuffix(bare, "[")
		if at := strings.Index(line, " = "); at < 0 || opens {
			ends(i + 1)
		} else {
			run[at] = true
		}
		if opens {
			depth++
		}
	}
	ends(0)
	if !strings.HasSuffix(string(text), "}\n") || strings.Contains(string(text), "\n\n\n") || depth != 0 {
		t.Error("blank lines or brackets are wrong")
	}
}
