package sentences

// englishTexts are the sentences in English; people and programs rely on those of
// commands word by word.
func englishTexts() Catalogue {
	return Catalogue{ //nolint:gosec // G101: "tokens" are no secrets here
		"usage":         "Usage: %s%s %s",
		"unknown":       "Unknown command: %[1]s%[2]s. Send %[1]shelp to see available commands.",
		"unknown.near":  "Did you mean %s%s?",
		"where.private": "%s%s works in a private chat only.",
		"where.group":   "%s%s works in a group only.",
		"who":           "You are not allowed to use %s%s.",
		"not.saved":     "Not saved: %s.",
		"available":     "Available: %s. Send %s%s default to go back to the configured one.",

		"refused.too_many_facts":            "there are already %d facts",
		"refused.too_many_preferences":      "there are already %d preferences",
		"refused.preference_key_too_long":   "the key is longer than %d bytes",
		"refused.preference_value_too_long": "the value is longer than %d KiB",
		"refused.invalid_preference":        "key and value must be text without NUL characters",
		"refused.fact_key_too_long":         "the key is longer than %d bytes",
		"refused.fact_value_too_long":       "the value is longer than %d bytes",
		"refused.invalid_fact":              "key and value must be text without NUL characters",
		"refused.reason_too_long":           "the reason is longer than %d bytes",
		"refused.invalid_reason":            "the reason must be text without NUL characters",
		"refused.invalid_person":            "this sender's display name cannot be stored",

		"help.help":  "Show this list",
		"help.title": "Available commands:",

		"save.help":  "Save a preference",
		"save.done":  "Saved preference '%s' with value '%s'",
		"load.help":  "Show a preference",
		"load.found": "Preference '%s': %s",
		"load.none":  "No preference found with key '%s'",

		"remember.help":         "Remember a fact; without a value show it; with search TEXT look for some",
		"remember.done":         "I will remember that %s is %s",
		"remember.already":      "I already remember that %[1]s is %[2]s. Send %[3]sforget %[1]s first.",
		"remember.fact":         "%s is %s",
		"remember.none":         "I remember nothing about '%s'",
		"remember.nothing.like": "I remember nothing like '%s'",
		"remember.more":         "and %d more",
		"forget.help":           "Forget a fact",
		"forget.done":           "Forgot '%s'",
		"forget.others":         "'%s' came from somebody else; only an administrator can make me forget it",

		"kudos.help":         "Thank somebody; without a name show your own kudos",
		"kudos.done":         "@%s now has %d kudos",
		"kudos.self":         "You cannot give kudos to yourself",
		"kudos.own":          "You have %d kudos",
		"leaderboard.help":   "Show who leads in this chat",
		"leaderboard.nobody": "Nobody is on the board yet",

		"history.help":  "Show the last n messages of this conversation (10 by default)",
		"history.title": "Last %d messages:",
		"history.kept":  "Showed %d messages",
		"history.none":  "No messages in history.",
		"history.you":   "You: ",
		"history.bot":   "Bot: ",

		"stats.help":     "Show how much the bot is used, or how often each command",
		"stats.bot":      "Bot Statistics:\nTotal Conversations: %d\nTotal Messages: %d\nTotal Users: %d",
		"stats.commands": "Command Statistics:",
		"stats.unused":   "No command was used yet.",

		"tokens.help":      "Show how many tokens were used",
		"tokens.used":      "Tokens used by you: %d",
		"tokens.here":      "Tokens used in this conversation: %d",
		"tokens.left.chat": "Remaining budget of this chat: %d of %d tokens. Resets on %s.",
		"tokens.left":      "Remaining budget: %d of %d tokens. Resets on %s.",

		"model.help":  "Show or set the model of this conversation",
		"model.now":   "This conversation uses the model %s.",
		"model.set":   "This conversation now uses the model %s.",
		"model.unset": "This conversation now uses the configured model.",
		"model.wrong": "There is no model '%s' to choose.",
		"model.none":  "There is no other model to choose.",

		"persona.help":  "Show or set the persona of this conversation",
		"persona.now":   "This conversation uses the persona %s.",
		"persona.set":   "This conversation now uses the persona %s.",
		"persona.unset": "This conversation now uses no persona of its own.",
		"persona.wrong": "There is no persona '%s'.",
		"persona.none":  "No personas are configured.",

		"export.help": "Show this conversation as JSON",
		"export.none": "There is nothing to export yet.",
		"export.kept": "Exported %d messages",
		"export.long": "This conversation of %d messages is longer than the %d KiB that I can show here. Its administrator can export all of it: parley conversations export %d",

		"reset.help": "Clear this conversation",
		"reset.done": "Conversation cleared",

		"forget-me.help":  "Erase everything that is kept about you",
		"forget-me.ask":   "This would erase everything that is kept about you, in every chat: %d conversations with %d messages, %d preferences, %d facts of your private chat, your points on %d boards, your name, and what the log of events holds of you. Send %sforget-me yes within ten minutes to do it.",
		"forget-me.first": "Send %sforget-me first: it says what would be erased.",
		"forget-me.done":  "Everything that was kept about you is erased.",

		"echo.said": "You said: %s",
		"echo.hint": "This is the offline echo model: to talk to a real one, set OPENAI_API_KEY, or ai.base_url and ai.model in config.yaml, and check it with `parley doctor`.",

		"ai.off":         "I only understand commands here. Send %shelp to see them.",
		"ai.budget.chat": "The token budget of %d of this chat is used up. It starts again on %s.",
		"ai.nothing":     "Send me a question, or %shelp to see what I can do.",
		"ai.budget":      "Your token budget of %d is used up. It starts again on %s.",

		"cut.reply":  "(This reply is too long to be shown in full; the rest is left out.)",
		"cut.model":  "(The model stopped here: its answer has reached the longest that it may have.)",
		"cut.oldest": "(Older messages are left out: the answer would be too long.)",

		"sorry.declined": "Sorry, I can't answer that: the AI service declined the request. Please try to put it differently.",
		"sorry.long":     "Sorry, that is too long for me. Please send a shorter message or start a new conversation.",
		"sorry.empty":    "Sorry, I could not come up with an answer. Please try to put it differently.",
		"sorry.busy":     "Sorry, the AI service is overloaded or out of reach right now. Please try again in a few minutes.",
		"sorry.setup":    "Sorry, I can't answer at the moment because of how I am set up. Please tell whoever runs this bot.",
		"sorry.internal": "Sorry, something went wrong on my side. Please try again later.",

		"status.failed":      "This attempt failed; it will be retried.",
		"status.discarded":   "An administrator discarded this message.",
		"status.undelivered": "The reply could not be delivered.",
		"status.dead":        "No reply could be generated. Ask your administrator for details.",
		"status.ignored":     "This message gets no reply.",
		"status.waiting":     "The reply is not there yet. It is still being made.",
	}
}
