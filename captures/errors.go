package captures

import (
	"fmt"
	"io"
)

// NotCapture says that a file is no pcapng file at all.
type NotCapture struct {
	Name string // "" where it was not opened by name
	Got  []byte // its first octets, none of an empty file
	What string // what it looks like, such as "gzip", "" if like nothing known
}

func (e *NotCapture) Error() string {
	switch {
	case len(e.Got) == 0:
		return prefix(e.Name) + "expected a pcapng section header, got an empty file"
	case e.What != "":
		return fmt.Sprintf("%sexpected a pcapng section header, got %s data", prefix(e.Name), e.What)
	}
	return fmt.Sprintf("%sexpected a pcapng section header, got %q", prefix(e.Name), e.Got)
}

// Hint is the advice for the user: one line, lower case.
func (e *NotCapture) Hint() string {
	if e.What != "" {
		return "decompress the file first"
	}
	return "captures are what mailtrace proxy --capture FILE writes"
}

// Foreign says that a capture was written by another program, or by a later mailtrace.
type Foreign struct {
	Name   string
	What   string // such as "a pcap file", "a capture of format 2"
	Advice string
}

func (e *Foreign) Error() string {
	return fmt.Sprintf("%sexpected a capture written by mailtrace, got %s", prefix(e.Name), e.What)
}

// Hint is the advice for the user: one line, lower case.
func (e *Foreign) Hint() string { return e.Advice }

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
