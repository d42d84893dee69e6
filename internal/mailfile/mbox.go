package mailfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/spool"
)

// mbox is a file of messages, one behind the other.
type mbox struct {
	path string
	file *os.File
	end  int64
	gap  bool // what is there does not end with an empty line
	left leftover
}

func openMbox(path string) (*mbox, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m := &mbox{path: path, file: f, left: leftover{last: -1}}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("mailfile: %s is in use by another program: %w", path, err), f.Close())
	}
	if m.end, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if m.gap, err = m.gapAt(m.end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// gapAt tells whether something ends at end that is no empty line.
func (m *mbox) gapAt(end int64) (bool, error) {
	tail := make([]byte, min(end, 2))
	_, err := m.file.ReadAt(tail, end-int64(len(tail)))
	return end > 0 && string(tail) != "\n\n", err
}

func (m *mbox) Dir() string  { return filepath.Dir(m.path) }
func (m *mbox) Sync() error  { return errors.Join(m.file.Sync(), syncDir(filepath.Dir(m.path))) } // it may be new
func (m *mbox) Close() error { return m.file.Close() }

// Store appends the message in mboxrd: lines end with LF, and ">" stands before "From " lines, quoted ones too.
func (m *mbox) Store(x *Message, s *spool.Spool) (string, error) {
	defer s.Drop()
	from := fromLine(x)
	if err := m.left.meets(m, from, s); err != nil {
		return m.path, err
	}
	cw := &counting{w: m.file}
	w := bufio.NewWriterSize(cw, 64<<10)
	if m.gap {
		w.WriteString("\n") // errors stay with w, and show at Flush
	}
	w.WriteString(from)
	err := quoteLines(w, bufio.NewReader(s.Reader()))
	w.WriteString("\n")
	err = errors.Join(err, w.Flush())
	if err != nil { // whole or not at all
		return m.path, errors.Join(err, m.cut(m.end))
	}
	m.end += cw.n
	m.gap, m.left.last = false, -1
	return m.path, nil
}

// cut takes off what is behind end.
func (m *mbox) cut(end int64) error {
	_, err := m.file.Seek(end, io.SeekStart)
	return errors.Join(m.file.Truncate(end), err)
}

// fromLine is the line that begins a message, with its end.
func fromLine(x *Message) string {
	when := x.Arrived
	if when.IsZero() {
		when = time.Now()
	}
	sender := strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, x.Sender)
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	return fmt.Sprintf("From %s %s\n", sender, when.UTC().Format("Mon Jan _2 15:04:05 2006"))
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// quoteLines writes the lines of a message as an mbox has them.
func quoteLines(w *bufio.Writer, r *bufio.Reader) error {
	start, last := true, byte('\n')
	cr := false // a CR is held: of CRLF only LF is kept
	for {
		part, err := r.ReadSlice('\n')
		if len(part) > 0 {
			if cr && !(len(part) == 1 && part[0] == '\n') {
				w.WriteByte('\r')
			}
			cr = false
			if start && bytes.HasPrefix(bytes.TrimLeft(part, ">"), []byte("From ")) {
				w.WriteByte('>')
			}
			start = part[len(part)-1] == '\n'
			last = part[len(part)-1]
			switch {
			case bytes.HasSuffix(part, []byte("\r\n")):
				w.Write(part[:len(part)-2])
				w.WriteByte('\n')
			case last == '\r':
				w.Write(part[:len(part)-1])
				cr = true
			default:
				w.Write(part)
			}
		}
		if err == io.EOF {
			if cr {
				w.WriteByte('\r')
			}
			if last != '\n' || cr {
				w.WriteByte('\n')
			}
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
}
