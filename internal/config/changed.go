package config

import (
	"fmt"
	"reflect"
)

// Changed returns what is configured and meant something else to the version
// before, each as one sentence; docs/upgrade.md says more. What may not mean
// that at all any more is a fault instead.
func (c *Config) Changed() []string {
	fresh := Default()
	fresh.strangers = c.strangers
	if reflect.DeepEqual(c, fresh) {
		return nil // nothing was ever meant
	}
	var list []string
	note := func(format string, args ...any) {
		list = append(list, fmt.Sprintf(format, args...)+"; see docs/upgrade.md")
	}
	for i, s := range c.Platforms.Generic.Sources {
		if c.Platforms.Generic.Enabled != Off && s.Secret == "" && s.Token == "" {
			note("%s[%d] (%s) has neither secret nor token: unsigned requests from this machine are no longer accepted", sourcesKey, i, s.Name)
		}
	}
	if c.AI.Budget.TokensPerUser > 0 {
		note("ai.budget.tokens_per_user now counts all chats of a person on a platform and tenant together; before, it counted each user key")
	}
	if c.AI.Timeout != fresh.AI.Timeout {
		note("ai.timeout now limits how long a model may be silent; before, it limited a whole reply, which may now take 15m")
	}
	if c.Server.OperationsListen == "" {
		note("/metrics and the detail of /readyz now need the admin token, or server.operations_listen; before, they were open")
	}
	return list
}
