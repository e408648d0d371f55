// Package signin knows the admin token: who shows it is let in.
package signin
