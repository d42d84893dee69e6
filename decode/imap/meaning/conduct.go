package meaning

import "github.com/mailtrace/mailtrace/decode"

// conduct judges how client and server behave: what they say in which state, in which order,
// with which capabilities.
type conduct struct{ tls bool }

func newConduct(o decode.Options) conduct { return conduct{tls: o.TLS} }

// secured says that from here on both directions came out of TLS.
func (c *conduct) secured() { c.tls = true }

// see takes one event and puts findings on it.
func (c *conduct) see(e *seen) {}

// end gives the findings that only the end of the session brings.
func (c *conduct) end() []decode.Finding { return nil }
