package upgrade_test

import (
	"cmp"
	"strings"
)

// place is where something is said: platform/chat/thread.
type place string

// The places of the story. A chat of one person alone is named after it.
const (
	home    place = "generic//"
	team    place = "generic/team/"
	topic   place = "generic/team/t1"
	dm      place = "slack/D00000001/"
	channel place = "slack/C00000001/1690000000.000100"
)

// line is one thing that somebody says somewhere.
type line struct {
	place
	sender, text string
}

func (l line) platform() string { return strings.Split(string(l.place), "/")[0] }

func (l line) chat() string { return cmp.Or(strings.Split(string(l.place), "/")[1], l.sender) }

func (l line) thread() string { return strings.Split(string(l.place), "/")[2] }

func (l line) chatType() string {
	if l.place == home || l.place == dm {
		return "private"
	}
	return "group"
}

// in returns the line as it is said in a scope.
func (l line) in(scope string) line {
	l.text = strings.ReplaceAll(l.text, "SCOPE", scope)
	return l
}

// history names the conversation that the line belongs to in a scope. Without a
// thread, the scopes thread and chat have the same ones.
func (l line) history(scope string) string {
	person := l.platform() + ":" + l.chatType() + ":" + l.sender
	switch {
	case scope == "room" && l.chatType() == "group":
		return "* " + l.chat() + " " + l.thread()
	case scope == "sender":
		return person
	case scope == "chat":
		return person + " " + l.chat() + " "
	}
	return person + " " + l.chat() + " " + l.thread()
}

// scopes are all that history can be shared by; each has its own conversations.
func scopes() []string { return []string{"thread", "chat", "sender", "room"} }

// story is what people say to the version before, in every scope. SCOPE stands
// for the scope's name, so that a history shows where it comes from.
func story() []line {
	return []line{
		{home, "alice", "hello from home in SCOPE"},
		{home, "alice", "and once more"},
		{team, "alice", "hello from the team in SCOPE"},
		{team, "bob", "me too, in SCOPE"},
		{topic, "alice", "about t1 in SCOPE"},
		{dm, "U1", "hello from Slack in SCOPE"},
		{channel, "U1", "hello from a channel in SCOPE"},
		{channel, "U2", "hello again in SCOPE"},
		{home, "alice", "/save city Paris-SCOPE"},
		{home, "alice", "/save timezone Europe/Paris"},
		{dm, "U1", "/save city Rome-SCOPE"},
		{team, "alice", "/remember wifi SCOPE is the password is tea"},
		{home, "alice", "/remember door SCOPE is 1234"},
		{channel, "U1", "/remember 会议室 SCOPE is 三楼左边"},
		{team, "alice", "/kudos @bob for the coffee in SCOPE"},
		{team, "bob", "/kudos @alice"},
		{channel, "U1", "/kudos <@U2> for help in SCOPE"},
		{home, "alice", "/model gpt-4o"},
		{topic, "alice", "/persona pirate"},
	}
}

// questions are what is asked of both versions afterwards, in every scope.
// Every one changes what the next one finds, on both sides alike.
func questions() []line {
	return []line{
		{home, "alice", "/tokens"},
		{team, "bob", "/tokens"},
		{topic, "alice", "/export"},
		{home, "alice", "/history 100"},
		{team, "alice", "/history 100"},
		{team, "bob", "/history 100"},
		{dm, "U1", "/history 100"},
		{channel, "U1", "/history 100"},
		{channel, "U2", "/history 100"},
		{home, "alice", "/load city"},
		{home, "alice", "/load timezone"},
		{team, "alice", "/load city"},
		{home, "bob", "/load city"},
		{dm, "U1", "/load city"},
		{channel, "U2", "/load city"},
		{team, "bob", "/remember wifi SCOPE"},
		{home, "alice", "/remember door SCOPE"},
		{team, "alice", "/remember search tea"},
		{channel, "U2", "/remember search 三楼"},
		{home, "bob", "/remember door SCOPE"},
		{team, "bob", "/kudos"},
		{channel, "U2", "/kudos"},
		{team, "alice", "/kudos @bob"},
		{team, "alice", "/leaderboard"},
		{team, "alice", "/leaderboard messages"},
		{team, "alice", "/leaderboard tokens all"},
		{team, "alice", "/leaderboard kudos week"},
		{channel, "U1", "/leaderboard"},
		{home, "alice", "/model"},
		{topic, "alice", "/persona"},
		{team, "alice", "/model"},
		{home, "alice", "/stats"},
		{dm, "U1", "/stats"},
		{home, "alice", "/stats commands"},
		{home, "alice", "what did I say?"},
		{team, "bob", "what did we say?"},
		{topic, "alice", "what did I say in t1?"},
		{channel, "U2", "what did we say on Slack?"},
		{home, "alice", "/forget door SCOPE"},
		{home, "alice", "/remember door SCOPE"},
		{home, "alice", "/nonsense"},
		{home, "alice", "/reset"},
		{home, "alice", "/history"},
		{channel, "U2", "/forget-me"},
	}
}

// once names a question whose answer the other version stores in other words:
// of each conversation one is asked, so that those words are in no other answer.
func (l line) once(scope string) string {
	switch l.text {
	case "/history 100", "/export":
		return "words of " + l.history(scope)
	case "/tokens":
		return l.text + l.history(scope)
	}
	return ""
}

// commands are what an admin asks of both versions once the servers are stopped.
func commands() []string {
	return []string{
		"conversations list --json", "conversations list", "stats --json", "stats",
		"events list --json --limit 500", "events list --status dead", "events list --status ignored",
		"conversations export 2", "conversations export 4", "conversations export 6", "conversations show 3", "conversations show 7",
	}
}

// pages are what an admin asks of the API.
func pages() []string {
	return []string{"/api/v1/stats", "/api/v1/usage?days=2", "/api/v1/conversations?limit=200", "/api/v1/conversations?platform=slack", "/api/v1/events?limit=200"}
}
