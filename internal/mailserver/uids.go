package mailserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// uidFile is the file in each folder of a Maildir that keeps UIDs from run to run:
//
//	mailtrace uids 1
//	validity 1795325553       UIDVALIDITY
//	last 1795325557           in INBOX alone: the highest that any folder ever had
//	next 15                   UIDNEXT
//	keyword a $Junk           the letter of a keyword in file names
//	unsubscribed
//	uid 14 1795325600.M1P2.host
//
// A new message is one more line at the end, on disk before any client hears of the UID;
// everything else writes the file anew under another name and renames it. A line without
// its end, which a crash in between leaves, counts for nothing. So a UID that was told is
// never given again: not after a crash, nor after its message is gone, for "next" and the
// lines above it stay.
const uidFile = "mailtrace-uids"

const uidHead = "mailtrace uids 1"

// uids are the contents of a uidFile.
type uids struct {
	path         string
	validity     uint32
	last         uint32
	next         uint32
	keywords     [26]string
	unsubscribed bool
	known        map[string]uint32 // by the part of the file's name that stays
	given        map[uint32]bool
	found        bool        // there was a file
	info         fs.FileInfo // the file as we left it; nil where there is none
	torn         bool        // its last line has no end
}

// DamagedError is a file with UIDs that does not hold what it should.
type DamagedError struct {
	Path string
	Line int
	What string // what was expected
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("mailserver: %s: line %d: expected %s", e.Path, e.Line, e.What)
}

// Hint says what helps.
func (e *DamagedError) Hint() string {
	return "without the file messages get new UIDs, and clients fetch them again: remove it"
}

func readUIDs(dir string) (*uids, error) {
	u := &uids{path: filepath.Join(dir, uidFile), next: 1, known: map[string]uint32{}, given: map[uint32]bool{}}
	text, err := os.ReadFile(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	} else if err != nil {
		return nil, err
	}
	if u.info, err = os.Stat(u.path); err != nil {
		return nil, err
	}
	u.found = true
	n := bytes.LastIndexByte(text, '\n') + 1
	u.torn = n < len(text)
	line := 0
	for in := bufio.NewScanner(bytes.NewReader(text[:n])); in.Scan(); {
		line++
		if line == 1 {
			if in.Text() != uidHead {
				return nil, &DamagedError{u.path, line, strconv.Quote(uidHead)}
			}
			continue
		}
		if !u.take(in.Text()) {
			return nil, &DamagedError{u.path, line, "validity, last, next, keyword, unsubscribed or uid with its values"}
		}
	}
	if line == 0 || u.validity == 0 {
		return nil, &DamagedError{u.path, line + 1, "a line with the validity"}
	}
	return u, nil
}

// take takes one line in.
func (u *uids) take(line string) bool {
	key, value, _ := strings.Cut(line, " ")
	first, rest, _ := strings.Cut(value, " ")
	number, err := strconv.ParseUint(first, 10, 32)
	n := uint32(number)
	switch key {
	case "validity":
		u.validity = n
		return err == nil && n > 0
	case "last":
		u.last = n
		return err == nil
	case "next":
		u.next = max(u.next, n)
		return err == nil && n > 0
	case "uid":
		again := u.known[rest] != 0 || u.given[n]
		u.known[rest], u.given[n] = n, true
		u.next = max(u.next, n+1)
		return err == nil && n > 0 && n+1 > n && rest != "" && !again
	case "keyword":
		if len(first) != 1 || first[0] < 'a' || first[0] > 'z' || rest == "" {
			return false
		}
		u.keywords[first[0]-'a'] = rest
		return true
	case "unsubscribed":
		u.unsubscribed = true
		return value == ""
	}
	return false
}

// errShared says that somebody else gives UIDs to the same messages.
var errShared = errors.New("another server has begun to serve this Maildir")

// ours tells whether the file is as we left it.
func (u *uids) ours() error {
	info, err := os.Stat(u.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && u.info == nil:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil, u.info == nil, !os.SameFile(info, u.info), !u.torn && info.Size() != u.info.Size():
		return errShared
	}
	return nil
}

// write writes the file anew, with the messages given and those not found yet.
func (u *uids) write(msgs []*message) error {
	if err := u.ours(); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nvalidity %d\n", uidHead, u.validity)
	if u.last > 0 {
		fmt.Fprintf(&b, "last %d\n", u.last)
	}
	fmt.Fprintf(&b, "next %d\n", u.next)
	for i, k := range u.keywords {
		if k != "" {
			fmt.Fprintf(&b, "keyword %c %s\n", 'a'+i, k)
		}
	}
	if u.unsubscribed {
		fmt.Fprintln(&b, "unsubscribed")
	}
	for _, m := range msgs {
		fmt.Fprintf(&b, "uid %d %s\n", m.uid, m.base())
	}
	for base, uid := range u.known {
		fmt.Fprintf(&b, "uid %d %s\n", uid, base)
	}
	f, err := os.CreateTemp(filepath.Dir(u.path), "."+uidFile+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), u.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // err is the one that counts
		return err
	}
	u.found, u.torn = true, false
	u.info, err = os.Stat(u.path)
	return err
}

// add puts new messages at the end of the file, all of them the mailbox's next.
func (u *uids) add(all []*message, news []*message) error {
	if len(news) == 0 {
		return nil
	}
	before := u.next
	u.next = news[len(news)-1].uid + 1
	if !u.found || u.torn {
		err := u.write(append(all[:len(all):len(all)], news...))
		if err != nil {
			u.next = before
		}
		return err
	}
	if err := u.ours(); err != nil {
		u.next = before
		return err
	}
	var b bytes.Buffer
	for _, m := range news {
		fmt.Fprintf(&b, "uid %d %s\n", m.uid, m.base())
	}
	f, err := os.OpenFile(u.path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.Write(b.Bytes())
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			u.info, err = f.Stat()
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		// Nobody knows what of it is there; the next one writes the file anew. Its UIDs are not
		// given again, whoever may have read them.
		u.torn = true
	}
	return err
}

// letter is that of a keyword; 0 where it has none.
func (u *uids) letter(keyword string) byte {
	for i, k := range u.keywords {
		if strings.EqualFold(k, keyword) {
			return byte('a' + i)
		}
	}
	return 0
}
