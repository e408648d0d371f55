// Package budget bounds how many tokens people and chats use in a day or a month.
// It owns the tables budgets and budget_holds.
//
// Before each call of a model as many tokens are reserved as it can take at most:
// its prompt, and the longest answer that it is asked for. One conditional UPDATE
// both checks and reserves, so that however many calls are made at once, on however
// many replicas, no more of them begin than there is room for. Afterwards the call
// is settled to what the provider has reported. What is not settled because its
// process died counts as used once it has expired.
package budget
