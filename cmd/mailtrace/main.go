// Command mailtrace watches POP3 and IMAP sessions: it stands between a mail client and
// its server, forwards every octet untouched, and tells what both of them say.
//
//	argv ──► arrange (flags before positionals) ──► cli ──► one file per subcommand
//	                                                             │
//	            stdout ◄── results                               ├──► proxy, captures, replay
//	            stderr ◄── ui: mailtrace: …, error:, hint:  ◄────┘
//
// What a subcommand does lies in the packages that it wires together; here are flags,
// sinks and words. The rules of the terminal stand in ui.go, those of the arguments in
// argv.go.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdout, os.Stderr))
}
