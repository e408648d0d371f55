package fakefeishu

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// The routes that read messages.
const (
	Get  Route = "get"
	List Route = "list" // of a topic
	Chat Route = "chat" // what kind of chat one is
)

const codeNoList = 230027

// Say makes a message that can be read, and behind it those that it forwards.
func (s *Server) Say(m Message, forwards ...Message) {
	items := []any{readable(m, "")}
	for _, f := range forwards {
		items = append(items, readable(f, m.complete().MessageID))
	}
	s.base.Update(func() { s.said[m.complete().MessageID] = items })
}

// readable is a message as the API tells it.
func readable(m Message, upper string) map[string]any {
	m = m.complete()
	one := map[string]any{
		"message_id": m.MessageID, "msg_type": m.Type, "chat_id": m.ChatID, "create_time": millis(m.At), "deleted": false,
		"sender": map[string]string{"id": m.Sender, "id_type": "open_id", "sender_type": m.SenderType, "sender_name": m.SenderName},
		"body":   map[string]string{"content": m.Content},
	}
	if m.ThreadID != "" {
		one["thread_id"] = m.ThreadID
	}
	if upper != "" {
		one["upper_message_id"] = upper
	}
	var named []any
	for _, x := range m.Mentions {
		named = append(named, map[string]string{"key": x.Key, "id": x.OpenID, "id_type": "open_id", "name": x.Name})
	}
	one["mentions"] = named
	return one
}

// get reads a message.
// https://open.feishu.cn/document/server-docs/im-v1/message/get
func (s *Server) get(r *http.Request, _ []byte) (int, answer) {
	items, known := s.said[r.PathValue("id")]
	if !known || s.recalled[r.PathValue("id")] {
		return http.StatusBadRequest, answer{Code: codeRecalled, Msg: "The message was withdrawn."}
	}
	return http.StatusOK, answer{Msg: "success", Data: map[string]any{"items": items}}
}

// list reads a topic, the newest message first, where the app may read all that is
// written in groups.
// https://open.feishu.cn/document/server-docs/im-v1/message/list
func (s *Server) list(r *http.Request, _ []byte) (int, answer) {
	query := r.URL.Query()
	size, err := strconv.Atoi(query.Get("page_size"))
	switch {
	case query.Get("container_id_type") != "thread" || query.Get("container_id") == "" || query.Get("start_time") != "":
		return badParam("container_id")
	case err != nil || size < 1 || size > 50 || query.Get("sort_type") != "ByCreateTimeDesc":
		return badParam("page_size")
	case s.without["im:message.group_msg"]:
		return http.StatusBadRequest, answer{Code: codeNoList, Msg: "Lack of necessary permissions."}
	}
	items := []map[string]any{}
	for id, said := range s.said {
		one, ok := said[0].(map[string]any)
		if ok && one["thread_id"] == query.Get("container_id") && !s.recalled[id] {
			items = append(items, one)
		}
	}
	slices.SortFunc(items, func(a, b map[string]any) int {
		return cmp.Compare(fmt.Sprint(b["create_time"]), fmt.Sprint(a["create_time"]))
	})
	return http.StatusOK, answer{Msg: "success", Data: map[string]any{"items": items[:min(len(items), size)], "has_more": len(items) > size}}
}

// chat tells of what form a group is.
// https://open.feishu.cn/document/server-docs/group/chat/get-2
func (s *Server) chat(r *http.Request, _ []byte) (int, answer) {
	form := map[bool]string{true: "thread", false: "chat"}[s.topics[r.PathValue("id")]]
	return http.StatusOK, answer{Msg: "success", Data: map[string]string{"chat_mode": "group", "group_message_type": form}}
}
