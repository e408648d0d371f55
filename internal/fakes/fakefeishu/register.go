package fakefeishu

import (
	"encoding/json"
	"net/http"
)

// registrationRoutes add those by which an app is made from a terminal: it asks
// for an address, a person opens that, and it asks until that was done.
// Source: scene/registration of the SDK.
func (s *Server) registrationRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /oauth/v1/app/registration", func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{"error": "authorization_pending"}
		switch confirmed, appID, secret := s.registration(); {
		case r.FormValue("action") == "begin":
			answer = map[string]any{
				"device_code": "device", "user_code": "ABCD-EFGH", "verification_uri_complete": s.URL() + "/page/launcher?user_code=ABCD-EFGH",
				"interval": 1, "expire_in": 600,
			}
		case confirmed:
			answer = map[string]any{"client_id": appID, "client_secret": secret, "user_info": map[string]any{"open_id": "ou_admin", "tenant_brand": "feishu"}}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.HandleFunc("GET /page/launcher", func(http.ResponseWriter, *http.Request) {
		s.base.Update(func() { s.confirmed = true })
	})
}

// registration returns whether a person has confirmed the app, and the app.
func (s *Server) registration() (confirmed bool, appID, secret string) {
	s.base.Lock()
	defer s.base.Unlock()
	return s.confirmed, s.appID, s.secret
}
