package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ReadMaildir reads the messages of a Maildir, those of new behind those of cur, each in
// the order of their names, which begin with the time of delivery. Nothing is moved or
// written. Bare line feeds become CRLF; other octets stay as they are.
func ReadMaildir(dir string) ([]Message, error) {
	var msgs []Message
	for _, sub := range [...]string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub)) // sorted by name
		if err != nil {
			return nil, fmt.Errorf("demo: not a Maildir: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			m, err := readMail(filepath.Join(dir, sub, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // its owner has moved or removed it meanwhile
			} else if err != nil {
				return nil, fmt.Errorf("demo: %w", err)
			}
			if sub == "cur" {
				m.Flags = infoFlags(e.Name())
			}
			msgs = append(msgs, m)
		}
	}
	return msgs, nil
}

// LoadFolders puts the messages of a Maildir++'s folders into mailboxes: those of the
// directory .Sent.2026 into Sent/2026. A mailbox that is not there is made. It gives the
// number of messages.
func (s *Store) LoadFolders(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	for _, e := range entries {
		dotted, ok := strings.CutPrefix(e.Name(), ".")
		if info, err := os.Stat(filepath.Join(dir, e.Name(), "cur")); !ok || err != nil || !info.IsDir() {
			continue // no folder
		}
		name, err := imapName(dotted)
		if err != nil {
			return n, fmt.Errorf("demo: folder %s: %w", e.Name(), err)
		}
		msgs, err := ReadMaildir(filepath.Join(dir, e.Name()))
		if err != nil {
			return n, err
		}
		n += len(msgs)
		s.fill(name, msgs)
	}
	return n, nil
}

// imapName is the mailbox of a folder, with dots between its levels. Names that need
// modified UTF-7 (RFC 3501 §5.1.3), which shows by an "&", are refused.
func imapName(dotted string) (string, error) {
	levels := strings.Split(dotted, ".")
	for _, l := range levels {
		if l == "" || strings.ContainsAny(l, "/*%&") {
			return "", errName
		}
	}
	return canonical(strings.Join(levels, string(Delimiter))), nil
}

func (s *Store) fill(name string, msgs []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mb, err := s.find(name)
	if err != nil {
		mb = s.create(name, "")
	}
	for _, m := range msgs {
		s.append(mb, m)
	}
}

func readMail(path string) (Message, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Message{}, err
	}
	octets, err := os.ReadFile(path)
	return Message{Octets: withCRLF(octets), Date: info.ModTime()}, err
}

// infoFlags gives the flags in the info part of a Maildir's file name, ":2,FS".
func infoFlags(name string) (flags []string) {
	_, letters, _ := strings.Cut(name, ":2,")
	for _, x := range [...]struct{ letter, flag string }{
		{"D", `\Draft`}, {"F", `\Flagged`}, {"R", `\Answered`}, {"S", `\Seen`}, {"T", `\Deleted`}, {"P", "$Forwarded"},
	} {
		if strings.Contains(letters, x.letter) {
			flags = append(flags, x.flag)
		}
	}
	return flags
}

// withCRLF ends each line with CRLF that ends with a bare line feed.
func withCRLF(octets []byte) []byte {
	out := make([]byte, 0, len(octets)+bytes.Count(octets, []byte("\n")))
	for i, c := range octets {
		if c == '\n' && (i == 0 || octets[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

var (
	fromLine   = []byte("From ")
	quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)
)

// ReadMbox reads the messages of an mbox (RFC 4155) in its mboxrd variant: a line that
// begins with "From " behind an empty line separates, and one ">" before "From " is taken
// off. The empty line that ends each message is no part of it. Nothing is written.
func ReadMbox(path string) ([]Message, error) {
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	if !bytes.HasPrefix(all, fromLine) {
		return nil, fmt.Errorf("demo: %s is no mbox: expected \"From \" at offset 0", path)
	}
	var msgs []Message
	for _, raw := range splitMbox(withCRLF(all)) {
		line, octets, _ := bytes.Cut(raw, crlf)
		octets = quotedFrom.ReplaceAll(octets, []byte("$1"))
		msgs = append(msgs, Message{Octets: octets, Date: fromDate(string(line)), Flags: statusFlags(octets)})
	}
	return msgs, nil
}

// splitMbox cuts before each separator; the cuts keep their "From " line.
func splitMbox(all []byte) (cuts [][]byte) {
	separator := []byte("\r\n\r\nFrom ")
	for {
		i := bytes.Index(all, separator)
		if i < 0 {
			// The last one ends with an empty line too, where its writer was correct.
			if bytes.HasSuffix(all, []byte("\r\n\r\n")) {
				all = all[:len(all)-len(crlf)]
			}
			return append(cuts, all)
		}
		cuts = append(cuts, all[:i+len(crlf)])
		all = all[i+2*len(crlf):]
	}
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
