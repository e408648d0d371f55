package slack

import (
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

// The action ids of the buttons under replies.
const (
	actionPrefix     = "parley_"
	actionStop       = actionPrefix + "stop"
	actionRegenerate = actionPrefix + "regenerate"
	actionFeedback   = actionPrefix + "feedback"
	actionApprove    = actionPrefix + "approve"
	actionDeny       = actionPrefix + "deny"
)

// buttons returns the blocks with what may be done about a reply. The signs on
// them are the same in every language.
// Source: https://docs.slack.dev/reference/block-kit/blocks/context-actions-block
func buttons(verbs []platforms.Verb) []slackgo.Block {
	var blocks []slackgo.Block
	if slices.Contains(verbs, platforms.VerbUp) || slices.Contains(verbs, platforms.VerbDown) {
		blocks = append(blocks, slackgo.NewContextActionsBlock("", slackgo.NewFeedbackButtonsBlockElement(actionFeedback,
			slackgo.NewFeedbackButton(label("👍"), string(platforms.VerbUp)).WithAccessibilityLabel("Good answer"),
			slackgo.NewFeedbackButton(label("👎"), string(platforms.VerbDown)).WithAccessibilityLabel("Bad answer"),
		)))
	}
	var plain []slackgo.BlockElement
	if slices.Contains(verbs, platforms.VerbStop) {
		plain = append(plain, button(actionStop, platforms.VerbStop, "⏹", "Stop"))
	}
	if slices.Contains(verbs, platforms.VerbRegenerate) {
		plain = append(plain, button(actionRegenerate, platforms.VerbRegenerate, "🔄", "Regenerate"))
	}
	if slices.Contains(verbs, platforms.VerbApprove) {
		plain = append(plain, button(actionApprove, platforms.VerbApprove, "✅", "Allow once"))
	}
	if slices.Contains(verbs, platforms.VerbDeny) {
		plain = append(plain, button(actionDeny, platforms.VerbDeny, "🚫", "Deny"))
	}
	if len(plain) > 0 {
		blocks = append(blocks, slackgo.NewActionBlock("", plain...))
	}
	return blocks
}

func button(action string, verb platforms.Verb, sign, spoken string) *slackgo.ButtonBlockElement {
	b := slackgo.NewButtonBlockElement(action, string(verb), label(sign))
	b.AccessibilityLabel = spoken
	return b
}

func label(sign string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, sign, true, false)
}

// press returns what a button under one of our replies asks for, nil when the
// button is another one.
func (p *interaction) press() *platforms.Press {
	for i := range p.Actions {
		verb, ours := p.Actions[i].verb()
		if ours {
			return &platforms.Press{Verb: verb, MessageID: p.messageTS()}
		}
	}
	return nil
}

func (act *action) verb() (verb platforms.Verb, ours bool) {
	name, ours := strings.CutPrefix(act.ActionID.String(), actionPrefix)
	if act.ActionID == actionFeedback {
		name = act.Value.String()
	}
	return platforms.Verb(name), ours
}
