// Package query is the language in which people say which messages they look for. A query becomes an
// IMAP SEARCH program, and is answered here where no server can: over POP3, and offline.
//
//	'unseen from:alice -subject:"out of office"'
//	        │ Parse
//	        ▼
//	      *Query ──Program──► UNSEEN FROM alice NOT SUBJECT "out of office"   (RFC 9051 §6.4.4)
//	        ├──────Match────► yes, no, or what is known does not tell: taken for yes
//	        └──────String───► the same query again
//
//	or   = and { "or" and }
//	and  = not { ["and"] not }
//	not  = ( "-" | "not" ) not | "(" or ")" | term
//	term = key | key ":" value | word           quoted: "…" with \" and \\; a quoted term is a word
//
// Keys have no case. What a word behind no key finds stands in the header or in the text of a message. Words
// that are keys are keys: who looks for the word puts it in quotes.
//
// Match reasons with three values: what a message's header, size and flags cannot tell is unknown, and a
// message is left out only where it is certain that it is none of those looked for. Unanswered names the
// keys for which that happens.
package query
