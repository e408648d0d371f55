// Package admin is what a person with the admin token sees: the chat page, its
// session cookie, and the JSON API. It is a plain net/http handler; the web
// room puts it behind its limits and request ids.
//
// # Who may do what
//
//   - /static/, /login and /logout are open: the sign-in page needs them.
//   - /, /chat/, /api/v1/ and /admin/ want the admin token or the cookie of a
//     session, wherever the request comes from; / is the sign-in page without.
//   - A request that changes something and comes from another site's page is
//     refused (net/http's cross-origin protection), unless it carries the token
//     itself, which no other site's page has.
//
// Sessions and sign-in links are internal/signin's.
package admin
