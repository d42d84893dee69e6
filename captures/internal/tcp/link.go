package tcp

import (
	"encoding/binary"
	"strconv"
)

// Link is the type of a link, as pcap and pcapng files count them (the LINKTYPE_ values of
// draft-ietf-opsawg-pcaplinktype).
type Link uint16

// Link types that can be read.
const (
	linkNull     Link = 0
	linkEthernet Link = 1
	linkRawBSD   Link = 12 // LINKTYPE_RAW as some systems wrote it
	linkRawOpen  Link = 14
	linkRaw      Link = 101
	linkLoop     Link = 108
	linkCooked   Link = 113
	linkIPv4     Link = 228
	linkIPv6     Link = 229
	linkCooked2  Link = 276
)

var linkNames = map[Link]string{
	linkNull: "BSD loopback", linkEthernet: "Ethernet", linkRaw: "raw IP", linkLoop: "OpenBSD loopback",
	linkCooked: "Linux cooked", linkIPv4: "raw IPv4", linkIPv6: "raw IPv6", linkCooked2: "Linux cooked v2",
	9: "PPP", 105: "802.11", 119: "802.11 with Prism header", 127: "802.11 with radiotap", 147: "private use",
	189: "USB", 195: "802.15.4", 201: "Bluetooth", 220: "USB", 249: "USB", 252: "Wireshark upper PDU", 253: "netlink",
}

// String names the link type where it is a common one.
func (l Link) String() string {
	if name := linkNames[l]; name != "" {
		return strconv.Itoa(int(l)) + " (" + name + ")"
	}
	return strconv.Itoa(int(l))
}

// Known tells whether what a link of this type carries can be read.
func (l Link) Known() bool {
	switch l {
	case linkNull, linkEthernet, linkRawBSD, linkRawOpen, linkRaw, linkLoop, linkCooked, linkIPv4, linkIPv6, linkCooked2:
		return true
	}
	return false
}

// Types of what Ethernet carries.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // IEEE 802.1Q
	etherQinQ = 0x88a8 // IEEE 802.1ad
	etherOld  = 0x9100 // QinQ before there was a standard
)

// datagram gives where the IP datagram begins that a record carries, -1 where it carries
// none.
func datagram(l Link, p []byte) int {
	switch l {
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return 0
	case linkNull, linkLoop:
		// An address family, in the byte order of whoever captured. It is 2 for IPv4 and
		// differs from system to system for IPv6; the datagram itself tells which it is.
		if len(p) < 4 || p[0]|p[3] == 0 || p[1]|p[2] != 0 {
			return -1
		}
		return 4
	case linkEthernet:
		return tagged(p, 12, 14)
	case linkCooked:
		return tagged(p, 14, 16)
	case linkCooked2:
		return tagged(p, 0, 20)
	}
	return -1
}

// tagged follows VLAN tags to the datagram: kind is where the type stands, next what is
// behind the header.
func tagged(p []byte, kind, next int) int {
	for next <= len(p) {
		switch binary.BigEndian.Uint16(p[kind:]) {
		case etherIPv4, etherIPv6:
			return next
		case etherVLAN, etherQinQ, etherOld:
			kind, next = next+2, next+4
		default:
			return -1
		}
	}
	return -1
}
