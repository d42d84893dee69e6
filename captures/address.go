package captures

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Synthetic addresses: documentation ranges (RFC 5737) and, for very long captures, the
// range for benchmarks (RFC 2544), so that nobody's address is ever claimed.
const (
	firstClients   = 192<<24 | 0<<16 | 2<<8 // 192.0.2.0/24
	moreClients    = 198<<24 | 18<<16       // 198.18.0.0/15
	serverAddress  = 198<<24 | 51<<16 | 100<<8 | 1
	firstPort      = 1 << 15
	portsAnAddress = 1 << 15
	firstAddresses = 254 // .1 to .254
	moreAddresses  = 1<<17 - 2
	// unknownPort is the server's port while no protocol is known: tcpmux, which no
	// dissector claims.
	unknownPort = 1
)

// endpoint is the client's side of one synthetic stream. It is unique in a capture, so
// that it alone names the stream.
type endpoint struct {
	address uint32
	port    uint16
}

// clientEndpoint gives the n-th stream's endpoint: first all ports of 192.0.2.1, then
// those of the next address. They come again after 4.3 thousand million streams.
func clientEndpoint(n uint64) endpoint {
	at := n / portsAnAddress % (firstAddresses + moreAddresses)
	e := endpoint{port: uint16(firstPort + n%portsAnAddress)}
	if at < firstAddresses {
		e.address = firstClients + 1 + uint32(at)
	} else {
		e.address = moreClients + 1 + uint32(at-firstAddresses)
	}
	return e
}

func (e endpoint) String() string {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], e.address)
	return netip.AddrPortFrom(netip.AddrFrom4(a), e.port).String()
}

func parseEndpoint(s string) (endpoint, error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil || !a.Addr().Is4() {
		return endpoint{}, fmt.Errorf("expected an IPv4 address and port, got %q", s)
	}
	four := a.Addr().As4()
	return endpoint{binary.BigEndian.Uint32(four[:]), a.Port()}, nil
}
