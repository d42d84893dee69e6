// Package registry lists the protocols that mailtrace understands.
package registry

import (
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// All are the protocols, one line each.
var All = []decode.Protocol{
	imap.Protocol,
	pop3.Protocol,
}

// ByName finds a protocol, nil where there is none of that name.
func ByName(name string) *decode.Protocol {
	for i := range All {
		if All[i].Name == name {
			return &All[i]
		}
	}
	return nil
}
