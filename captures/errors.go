package captures

import (
	"fmt"
	"io"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// NotCapture says that a file is no capture at all.
type NotCapture struct {
	Name string // "" where it was not opened by name
	Got  []byte // its first octets, none of an empty file
	What string // what it looks like, such as "xz data", "" if like nothing known
}

func (e *NotCapture) Error() string {
	switch {
	case len(e.Got) == 0:
		return prefix(e.Name) + "expected a pcapng or pcap file, got an empty one"
	case e.What != "":
		return fmt.Sprintf("%sexpected a pcapng or pcap file, got %s", prefix(e.Name), e.What)
	}
	return fmt.Sprintf("%sexpected a pcapng or pcap file, got %q", prefix(e.Name), e.Got)
}

// Hint is the advice for the user: one line, lower case.
func (e *NotCapture) Hint() string {
	if e.What != "" {
		return "decompress the file first"
	}
	return "captures are what mailtrace proxy --capture FILE writes, and what tcpdump and Wireshark write"
}

// Later says that a capture was written by a later mailtrace.
type Later struct {
	Name   string
	Format string // of the capture
	By     string // the program that wrote it
}

func (e *Later) Error() string {
	return fmt.Sprintf("%sexpected a capture of format %s, got format %q by %q", prefix(e.Name), formatVersion, e.Format, e.By)
}

// Hint is the advice for the user: one line, lower case.
func (e *Later) Hint() string { return "use the mailtrace that wrote it, or a later one" }

// NoMail says that a capture of another program was read to its end, and that no
// connection in it is mail.
type NoMail struct {
	Name      string
	Protocols []decode.Protocol // those that were looked for
	LeftOut   LeftOut
}

func (e *NoMail) Error() string {
	names := make([]string, len(e.Protocols))
	for i := range e.Protocols {
		names[i] = strings.ToUpper(e.Protocols[i].Name)
	}
	where := "the capture"
	if e.Name != "" {
		where = e.Name
	}
	what := e.LeftOut.String()
	if e.LeftOut.Connections == 0 {
		if what != "" {
			what = ", " + what
		}
		what = "no TCP connection" + what
	}
	return fmt.Sprintf("captures: no %s in %s: %s", strings.Join(names, " or "), where, what)
}

// Hint is the advice for the user: one line, lower case.
func (e *NoMail) Hint() string {
	if e.LeftOut.Connections == 0 {
		return "capture what the mail client sends, on the interface that it uses"
	}
	return "mail on ports of its own is found by its greeting, so capture a connection from its beginning"
}

// Truncated says that a capture was cut off in the middle of a block, as by a full disk
// or kill -9. Everything before it was given. It wraps io.ErrUnexpectedEOF.
type Truncated struct {
	Name   string
	Offset int64 // where the incomplete block begins
}

func (e *Truncated) Error() string {
	return fmt.Sprintf("%sthe capture is cut off at octet %d", prefix(e.Name), e.Offset)
}

// Unwrap gives io.ErrUnexpectedEOF.
func (e *Truncated) Unwrap() error { return io.ErrUnexpectedEOF }

// Damaged says that a capture holds something that mailtrace never writes.
type Damaged struct {
	Name   string
	Offset int64 // of the block
	What   string
}

func (e *Damaged) Error() string {
	return fmt.Sprintf("%sblock at octet %d: %s", prefix(e.Name), e.Offset, e.What)
}

// Hint is the advice for the user: one line, lower case.
func (e *Damaged) Hint() string {
	return "the file was changed after it was written; what stood before is fine"
}

func prefix(name string) string {
	if name == "" {
		return "captures: "
	}
	return "captures: " + name + ": "
}
