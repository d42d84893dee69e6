// Package offline reads Maildirs, those that a synchronization wrote among them, as a mail client shows a
// mailbox. Nothing in them is changed.
//
//	DIR ──Open──► Box: messages by UID, else by arrival ──► Summaries, newest first
//	                                                   └──► Open: one message's octets
package offline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// Error says why a directory cannot be read.
type Error struct{ What, Advice string }

func (e *Error) Error() string { return "offline: " + e.What }

// Hint is the advice for the user; may be "".
func (e *Error) Hint() string { return e.Advice }

// Box is one mailbox. Message numbers begin at 1.
type Box struct {
	Name string
	dir  string
	list []*mailfile.Entry
}

// Open reads which messages there are in the mailbox of that name below a directory; INBOX, or "", is the
// directory itself. The error may be of type *[Error].
func Open(dir, name string) (*Box, error) {
	b := &Box{Name: name, dir: dir}
	if name == "" || strings.EqualFold(name, "INBOX") {
		b.Name = "INBOX"
	} else {
		b.dir = filepath.Join(dir, mailfile.FolderName(strings.Split(name, "/")))
	}
	for _, sub := range []string{"cur", "new"} {
		info, err := os.Stat(filepath.Join(b.dir, sub))
		switch {
		case errors.Is(err, fs.ErrNotExist) && b.dir != dir:
			return nil, &Error{fmt.Sprintf("%s has no mailbox %s", dir, name), "--all lists what is there"}
		case errors.Is(err, fs.ErrNotExist), err == nil && !info.IsDir():
			return nil, &Error{fmt.Sprintf("%s is no Maildir: it has no directory %s", b.dir, sub), "mailtrace sync URL " + dir + " makes one"}
		case err != nil:
			return nil, err
		}
	}
	var err error
	if b.list, err = mailfile.ReadMaildir(b.dir); err != nil {
		return nil, err
	}
	return b, b.sort()
}

// sort puts messages in order: by UID; what has none before that, by the time of its file.
func (b *Box) sort() error {
	arrived := map[*mailfile.Entry]int64{}
	for _, e := range b.list {
		if e.UID != 0 {
			continue
		}
		info, err := os.Stat(e.Path(b.dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			arrived[e] = info.ModTime().UnixNano()
		}
	}
	sort.Slice(b.list, func(i, j int) bool {
		x, y := b.list[i], b.list[j]
		switch {
		case x.UID != y.UID:
			return x.UID < y.UID
		case arrived[x] != arrived[y]:
			return arrived[x] < arrived[y]
		}
		return x.Name < y.Name
	})
	return nil
}

// Names lists the mailboxes below a directory: the directory itself, and its folders (Maildir++).
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := []string{"INBOX"}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), ".") || len(e.Name()) < 2 {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name(), "cur")); err != nil || !info.IsDir() {
			continue
		}
		levels := strings.Split(e.Name()[1:], ".")
		for i, l := range levels {
			levels[i] = grammar.DisplayName([]byte(l), false)
		}
		name := strings.Join(levels, "/")
		if mailfile.FolderName(strings.Split(name, "/")) == e.Name() {
			names = append(names, name)
		}
	}
	slices.Sort(names[1:])
	return names, nil
}

// Len is how many messages there are.
func (b *Box) Len() int { return len(b.list) }

// HighestUID is that of the newest message; 0 where no message has one.
func (b *Box) HighestUID() uint32 {
	if len(b.list) == 0 {
		return 0
	}
	return b.list[len(b.list)-1].UID
}

// Numbers gives the numbers of the messages in a set of UIDs (uid) or of numbers, ascending.
func (b *Box) Numbers(set grammar.Set, uid bool) []int {
	var list []int
	for i, e := range b.list {
		n, last := uint32(i+1), uint32(len(b.list))
		if uid {
			n, last = e.UID, b.HighestUID()
		}
		if n != 0 && set.Contains(n, last) {
			list = append(list, i+1)
		}
	}
	return list
}

// Entry is what the file's name tells of a message.
func (b *Box) Entry(number int) *mailfile.Entry { return b.list[number-1] }

// Open opens a message.
func (b *Box) Open(number int) (*os.File, error) {
	return os.Open(b.Entry(number).Path(b.dir))
}

// Summary reads the header of a message.
func (b *Box) Summary(number int) (*client.Summary, error) {
	f, err := b.Open(number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := client.ReadSummary(f)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	e := b.Entry(number)
	s.Number, s.UID, s.Flags, s.Octets, s.Arrived = uint32(number), e.UID, e.Flags(), info.Size(), info.ModTime()
	if s.Flags == nil {
		s.Flags = []string{}
	}
	return s, nil
}

// Summaries tells the messages, the newest first, at most limit of them (0: all). One that vanishes
// meanwhile is left out.
func (b *Box) Summaries(limit int, on func(*client.Summary) error) error {
	for n := len(b.list); n > 0 && (limit == 0 || n > len(b.list)-limit); n-- {
		s, err := b.Summary(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := on(s); err != nil {
			return err
		}
	}
	return nil
}
