package mailserver

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maildir keeps mail in a Maildir++: a directory with cur, new and tmp for INBOX, and one
// below it for each other mailbox. What clients change is in the files at once: a message
// comes whole by a rename out of tmp, flags are a rename, and an expunge removes the file.
// Messages stay in new until they get a flag.
type maildir struct {
	root  string
	store *Store
	inbox *folder
	count int // of the names that add made
}

// folder is a directory of a Maildir.
type folder struct {
	path    string
	uids    *uids
	scanned [2]scanned // new, cur
}

// scanned is a directory as it was when its names were read.
type scanned struct {
	modified time.Time // of the directory
	at       time.Time // by the clock
}

// subs are the directories that hold messages, in the order in which a message goes
// through them: whoever reads them so meets one that moves meanwhile at least once.
var subs = [...]string{"new", "cur"}

var errKeywords = errors.New("a Maildir has room for 26 keywords a folder")

// NotMaildirError says why a directory is none.
type NotMaildirError struct {
	Path string
	Err  error
}

func (e *NotMaildirError) Error() string {
	return fmt.Sprintf("mailserver: %s is no Maildir: %v", e.Path, e.Err)
}
func (e *NotMaildirError) Unwrap() error { return e.Err }

// Hint says what would be one.
func (e *NotMaildirError) Hint() string {
	return "a Maildir is a directory with cur, new and tmp in it; an empty directory becomes one"
}

// OpenMaildir makes a store of the Maildir++ in dir: INBOX is dir itself, and the directory
// .Sent.2026 below it is Sent/2026. What clients change is written there, with the UIDs in
// a file of its own in each folder. An empty directory becomes a Maildir. Folders whose
// names are no modified UTF-7 are left out, and given as skipped.
//
// With ReadOnly not one octet is written. Messages that the file with UIDs does not know
// get some for this run; UIDVALIDITY is made of everything that they depend on.
func OpenMaildir(dir string, opts ...Option) (s *Store, skipped []string, err error) {
	k := &maildir{root: dir}
	s = newStore(k, opts)
	k.store = s
	s.validity = max(uint32(s.now().Unix()), 1)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, &NotMaildirError{dir, pathless(err)}
	}
	if len(entries) == 0 && !s.readOnly {
		if err := makeMaildir(dir); err != nil {
			return nil, nil, err
		}
	}
	if err := isMaildir(dir); err != nil {
		return nil, nil, &NotMaildirError{dir, err}
	}
	inbox, err := k.open(inboxName, dir)
	if err != nil {
		return nil, nil, err
	}
	k.inbox = inbox.dir
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || isMaildir(filepath.Join(dir, e.Name())) != nil {
			continue
		}
		name, err := mailboxName(e.Name())
		if err != nil || s.mailboxes[name] != nil {
			skipped = append(skipped, e.Name())
			continue
		}
		if _, err := k.open(name, filepath.Join(dir, e.Name())); err != nil {
			return nil, nil, err
		}
	}
	return s, skipped, k.finish()
}

// finish gives a UIDVALIDITY to the folders that have none, higher than any that there ever
// was, and takes in the messages.
func (k *maildir) finish() error {
	s := k.store
	all := make([]*mailbox, 0, len(s.mailboxes))
	for _, mb := range s.mailboxes {
		all = append(all, mb)
		s.validity = max(s.validity, mb.dir.uids.validity+1)
	}
	s.validity = max(s.validity, k.inbox.uids.last+1)
	slices.SortFunc(all, func(a, b *mailbox) int { return strings.Compare(sortKey(a.name), sortKey(b.name)) })
	for _, mb := range all {
		u := mb.dir.uids
		if u.validity == 0 {
			u.validity = s.validity
			s.validity++
		}
		mb.validity, mb.uidNext, mb.subscribed = u.validity, u.next, !u.unsubscribed
	}
	if !s.readOnly && k.inbox.uids.last < s.validity-1 {
		// On disk before the first client hears of one.
		k.inbox.uids.last = s.validity - 1
		if err := k.inbox.uids.write(nil); err != nil {
			return fmt.Errorf("mailserver: %w", err)
		}
	}
	for _, mb := range all {
		if err := k.look(mb); err != nil {
			return fmt.Errorf("mailserver: %w", err)
		}
		if s.readOnly {
			mb.validity = mb.fingerprint()
			continue
		}
		mb.dir.uids.known = nil // what is in it and not there is gone
		if err := mb.dir.uids.write(mb.msgs); err != nil {
			return fmt.Errorf("mailserver: %w", err)
		}
	}
	return nil
}

// fingerprint is a UIDVALIDITY of the messages, their UIDs and the state of the
// directories: it changes before any UID could come to mean another message.
func (mb *mailbox) fingerprint() uint32 {
	h := fnv.New32a()
	fmt.Fprintln(h, mb.dir.uids.validity*b2u(mb.dir.uids.found), mb.uidNext)
	for _, x := range mb.dir.scanned {
		fmt.Fprintln(h, x.modified.UnixNano())
	}
	for _, m := range mb.msgs {
		fmt.Fprintln(h, m.uid, m.base())
	}
	return max(h.Sum32(), 1)
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// open makes a mailbox of a directory, without its messages.
func (k *maildir) open(name, path string) (*mailbox, error) {
	u, err := readUIDs(path)
	if err != nil {
		return nil, err
	}
	mb := &mailbox{name: name, changed: make(chan struct{}), dir: &folder{path: path, uids: u}}
	k.store.mailboxes[name] = mb
	return mb, nil
}

func isMaildir(dir string) error {
	for _, sub := range subs {
		info, err := os.Stat(filepath.Join(dir, sub))
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", sub, pathless(err))
		case !info.IsDir():
			return fmt.Errorf("%s is no directory", sub)
		}
	}
	return nil
}

func makeMaildir(dir string) error {
	for _, sub := range [...]string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// pathless is an error of the file system without its path.
func pathless(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// path is the file of a message.
func (m *message) path() string { return filepath.Join(m.home.dir.path, filepath.FromSlash(m.file)) }

// base is the part of a file's name that stays with a message.
func (m *message) base() string {
	_, name, _ := strings.Cut(m.file, "/")
	base, _ := splitInfo(name)
	return base
}

func (k *maildir) read(m *message) (octets []byte, err error) {
	err = k.onFile(m, func() error {
		octets, err = os.ReadFile(m.path())
		return err
	})
	return withCRLF(octets), err
}

// onFile does something with a message's file. Where somebody else has renamed it, it is
// looked for.
func (k *maildir) onFile(m *message, do func() error) error {
	if m.gone || m.home.dir == nil {
		return errGone
	}
	err := do()
	if errors.Is(err, fs.ErrNotExist) {
		if err := k.rescan(m.home); err != nil {
			return err
		}
		if m.gone {
			return errGone
		}
		err = do()
	}
	return err
}

// add delivers a message: whole in tmp, its UID on disk, then renamed to where everybody
// sees it. After a crash in between its UID is spent.
func (k *maildir) add(m *message, octets []byte) error {
	mb := m.home
	if mb.dir == nil {
		return errNoMailbox
	}
	letters, err := mb.letters(m.flags)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(mb.dir.path, "tmp"), 0o700); err != nil {
		return err
	}
	k.count++
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	host = strings.NewReplacer("/", `\057`, ":", `\072`, " ", "_").Replace(host)
	// rand.Text keeps two processes apart that share a host's name and a process id.
	base := fmt.Sprintf("%d.P%dQ%dR%s.%s", time.Now().Unix(), os.Getpid(), k.count, rand.Text()[:8], host)
	tmp := filepath.Join(mb.dir.path, "tmp", base)
	if err := writeNew(tmp, withLF(octets), m.date); err != nil {
		return err
	}
	m.file = "cur/" + base + infoMark + letters
	if err = mb.dir.uids.add(mb.msgs, []*message{m}); err == nil {
		err = mb.dir.own(func() error { return os.Rename(tmp, m.path()) })
	}
	if err != nil {
		_ = os.Remove(tmp) // err is the one that counts
		mb.uidNext = mb.dir.uids.next
		return err
	}
	return nil
}

// writeNew writes a file, and makes its time that of the message.
func writeNew(path string, octets []byte, date time.Time) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(octets)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chtimes(path, date, date)
	}
	if err != nil {
		_ = os.Remove(path) // err is the one that counts
	}
	return err
}

func (k *maildir) setFlags(m *message, flags []string) error {
	letters, err := m.home.letters(flags)
	if err != nil {
		return err
	}
	return k.onFile(m, func() error {
		_, old := splitInfo(m.file)
		// Letters that mean nothing to us are somebody's.
		for i := range len(old) {
			if c := old[i]; m.home.flagOf(c) == "" && strings.IndexByte(letters, c) < 0 {
				letters += string(c)
			}
		}
		file := "cur/" + m.base() + infoMark + sorted(letters)
		if file == m.file {
			return nil
		}
		to := filepath.Join(m.home.dir.path, filepath.FromSlash(file))
		if err := m.home.dir.own(func() error { return os.Rename(m.path(), to) }); err != nil {
			return err
		}
		m.file = file
		return nil
	})
}

func sorted(letters string) string {
	octets := []byte(letters)
	slices.Sort(octets)
	return string(slices.Compact(octets))
}

// letters are those of flags; a keyword that has none gets one.
func (mb *mailbox) letters(flags []string) (string, error) {
	var b bytes.Buffer
	for _, f := range flags {
		i := slices.IndexFunc(systemFlags[:], func(x struct {
			letter byte
			flag   string
		},
		) bool {
			return strings.EqualFold(x.flag, f)
		})
		if i >= 0 {
			b.WriteByte(systemFlags[i].letter)
			continue
		}
		if strings.HasPrefix(f, `\`) {
			continue // \Recent and what nobody knows are not kept (RFC 9051 §2.3.2)
		}
		letter := mb.dir.uids.letter(f)
		if letter == 0 {
			var err error
			if letter, err = mb.newKeyword(f); err != nil {
				return "", err
			}
		}
		b.WriteByte(letter)
	}
	return sorted(b.String()), nil
}

// newKeyword gives a keyword a letter that no file has.
func (mb *mailbox) newKeyword(keyword string) (byte, error) {
	used := ""
	for _, m := range mb.msgs {
		_, letters := splitInfo(m.file)
		used += letters
	}
	u := mb.dir.uids
	for i := range u.keywords {
		letter := byte('a' + i)
		if u.keywords[i] != "" || strings.IndexByte(used, letter) >= 0 {
			continue
		}
		u.keywords[i] = keyword
		if err := u.write(mb.msgs); err != nil {
			u.keywords[i] = ""
			return 0, err
		}
		return letter, nil
	}
	return 0, errKeywords
}

// flagOf is the flag of a letter, "" where it has none.
func (mb *mailbox) flagOf(letter byte) string {
	for _, x := range systemFlags {
		if x.letter == letter {
			return x.flag
		}
	}
	if letter >= 'a' && letter <= 'z' {
		return mb.dir.uids.keywords[letter-'a']
	}
	return ""
}

func (k *maildir) remove(m *message) error {
	err := k.onFile(m, func() error {
		return m.home.dir.own(func() error { return os.Remove(m.path()) })
	})
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}
