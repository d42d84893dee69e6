package mailserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mbox keeps mail in one file, for reading alone: to change one message of it all that
// stand behind have to be written again, and there is no lock that all programs heed. So
// UIDs need no place to be kept at: they count the messages, and UIDVALIDITY is made of
// every octet of the file, so that in another file nothing is taken for what it was.
type mbox struct {
	memory
	file *os.File
	info fs.FileInfo // as it was when it was read
}

// span is where a message stands in an mbox, its "From " line left out.
type span struct{ start, end int64 }

// NotMboxError says why a file is no mbox.
type NotMboxError struct {
	Path string
	What string
}

func (e *NotMboxError) Error() string {
	return fmt.Sprintf("mailserver: %s is no mbox: %s", e.Path, e.What)
}

// Hint says what would be one.
func (e *NotMboxError) Hint() string {
	return "an mbox begins with a line such as: From sender@example.org Thu Jan  1 00:00:00 2026; --maildir takes a directory"
}

var (
	errChanged = errors.New("the mbox was changed since it was opened")
	fromLine   = []byte("From ")
	quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)
)

// OpenMbox makes a store of an mbox (RFC 4155) for reading, whatever opts say: a line that
// begins with "From " behind an empty line, or at the beginning, separates; the empty line
// is no part of the message before it. One ">" before "From " at the begin of a line is
// taken off, as mboxrd quotes it; mboxo quotes most of the same lines alike.
//
// What is put into the file later is not seen, and once it has changed the messages cannot
// be read. The caller must call Close.
func OpenMbox(path string, opts ...Option) (*Store, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mailserver: %w", err)
	}
	k := &mbox{file: f}
	s := newStore(k, opts)
	s.readOnly = true
	if err := k.open(s, path); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// Close gives free what the store holds of the system.
func (s *Store) Close() error {
	if c, ok := s.keep.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Close closes the file.
func (k *mbox) Close() error { return k.file.Close() }

func (k *mbox) open(s *Store, path string) (err error) {
	if k.info, err = k.file.Stat(); err != nil {
		return fmt.Errorf("mailserver: %w", err)
	}
	if k.info.IsDir() {
		return &NotMboxError{path, "it is a directory"}
	}
	h := fnv.New32a()
	msgs, err := splitMbox(io.TeeReader(k.file, h))
	if err != nil {
		return &NotMboxError{path, err.Error()}
	}
	inbox := &mailbox{name: inboxName, validity: max(h.Sum32(), 1), uidNext: uint32(len(msgs)) + 1, subscribed: true, changed: make(chan struct{})}
	for i, m := range msgs {
		m.home, m.uid, m.counted = inbox, uint32(i+1), -1
		if m.date.IsZero() {
			m.date = k.info.ModTime()
		}
		octets, err := k.read(m)
		if err != nil {
			return fmt.Errorf("mailserver: %w", err)
		}
		m.flags = statusFlags(octets)
	}
	inbox.msgs = msgs
	s.mailboxes[inboxName] = inbox
	return nil
}

// splitMbox finds the messages.
func splitMbox(r io.Reader) (msgs []*message, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var at, empty int64 = 0, -1 // empty: where the empty line begins that stands just before at
	begins := true              // a line begins at at
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(line) == 0 {
			break
		}
		next := at + int64(len(line))
		if begins && bytes.HasPrefix(line, fromLine) && (at == 0 || empty >= 0) {
			if len(msgs) > 0 {
				msgs[len(msgs)-1].at.end = empty
			}
			msgs = append(msgs, &message{date: fromDate(string(line)), at: span{start: next}})
			empty = -1
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of this line
				line, err = in.ReadSlice('\n')
				next += int64(len(line))
				msgs[len(msgs)-1].at.start = next
			}
		} else if at == 0 {
			return nil, fmt.Errorf(`expected "From " at offset 0, found %q`, line[:min(len(line), 20)])
		} else if text := bytes.TrimRight(line, "\r\n"); begins && len(text) == 0 && len(line) > 0 && line[len(line)-1] == '\n' {
			empty = at
		} else {
			empty = -1
		}
		at, begins = next, err == nil
	}
	if n := len(msgs); n > 0 {
		// The last one ends with an empty line too, where its writer was correct.
		last := msgs[n-1]
		if last.at.end = at; empty >= last.at.start {
			last.at.end = empty
		}
	}
	return msgs, nil
}

func (k *mbox) read(m *message) ([]byte, error) {
	info, err := k.file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != k.info.Size() || !info.ModTime().Equal(k.info.ModTime()) {
		return nil, errChanged
	}
	octets := make([]byte, m.at.end-m.at.start)
	if _, err := k.file.ReadAt(octets, m.at.start); err != nil {
		return nil, err
	}
	return quotedFrom.ReplaceAll(withCRLF(octets), []byte("$1")), nil
}

// fromDate is the date of a "From " line, in UTC (RFC 4155, Appendix A), zero where there is
// none.
func fromDate(line string) time.Time {
	fields := strings.Fields(line)
	if n := len(fields); n >= 5 {
		if t, err := time.Parse(time.ANSIC, strings.Join(fields[n-5:], " ")); err == nil {
			return t
		}
	}
	return time.Time{}
}

// statusFlags gives the flags in Status and X-Status, in which mail readers keep them.
func statusFlags(octets []byte) (flags []string) {
	h := mailHeader(octets)
	letters := h.Get("Status") + h.Get("X-Status")
	for _, x := range [...]struct{ letter, flag string }{
		{"R", `\Seen`}, {"A", `\Answered`}, {"F", `\Flagged`}, {"D", `\Deleted`}, {"T", `\Draft`},
	} {
		if strings.Contains(letters, x.letter) && !slices.Contains(flags, x.flag) {
			flags = append(flags, x.flag)
		}
	}
	return flags
}

// withCRLF ends each line with CRLF that ends with a bare line feed.
func withCRLF(octets []byte) []byte {
	bare := bytes.Count(octets, []byte("\n")) - bytes.Count(octets, crlf)
	if bare == 0 {
		return octets
	}
	out := make([]byte, 0, len(octets)+bare)
	for i, c := range octets {
		if c == '\n' && (i == 0 || octets[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

// withLF ends lines with line feeds, as files of mail do, where withCRLF gives the same
// octets back; else it gives them as they are.
func withLF(octets []byte) []byte {
	out := bytes.ReplaceAll(octets, crlf, []byte("\n"))
	if !bytes.Equal(withCRLF(out), octets) {
		return octets
	}
	return out
}
