package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// voice says the S: lines of a script to a client.
type voice struct {
	vals *values
	// edit changes the capabilities in a list, where set.
	edit func(caps []string) []string
	emit func(octets []byte) error
}

// say writes a line. tag, where it is not empty, is the recorded tag, for which the
// client's stands. A status without text gets one, since clients expect it (RFC 9051 §7.1).
func (v *voice) say(l *Line, tag, client string) error {
	if l.Forbidden {
		return nil
	}
	if len(l.Pattern) == 1 {
		switch n := l.Pattern[0].(type) {
		case *Value:
			if n.Kind == Rest {
				return nil
			}
		case *Literal:
			if l.Protocol == POP3 && n.Kind != Counted {
				return stuffTo(v.emit, n.Reader())
			}
		}
	}
	x := &expander{line: l, vals: v.vals}
	for i, n := range l.Pattern {
		switch n := n.(type) {
		case Text:
			if i == 0 && tag != "" && l.Protocol == IMAP {
				if rest, ok := strings.CutPrefix(string(n), tag); ok && (rest == "" || rest[0] == ' ') {
					n = Text(client + rest)
				}
			}
			x.text(string(n))
			continue
		case *Literal:
			if n.Kind == FromBlock || n.Kind == FromFile {
				// The octets go out as they are: a message may be large.
				head := fmt.Appendf(x.cur, "%s{%d}\r\n", tilde(n), n.Size())
				if err := errors.Join(v.emit(head), v.content(n)); err != nil {
					return err
				}
				x.cur = nil
				continue
			}
		}
		if err := x.node(i, n); err != nil {
			return err
		}
	}
	line := x.cur
	if len(l.Pattern) > 0 || len(l.Blocks) == 0 {
		line = append(v.polished(l, line), "\r\n"...)
	}
	return v.emit(append(line, octetsOf(l.Blocks)...))
}

// polished edits capabilities, and gives a bare status its text.
func (v *voice) polished(l *Line, line []byte) []byte {
	if l.Protocol == POP3 {
		return line
	}
	if v.edit != nil {
		line = editCapabilities(line, v.edit)
	}
	return withText(line)
}

// withText gives a status, and a continuation request, the text that the script leaves out.
func withText(line []byte) []byte {
	text := string(line)
	if text == "+" {
		return []byte("+ go ahead")
	}
	tag, rest, _ := strings.Cut(text, " ")
	word, rest, _ := strings.Cut(rest, " ")
	if tag == "+" || !statusKinds[strings.ToUpper(word)] {
		return line
	}
	if strings.HasPrefix(rest, "[") && strings.HasSuffix(strings.TrimRight(rest, " "), "]") {
		rest = ""
	}
	if strings.TrimSpace(rest) != "" {
		return line
	}
	return append(bytes.TrimRight(line, " "), " done"...)
}

// editCapabilities edits the list of a CAPABILITY response, or of a code.
func editCapabilities(line []byte, edit func([]string) []string) []byte {
	text := string(line)
	if rest, ok := cutFold(text, "* CAPABILITY "); ok {
		return []byte("* CAPABILITY " + strings.Join(edit(strings.Fields(rest)), " "))
	}
	i := strings.Index(strings.ToUpper(text), "[CAPABILITY ")
	if i < 0 || !isStatusLine(line) {
		return line
	}
	head, rest := text[:i+len("[CAPABILITY ")], text[i+len("[CAPABILITY "):]
	list, tail, ok := strings.Cut(rest, "]")
	if !ok {
		return line
	}
	return []byte(head + strings.Join(edit(strings.Fields(list)), " ") + "]" + tail)
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// content writes a literal's octets.
func (v *voice) content(n *Literal) error {
	if n.large == nil {
		return v.emit(n.Octets)
	}
	p := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(p)
	_, err := io.CopyBuffer(writerFunc(v.emit), struct{ io.Reader }{n.Reader()}, p[:])
	return err
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) error

func (f writerFunc) Write(p []byte) (int, error) { return len(p), f(p) }

// stuffTo is Stuff for what is not held in memory.
func stuffTo(emit func([]byte) error, r io.Reader) error {
	br := lineReader(r)
	defer giveBack(br)
	begins, end := true, [2]byte{'\r', '\n'}
	for {
		part, err := br.ReadSlice('\n')
		if n := len(part); n > 0 {
			if begins && part[0] == '.' {
				if err := emit([]byte{'.'}); err != nil {
					return err
				}
			}
			if err := emit(part); err != nil {
				return err
			}
			begins = part[n-1] == '\n'
			if n == 1 {
				end[0] = end[1]
			} else {
				end[0] = part[n-2]
			}
			end[1] = part[n-1]
		}
		switch {
		case errors.Is(err, io.EOF):
			if end != [2]byte{'\r', '\n'} {
				return emit([]byte("\r\n"))
			}
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
