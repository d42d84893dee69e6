package captures

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/captures/internal/tcp"
)

// LeftOut is what of a foreign capture is not told.
type LeftOut struct {
	Connections int    // TCP connections that are no mail
	Ports       []Port // of their servers, those with most connections first
	Datagrams   int    // that came in fragments, and of which some are missing
	Links       []Link // whose type cannot be read
}

// Port is a server's port with its connections.
type Port struct {
	Number      int
	Connections int
}

// Link is a type of link that cannot be read, with what was captured on it.
type Link struct {
	Type    string // its number in pcap files, and its name where it is a common one
	Records int64
}

// mostPorts is how many ports are named in a text.
const mostPorts = 8

// String tells it in one line; it is empty where nothing was left out.
func (l LeftOut) String() string {
	var parts []string
	if l.Connections > 0 {
		parts = append(parts, count(int64(l.Connections), "connection")+" on "+l.ports())
	}
	if l.Datagrams > 0 {
		parts = append(parts, count(int64(l.Datagrams), "datagram")+" of which fragments are missing")
	}
	for _, link := range l.Links {
		parts = append(parts, fmt.Sprintf("link type %s cannot be read (%s)", link.Type, count(link.Records, "record")))
	}
	return strings.Join(parts, "; ")
}

func (l LeftOut) ports() string {
	var b strings.Builder
	for i, p := range l.Ports {
		switch {
		case i == mostPorts:
			fmt.Fprintf(&b, " and %d more", len(l.Ports)-mostPorts)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		case len(l.Ports) > 1:
			b.WriteString("ports ")
		default:
			b.WriteString("port ")
		}
		fmt.Fprintf(&b, "%d", p.Number)
		if p.Connections > 1 && len(l.Ports) > 1 {
			fmt.Fprintf(&b, " (%d)", p.Connections)
		}
	}
	return b.String()
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (x *importer) leftOut() LeftOut {
	l := LeftOut{Connections: x.others, Datagrams: x.asm.LostFragments()}
	for port, n := range x.ports {
		if n > 0 {
			l.Ports = append(l.Ports, Port{port, int(n)})
		}
	}
	slices.SortStableFunc(l.Ports, func(a, b Port) int { return cmp.Compare(b.Connections, a.Connections) })
	links := make([]tcp.Link, 0, len(x.unread))
	for link := range x.unread {
		links = append(links, link)
	}
	slices.Sort(links)
	for _, link := range links {
		l.Links = append(l.Links, Link{link.String(), x.unread[link]})
	}
	return l
}
