package mailserver

import (
	"embed"
	"io/fs"
)

//go:embed scripts
var scriptFiles embed.FS

// Scripts holds the sessions that "mailtrace demo" plays, pop3.script and imap.script. Both
// log in as ${user} with ${password}. The IMAP one waits in IDLE for a message: see
// Server.OnIdle and LateMessage.
func Scripts() fs.FS {
	sub, err := fs.Sub(scriptFiles, "scripts")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	return sub
}
