// Package soak runs the built program beside people who want it no good: floods
// of unsigned and forged webhooks with large bodies, connections that say
// nothing or say it slowly, downloads that nobody reads, commands on the worst
// data there can be, answers of 4 MB, imports of tiny messages and of large
// metadata, all at once. Friendly traffic goes on beside them, and must not
// notice: it is acknowledged in time and every message is answered once. Memory
// must stay where it is.
//
// Without more it is a short test among others. PARLEY_SOAK says for how long
// it is to go on with the machine for itself, and then the figures count: 15s
// in .ci/run, 10m in make soak, whose figures stand in docs/benchmarks.md.
package soak
