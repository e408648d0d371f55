// Package admin is what a person with the admin token sees: the chat page, its
// session cookie, and the JSON API. It is a plain net/http handler; the web
// room puts it behind its limits and request ids.
//
// # Who may do what
//
//   - /static/ and /login are open: the login page needs them.
//   - The chat page, /chat/, /api/v1/ and /admin/ want the admin token or a
//     session cookie made with it, wherever the request comes from.
//   - A request that changes something and comes from another site's page is
//     refused (net/http's cross-origin protection), unless it carries the token
//     itself, which no other site's page has.
//
// The session is a signed expiry date, so nothing is stored: a new admin token
// ends every session, and signing out forgets the cookie in that browser.
package admin
