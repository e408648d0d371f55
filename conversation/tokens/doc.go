// Package tokens counts the tokens of messages by user key and time, in the table
// token_ledger. Clearing or deleting a conversation gives nothing back. It is a
// statistic: budgets are checked against what models report, see gateway/usage.
package tokens
