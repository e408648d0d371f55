// Package pins keeps what tools of other servers say of themselves. Name,
// description and input schema of a tool stand in every prompt, so whoever changes
// them speaks to the model: all that a server has when it is first seen is pinned,
// and what changes or comes later is off until an administrator approves it.
package pins
