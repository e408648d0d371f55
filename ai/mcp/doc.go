// Package mcp lets models use the tools of other servers, by the Model Context
// Protocol: programs that are started and spoken to over their standard input and
// output, and servers over streamable HTTP. The types of its SDK stop here.
//
// A server gets nothing but calls. It is told of no folders, no model answers it and
// no person is asked for it; what it says of itself for prompts (instructions), and
// what it says of the harm that its tools do (annotations), is not read. What it says
// of each tool is pinned, see package pins. All that it sends is bounded.
//
// Each server has one goroutine, which connects, looks at the tools whenever they
// may have changed, and connects again, later each time, when the server has ended.
package mcp
