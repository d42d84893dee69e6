// Package credentials finds the password of a mail account without a command line that
// shows it to everyone.
//
//	MAILTRACE_PASSWORD ─► --password-command ─► netrc ─► prompt on a terminal ─► error
//
// The first that is there decides; --password-command goes before the environment where
// it is given, since it was asked for by name. A prompt needs a terminal: without one the
// error names the other ways.
package credentials
