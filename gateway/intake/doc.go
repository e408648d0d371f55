// Package intake is the door for everything that platforms deliver, over
// whatever they deliver it: it turns away what cannot be stored in time, has
// the rest stored, says what a failure means to the sender, and counts and logs
// the outcome. Once [Door.Take] has returned without an error its events are
// durable, and the platform may be told so.
package intake
