// Package browser looks at the chat page as a person does, in a real Chromium.
//
// PARLEY_SCREENSHOTS names a directory that keeps the screenshots. Where no
// Chromium is found the tests are left out, unless PARLEY_REQUIRE_BROWSER is
// set.
package browser
