// Package render reads the Markdown of a reply, once for every platform.
//
// [Parse] turns it into a small tree of blocks and spans, from which each
// platform, the chat page and the terminal write their own form. [Split] cuts
// the source itself into parts, which are stored, and parsed again when they
// are shown; so its cuts fall where each part reads well alone.
//
// What is read is GitHub's Markdown with a few differences, all in favour of
// what the model wrote being shown:
//   - Emphasis works beside Chinese, Japanese and Korean as its authors mean
//     it: **重要：**请 is bold (emphasis.go).
//   - HTML and entities are text. <br> in a table's cell is a line break.
//   - 2*3*4, snake_case and __init__ are text.
//   - Nothing is taken away: neither reference definitions nor the surplus
//     cells of a table's row.
//   - Links live only with http, https and mailto (link.go).
package render
