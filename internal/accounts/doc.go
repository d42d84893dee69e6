// Package accounts reads the file that gives names to mail accounts: where the servers are and how to
// log in, without a secret in it.
//
//	accounts.toml ─► Load ─► Config ─► Account("work") ─► URL, user, where the password comes from
//
// The file is TOML, a table an account. Whatever is wrong in it is told with line and column, an
// unknown key too: a slip of the finger in allow-cleartext or tls-ca must not go by in silence. A
// password, a token or a client secret in it is refused; that is why its mode is of no concern.
package accounts
