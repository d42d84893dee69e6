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

// ByPort finds the protocol of a well-known port, and whether it begins with TLS.
func ByPort(port int) (p *decode.Protocol, tls bool) {
	for i := range All {
		if All[i].Port == port || All[i].TLSPort == port {
			return &All[i], All[i].TLSPort == port
		}
	}
	return nil, false
}
