// Package filter chooses events by an expression over the fields of the JSON contract.
//
//	name == "FETCH" && latency > 200ms
//	  │
//	  ▼ lexer: 200ms, 10KB become what the language has (quoted strings stay as they are)
//	name == "FETCH" && latency > duration("200ms")
//	  │
//	  ▼ github.com/expr-lang/expr, over a struct: what does not exist or has another type
//	program                           does not compile, and the error points at it
//
// An event may have several findings, and a completion result is known by its status and by
// its command's name. The expression is tried with each: an event is chosen if it holds for
// one of them.
package filter
