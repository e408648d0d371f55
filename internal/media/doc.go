// Package media makes of files that people send what a model can be given:
// pictures that are small and hold nothing but pixels, and texts in UTF-8. What
// a file says of itself is never believed before it is bounded.
package media
