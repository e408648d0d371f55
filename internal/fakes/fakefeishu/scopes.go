package fakefeishu

import (
	"net/http"
	"slices"
	"strings"
)

const codeNoScope = 99991672

// WithoutScope takes a scope from the app for good.
func (s *Server) WithoutScope(scope string) {
	s.base.Update(func() {
		if s.without == nil {
			s.without = map[string]bool{}
		}
		s.without[scope] = true
	})
}

// scopesOf returns the scopes of which a call needs one, none for what everybody may.
// https://open.feishu.cn/document/server-docs/im-v1/message/delete
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/create
func scopesOf(r Route) []string {
	switch r {
	case Create, Reply, Delete:
		return []string{"im:message", "im:message:send_as_bot"}
	case Patch, Whisper, Get, List, Resources:
		return []string{"im:message"}
	case Files:
		return []string{"im:resource"}
	case Chat:
		return []string{"im:chat:readonly"}
	case React, Unreact:
		return []string{"im:message", "im:message.reactions:write_only"}
	case Reactions:
		return []string{"im:message", "im:message.reactions:read"}
	case CardCreate, CardUpdate, CardSettings, CardContent, CardConvert:
		return []string{"cardkit:card:write"}
	default:
		return nil
	}
}

// lacks reports whether the app has none of the scopes of which a call needs one.
func (s *Server) lacks(r Route) bool {
	scopes := scopesOf(r)
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(scope string) bool { return !s.without[scope] })
}

// noScope refuses a call as Feishu does.
// https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
func noScope(r Route) (int, answer) {
	return http.StatusBadRequest, answer{
		Code: codeNoScope, Msg: "Access denied. One of the following scopes is required: [" + strings.Join(scopesOf(r), ", ") + "].",
	}
}
