package mailserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// identifying answers ID (RFC 2971), which imapserver does not know. It looks at the first
// line of each command; what belongs to a literal goes by unread.
type identifying struct {
	name    string
	in      *bufio.Reader
	out     io.Writer
	pending []byte // of in's buffer or a line, still to be given to imapserver
	literal uint64 // octets that go by
	within  bool   // the next line goes on with a command
	// caps makes the next response but "+" offer ID where it lists capabilities: the
	// greeting, and what answers CAPABILITY, LOGIN and AUTHENTICATE.
	caps bool
}

var (
	capsWithout = []byte("CAPABILITY IMAP4rev1 ")
	capsWith    = []byte("CAPABILITY IMAP4rev1 ID ")
	announced   = regexp.MustCompile(`\{(\d+)\+?\}\r?\n$`)
)

// edit gives a response as the client is to see it.
func (x *identifying) edit(response []byte) []byte {
	if !x.caps || bytes.HasPrefix(response, []byte("+")) {
		return response
	}
	x.caps = false
	return bytes.Replace(response, capsWithout, capsWith, 1)
}

// read gives a line, or a part of one, or octets of a literal. Whoever reads has answered
// the command before, so an ID is answered in its turn.
func (x *identifying) read(p []byte) (int, error) {
	for len(x.pending) == 0 {
		if x.literal > 0 {
			n, err := x.in.Read(p[:min(uint64(len(p)), x.literal)])
			x.literal -= uint64(n)
			return n, err
		}
		line, err := x.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			// A line without its end: imapserver sees it, and then the error again.
			if len(line) == 0 {
				return 0, err
			}
			x.pending = line
			break
		}
		first := !x.within
		x.within = err != nil // a line beyond the buffer
		if m := announced.FindSubmatch(line); m != nil && err == nil {
			// One beyond 64 bits is refused, and so is what it announces.
			x.literal, _ = strconv.ParseUint(string(m[1]), 10, 64)
			x.within = true
		}
		if first && err == nil {
			tag, rest, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
			command, _, _ := strings.Cut(strings.ToUpper(rest), " ")
			switch {
			case !isTag(tag):
			case command == "ID" && !x.within:
				if _, err := fmt.Fprintf(x.out, "%s%s OK ID completed\r\n", identity(x.name), tag); err != nil {
					return 0, err
				}
				continue
			case command == "CAPABILITY", command == "LOGIN", command == "AUTHENTICATE":
				x.caps = true
			}
		}
		x.pending = line
	}
	n := copy(p, x.pending)
	x.pending = x.pending[n:]
	return n, nil
}

// identity is the ID response, "" without a name.
func identity(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("* ID (\"name\" %q)\r\n", name)
}
