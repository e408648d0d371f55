// Package setup brings a platform or a model to life from a terminal: it has the
// app created by the platform's own flow, tries each secret at once, and keeps
// what it was told in <data_dir>/secrets, where the configuration finds it.
package setup
