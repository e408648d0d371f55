package platforms

import "cmp"

// Mention is somebody else than the bot whom a message names.
type Mention struct {
	ID   string `json:"id"`             // the sender id
	Name string `json:"name,omitempty"` // for display
	Text string `json:"text,omitempty"` // as it stands in the event's text; "" = @ and the name
}

// Shown returns what stands in the event's text.
func (m Mention) Shown() string { return cmp.Or(m.Text, "@"+cmp.Or(m.Name, m.ID)) }

// MetaMentions is the key under which a message's metadata holds the mentions,
// and under which programs, and what earlier versions have stored, tell of them.
const MetaMentions = "mentions"

// MentionsIn reads the mentions from metadata and leaves out what is none.
func MentionsIn(metadata map[string]any) []Mention {
	all, _ := metadata[MetaMentions].([]any)
	var list []Mention
	for _, one := range all {
		fields, _ := one.(map[string]any)
		var m Mention
		if m.ID, _ = fields["id"].(string); m.ID == "" {
			continue
		}
		m.Name, _ = fields["name"].(string)
		m.Text, _ = fields["text"].(string)
		list = append(list, m)
	}
	return list
}
