package mailfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/spool"
)

// Message is what is known of a message beside its octets.
type Message struct {
	Mailbox     string // "" for a maildrop
	UIDValidity uint32
	UID         uint32
	ID          string // POP3: its lasting id
	Number      uint32
	Flags       []string
	Arrived     time.Time // zero where it is not known
	Sender      string    // address, for the "From " line of an mbox
}

// key tells the message from all others of the account, as part of a file name.
func (m *Message) key() string {
	name := m.Mailbox
	if name == "" {
		name = "pop3"
	}
	name = SafeName(strings.ReplaceAll(name, "/", "."), "mailbox")
	switch {
	case m.UID != 0:
		return fmt.Sprintf("%s-%d-%d", name, m.UIDValidity, m.UID)
	case m.ID != "":
		return name + "-" + idName(m.ID)
	}
	return fmt.Sprintf("%s-%d", name, m.Number)
}

// idName makes a file name of a POP3 id: 1 to 70 octets from 0x21 to 0x7e (RFC 1939 §7), of which a
// file name takes but some. Different ids stay different.
func idName(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	s := b.String()
	return s[:min(len(s), 210)]
}

// ErrStored says that the message is there already.
var ErrStored = errors.New("mailfile: the message is stored already")

// Writer stores messages.
type Writer interface {
	// Store takes the octets over. It gives the name that the file has by the next Sync; [ErrStored] where
	// it is there. Its error may be that of a message before.
	Store(m *Message, s *spool.Spool) (name string, err error)
	// Dir is where octets wait best until they are stored.
	Dir() string
	// Sync returns once all that was stored is on the disk, octets and names. Before that a message may
	// be gone after the power failed, but in an mbox never in part.
	Sync() error
	// Close waits for what is under way. It does not stand for Sync.
	Close() error
}

// Kinds are what Open can write.
var Kinds = []string{"eml", "maildir", "mbox"}

// Guess gives the kind that is at path, or that its name speaks of: eml unless it is another.
func Guess(path string) string {
	if info, err := os.Stat(filepath.Join(path, "cur")); err == nil && info.IsDir() {
		return "maildir"
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() || err != nil && strings.HasSuffix(path, ".mbox") {
		return "mbox"
	}
	return "eml"
}

// Open opens what is at path to add messages, or makes it.
func Open(path, kind string) (Writer, error) {
	switch kind {
	case "eml":
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		return &eml{dir: path, stored: map[string]bool{}}, nil
	case "maildir":
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
				return nil, err
			}
		}
		return &maildir{dir: path}, nil
	case "mbox":
		return openMbox(path)
	}
	return nil, fmt.Errorf("mailfile: expected one of %s, got %q", strings.Join(Kinds, ", "), kind)
}

// eml is a directory of files, one a message.
type eml struct {
	dir    string
	flush  flusher
	stored map[string]bool // names that are given, maybe before their files have them
}

func (e *eml) Dir() string  { return e.dir }
func (e *eml) Sync() error  { return errors.Join(e.flush.wait(), syncDir(e.dir)) }
func (e *eml) Close() error { return e.flush.wait() }

func (e *eml) Store(m *Message, s *spool.Spool) (string, error) {
	path := filepath.Join(e.dir, m.key()+".eml")
	if _, err := os.Lstat(path); err == nil || e.stored[path] {
		return path, ErrStored
	}
	e.stored[path] = true
	return path, e.flush.put(s, filepath.Join(e.dir, ".mailtrace-"+m.key()+".part"), path, nil)
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	// Not every file system can do it; those that cannot do it by themselves.
	_ = d.Sync()
	return d.Close()
}

// maildir is a Maildir.
type maildir struct {
	dir   string
	flush flusher
	known map[string]bool // keys of what is there
}

func (d *maildir) Dir() string  { return filepath.Join(d.dir, "tmp") }
func (d *maildir) Close() error { return d.flush.wait() }

func (d *maildir) Sync() error {
	return errors.Join(d.flush.wait(), syncDir(filepath.Join(d.dir, "new")), syncDir(filepath.Join(d.dir, "cur")))
}

// letters are the flags that a Maildir knows.
var letters = map[string]byte{`\draft`: 'D', `\flagged`: 'F', `$forwarded`: 'P', `\answered`: 'R', `\seen`: 'S', `\deleted`: 'T'}

// FlagLetters gives flags as the letters of a Maildir's file name, in ASCII order.
func FlagLetters(flags []string) string {
	var have [256]bool
	for _, f := range flags {
		if c, ok := letters[strings.ToLower(f)]; ok {
			have[c] = true
		}
	}
	var b strings.Builder
	for c := byte('A'); c <= 'Z'; c++ {
		if have[c] {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (d *maildir) Store(m *Message, s *spool.Spool) (string, error) {
	if d.known == nil {
		if err := d.look(); err != nil {
			return "", err
		}
	}
	key := m.key() + ours
	if d.known[key] {
		return key, ErrStored
	}
	d.known[key] = true
	name := key + ",S=" + strconv.FormatInt(s.Size(), 10)
	path := filepath.Join(d.dir, "new", name)
	if f := FlagLetters(m.Flags); f != "" {
		path = filepath.Join(d.dir, "cur", name+":2,"+f)
	}
	arrived := m.Arrived
	return path, d.flush.put(s, filepath.Join(d.dir, "tmp", name), path, func(tmp string) { setTime(tmp, arrived) })
}

func (d *maildir) look() error {
	d.known = map[string]bool{}
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(d.dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			key, _, _ := strings.Cut(e.Name(), ",")
			d.known[key] = true
		}
	}
	return nil
}
