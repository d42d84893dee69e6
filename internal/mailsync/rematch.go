package mailsync

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// rematch finds the messages again that were stored under another UIDVALIDITY, by size and header, and
// gives their files the names of today. The others stay: a mailbox that was made anew, by mistake perhaps, must
// not cost what was kept of the old one.
func (b *box) rematch(ctx context.Context, _ *state) error {
	if len(b.old) == 0 {
		return nil
	}
	byContent := map[print][]*mailfile.Entry{}
	for _, e := range b.old {
		p, octets, err := printOf(e.Path(b.dir))
		if err != nil {
			return err
		}
		e.Octets = octets
		byContent[p] = append(byContent[p], e)
	}
	b.say("%s: UIDVALIDITY has changed: %d messages are matched by content", b.name, len(b.old))
	if b.remote.Exists > 0 {
		err := b.session.Fetch(ctx, true, "1:*", "(UID RFC822.SIZE BODY.PEEK[HEADER])", func(f *client.Fetched) error {
			if len(f.Sections) == 0 || f.Size == nil || b.files[f.UID] != nil {
				return nil
			}
			content := f.Content(0)
			if content == nil {
				return nil
			}
			defer content.Drop()
			p, err := headerPrint(content.Reader(), *f.Size)
			if err != nil {
				return err
			}
			same := byContent[p]
			if len(same) == 0 {
				return nil
			}
			e := same[0]
			byContent[p] = same[1:]
			if err := b.step("rename"); err != nil {
				return err
			}
			err = mailfile.Rekey(b.dir, e, &mailfile.Message{Mailbox: b.name, UIDValidity: b.remote.UIDValidity, UID: f.UID})
			if errors.Is(err, os.ErrExist) {
				return nil
			}
			if err != nil {
				return err
			}
			b.files[f.UID] = e
			b.rep.Matched++
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, rest := range byContent {
		b.rep.Strangers += len(rest)
	}
	if left := len(b.old) - b.rep.Matched; left > 0 {
		b.say("%s: %d messages that the server has no more stay here", b.name, left)
	}
	return nil
}

// print tells messages apart by what the server can say of them cheaply.
type print struct {
	octets int64
	header [sha256.Size]byte
}

// printOf is that of a file.
func printOf(path string) (p print, octets int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return p, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return p, 0, err
	}
	p, err = headerPrint(f, info.Size())
	return p, info.Size(), err
}

// headerPrint reads up to the empty line behind the header.
func headerPrint(r io.Reader, octets int64) (print, error) {
	h := sha256.New()
	b := bufio.NewReader(r)
	for start := true; ; {
		part, err := b.ReadSlice('\n')
		if start && len(bytes.TrimRight(part, "\r\n")) == 0 {
			break
		}
		h.Write(part)
		start = err == nil
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			return print{}, err
		}
	}
	p := print{octets: octets}
	h.Sum(p.header[:0])
	return p, nil
}
