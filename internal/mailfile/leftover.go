package mailfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"github.com/mailtrace/mailtrace/internal/spool"
)

// leftover is what an mbox has behind the length that its State knows: the messages of a run that was
// killed before it noted them, maybe with a part of one at the end, and whatever other programs added.
//
//	0 ─────────── noted ─────────────────────── end
//	  as known        From a…  From b…  From c (a part)
//	                  └─ stored ─┘      └─ cut off once c comes
type leftover struct {
	whole map[[sha256.Size]byte]int // how many messages of these octets, as stored, are there
	last  int64                     // where the last message begins if the file breaks off in it, else -1
}

const fromWord = "From "

// lookBehind reads what is behind the length noted.
func (m *mbox) lookBehind(noted int64) error {
	left := leftover{whole: map[[sha256.Size]byte]int{}, last: -1}
	r := bufio.NewReaderSize(io.NewSectionReader(m.file, noted, m.end-noted), 64<<10)
	hash := sha256.New()
	var (
		at     = noted
		within bool // a message has begun
		start  = true
		empty  bool // an empty line is held: the last one of a message is not of it
	)
	finish := func() {
		if within {
			left.whole[[sha256.Size]byte(hash.Sum(nil))]++
		}
		hash.Reset()
		empty = false
	}
	for inFrom := false; ; {
		part, err := r.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		if len(part) > 0 {
			switch {
			case start && bytes.HasPrefix(part, []byte(fromWord)),
				start && (empty || !within) && err == io.EOF && strings.HasPrefix(fromWord, string(part)):
				finish()
				within, inFrom, left.last = true, true, at
			case !inFrom:
				if empty {
					hash.Write([]byte{'\n'})
				}
				if empty = start && string(part) == "\n"; !empty {
					hash.Write(part)
				}
			}
			at += int64(len(part))
			start = part[len(part)-1] == '\n'
			inFrom = inFrom && !start
		}
		if err == io.EOF {
			break
		}
	}
	if !m.gap { // else the file breaks off in the last one
		finish()
		left.last = -1
	}
	m.left = left
	return nil
}

// meets compares a message that is to be stored with what is left over. [ErrStored] says that it is there.
// Where the file breaks off in this message, that part is taken off: nothing is lost by it.
func (l *leftover) meets(m *mbox, from string, s *spool.Spool) error {
	if l.whole != nil {
		hash := sha256.New()
		if err := render(hash, s); err != nil {
			return err
		}
		sum := [sha256.Size]byte(hash.Sum(nil))
		if l.whole[sum] > 0 {
			l.whole[sum]--
			return ErrStored
		}
	}
	if l.last < 0 {
		return nil
	}
	info, err := m.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != m.end { // another program does not mind our lock
		l.last = -1
		return nil
	}
	begun, err := m.begins(l.last, from, s)
	if err != nil || !begun {
		return err
	}
	if err := m.cut(l.last); err != nil {
		return err
	}
	m.end, l.last = l.last, -1
	m.gap, err = m.gapAt(m.end)
	return err
}

// begins tells whether what is at off, to the end, is the beginning of a message.
func (m *mbox) begins(off int64, from string, s *spool.Spool) (bool, error) {
	r := bufio.NewReader(io.NewSectionReader(m.file, off, m.end-off))
	line, err := r.ReadString('\n')
	if err == io.EOF {
		return strings.HasPrefix(from, line), nil
	}
	if err != nil {
		return false, err
	}
	c := &comparison{r: r, left: m.end - off - int64(len(line))}
	if c.left == 0 {
		return line == from, nil
	}
	if err := render(c, s); err != nil && !errors.Is(err, errDiffers) {
		return false, err
	}
	return !c.differs && c.left == 0, nil
}

// render writes a message as an mbox has it, between its "From " line and the empty line behind it.
func render(w io.Writer, s *spool.Spool) error {
	b := bufio.NewWriter(w)
	return errors.Join(quoteLines(b, bufio.NewReader(s.Reader())), b.Flush())
}

// comparison takes what must begin with the octets of r.
type comparison struct {
	r       *bufio.Reader
	left    int64 // octets of r
	differs bool
}

var errDiffers = errors.New("mailfile: another message")

func (c *comparison) Write(p []byte) (int, error) {
	n := min(int64(len(p)), c.left)
	have := make([]byte, n)
	if _, err := io.ReadFull(c.r, have); err != nil {
		return 0, err
	}
	c.left -= n
	if !bytes.Equal(have, p[:n]) {
		c.differs = true
		return 0, errDiffers
	}
	return len(p), nil
}
