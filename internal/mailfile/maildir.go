package mailfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Entry is a message in a Maildir.
type Entry struct {
	Sub     string // cur or new
	Name    string
	Letters string // flags, in ASCII order; "" in new
	// Of a name that this package gave:
	Key         string
	UIDValidity uint32
	UID         uint32
	ID          string // POP3: as FileID makes it
	Octets      int64
}

// Path is the file in the Maildir dir.
func (e *Entry) Path(dir string) string { return filepath.Join(dir, e.Sub, e.Name) }

// Flags gives the flags that the letters stand for.
func (e *Entry) Flags() []string {
	var flags []string
	for _, x := range []struct{ letter, flag string }{
		{"R", `\Answered`}, {"T", `\Deleted`}, {"D", `\Draft`}, {"F", `\Flagged`}, {"S", `\Seen`}, {"P", "$Forwarded"},
	} {
		if strings.Contains(e.Letters, x.letter) {
			flags = append(flags, x.flag)
		}
	}
	return flags
}

// ReadMaildir lists the messages of a Maildir, in no order.
func ReadMaildir(dir string) ([]*Entry, error) {
	var list []*Entry
	for _, sub := range []string{"new", "cur"} {
		files, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if strings.HasPrefix(f.Name(), ".") || f.IsDir() {
				continue
			}
			list = append(list, parseName(sub, f.Name()))
		}
	}
	return list, nil
}

// parseName reads a file name that Store may have given.
func parseName(sub, name string) *Entry {
	e := &Entry{Sub: sub, Name: name}
	base, info, _ := strings.Cut(name, ":")
	if letters, ok := strings.CutPrefix(info, "2,"); ok {
		e.Letters = letters
	}
	key, size, _ := strings.Cut(base, ",S=")
	size, _, _ = strings.Cut(size, ",")
	e.Octets, _ = strconv.ParseInt(size, 10, 64) // 0 where it does not say
	key, ours := strings.CutSuffix(key, ours)
	if !ours {
		return e
	}
	e.Key = key
	if id, ok := strings.CutPrefix(key, "pop3-"); ok {
		e.ID = id
		return e
	}
	i := strings.LastIndexByte(key, '-')
	if i < 0 {
		return e
	}
	j := strings.LastIndexByte(key[:i], '-')
	if j < 0 {
		return e
	}
	uid, err := strconv.ParseUint(key[i+1:], 10, 32)
	validity, verr := strconv.ParseUint(key[j+1:i], 10, 32)
	if err == nil && verr == nil {
		e.UID, e.UIDValidity = uint32(uid), uint32(validity)
	}
	return e
}

// ours ends the key in the names that Store gives.
const ours = ".mailtrace"

// FileID is how a POP3 id stands in a file name.
func FileID(id string) string { return idName(id) }

// IsStale tells whether a file in tmp is what a writer of this package left behind when it was killed.
func IsStale(name string) bool {
	return strings.Contains(name, ours+",S=") || strings.HasPrefix(name, ".mailtrace-")
}

// SetFlags renames a message so that its name has the letters, moving it to cur.
func SetFlags(dir string, e *Entry, letters string) error {
	base, _, _ := strings.Cut(e.Name, ":")
	to := &Entry{Sub: "cur", Name: base + ":2," + letters}
	if err := os.Rename(e.Path(dir), to.Path(dir)); err != nil {
		return err
	}
	e.Sub, e.Name, e.Letters = to.Sub, to.Name, letters
	return nil
}

// Rekey gives a message the name of another UID, as after a change of UIDVALIDITY.
func Rekey(dir string, e *Entry, m *Message) error {
	_, info, flagged := strings.Cut(e.Name, ":")
	name := m.key() + ours + ",S=" + strconv.FormatInt(e.Octets, 10)
	if flagged {
		name += ":" + info
	}
	to := &Entry{Sub: e.Sub, Name: name}
	if _, err := os.Lstat(to.Path(dir)); err == nil {
		return os.ErrExist
	}
	if err := os.Rename(e.Path(dir), to.Path(dir)); err != nil {
		return err
	}
	e.Name, e.UID, e.UIDValidity = name, m.UID, m.UIDValidity
	return nil
}

// setTime notes when a message arrived. A file system that cannot does without.
func setTime(path string, t time.Time) {
	if !t.IsZero() {
		_ = os.Chtimes(path, t, t)
	}
}
