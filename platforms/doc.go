// Package platforms says what a chat platform is to Parley: it turns verified
// webhooks into [Event] values and shows the parts of a reply. One vendor
// lives in each sub-package and its types stop there.
//
// An adapter keeps no state that matters: everything it needs to answer later
// is in the event's [Address], which is stored with the event.
package platforms
