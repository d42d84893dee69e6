package client

import (
	"encoding/base64"
	"strings"
)

// shortest is the shortest secret that is looked for in a server's words: shorter ones are everywhere.
const shortest = 4

// guard notes a secret, so that no error shows it where a server repeats it.
func (c *conn) guard(secret string) {
	if len(secret) < shortest {
		return
	}
	b := []byte(secret)
	c.secrets = append(c.secrets, secret, strings.TrimRight(base64.StdEncoding.EncodeToString(b), "="))
}

// mask fills what a server repeats of a secret: its words end in errors, which end in logs.
func (c *conn) mask(text string) string {
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, strings.Repeat("x", len(s)))
	}
	return text
}
