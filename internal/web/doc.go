// Package web is the way in over HTTP: routes, limits, request ids and error
// bodies. It is the only room that knows echo.
//
// A webhook's way:
//
//	headers ──► Precheck ──► body, read once and bounded ──► Receive (genuine? fresh?) ──► Gateway.Accept
//	                                                                                          │ durable
//	                   platform's answer, 202, or the reply (Prefer: wait, SSE)  ◄────────────┘
//
// Nothing is answered with success before Accept has returned, and nothing that
// Accept has taken is answered with an error: from then on a client that waits
// learns at worst that the reply is not there yet.
//
// # Open routes
//
// The webhooks are guarded by their signatures and tokens. /healthz and /readyz
// are open and say only alive and ready; their detail and /metrics want the
// admin token, or are asked for on a listener of their own, for operators. Pages
// and the API belong to the handler given as [Options.Admin], which guards itself.
package web
