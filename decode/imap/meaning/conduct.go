package meaning

import "github.com/mailtrace/mailtrace/decode"

// conduct judges how client and server behave: what they say in which state, in which order,
// with which capabilities.
type conduct struct{}

// see takes one event and puts findings on it.
func (c *conduct) see(e *seen) {}

// end gives the findings that only the end of the session brings.
func (c *conduct) end() []decode.Finding { return nil }
