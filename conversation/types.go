package conversation

import (
	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/conversation/message"
)

type (
	// Key names a conversation.
	Key = message.Key
	// Conversation is one without its messages.
	Conversation = message.Conversation
	// Message is one message, whose ID counts up within its conversation.
	Message = message.Message
	// Role says who speaks in a message.
	Role = message.Role
	// Passage is what a model is told with a message.
	Passage = message.Passage
	// File is what is kept of a file that came with a message.
	File = message.File
	// ToolCall is a tool that the model asked to be used.
	ToolCall = message.ToolCall
	// Archive is a conversation with all its messages, the form of export files.
	Archive = archive.Archive
	// Progress is told now and then how much of some work is done.
	Progress = archive.Progress
)

// The roles.
const (
	RoleUser      = message.RoleUser
	RoleAssistant = message.RoleAssistant
	RoleSystem    = message.RoleSystem
	RoleTool      = message.RoleTool
)
