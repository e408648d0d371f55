//go:build race

package memorytest

// underRace makes what takes many requests shorter under the race detector.
const underRace = true
