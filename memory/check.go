package memory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Check returns nil for a change that can be stored, as far as the change
// alone can tell, and else why it is refused.
func Check(c Change) error {
	switch c := c.(type) {
	case SetPreference:
		return errors.Join(c.Person.check(), checkPreference(c.Key, c.Value))
	case DeletePreference:
		return c.Person.check()
	case Seen:
		return errors.Join(c.Person.check(), checkName(c.Name))
	case Remember:
		return errors.Join(c.Place.check(), c.Author.check(), checkFact(c.Key, c.Value))
	case Forget:
		return c.Place.check()
	case AddScore:
		return errors.Join(c.Place.check(), c.Person.check(), checkName(c.Name), c.checkBoard())
	case CountCommand:
		return checkCommand(c)
	case ForgetPerson:
		return c.Person.check()
	}
	return fmt.Errorf("%T is no change", c)
}

func checkName(name string) error {
	if len(name) > maxIDBytes || !storable(name) {
		return invalid("invalid_person", "this sender's display name cannot be stored")
	}
	return nil
}

func checkFact(key, value string) error {
	switch {
	case strings.TrimSpace(key) == "" || value == "":
		return invalid("invalid_fact", "a fact needs a key and a value")
	case len(key) > MaxFactKeyBytes:
		return invalid("fact_key_too_long", fmt.Sprintf("the key is longer than %d bytes", MaxFactKeyBytes))
	case len(value) > MaxFactValueBytes:
		return invalid("fact_value_too_long", fmt.Sprintf("the value is longer than %d bytes", MaxFactValueBytes))
	case !storable(key) || !storable(value):
		return invalid("invalid_fact", "key and value must be text without NUL characters")
	}
	return nil
}

func (c AddScore) checkBoard() error {
	switch {
	case !slices.Contains([]Board{Kudos, Messages, Tokens}, c.Board):
		return invalid("unknown_board", "there is no such board")
	case len(c.Reason) > MaxReasonBytes:
		return invalid("reason_too_long", fmt.Sprintf("the reason is longer than %d bytes", MaxReasonBytes))
	case !storable(c.Reason):
		return invalid("invalid_reason", "the reason must be text without NUL characters")
	case c.Reason != "":
		return c.By.check()
	}
	return nil
}

func checkCommand(c CountCommand) error {
	if c.Name == "" || len(c.Name) > maxPlatformBytes || !storable(c.Name) || len(c.Realm.Tenant) > maxIDBytes {
		return invalid("invalid_command", "this command's name cannot be stored")
	}
	return nil
}
