package mailserver

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Within the grain of a directory's time a second change would not show. So one that was
// read less than settled after its last change is read again, but not more often than
// every lull.
const (
	settled = 2 * time.Second
	lull    = 100 * time.Millisecond
)

// look takes in what others delivered, removed or flagged. Where no directory changed it
// costs two calls.
func (k *maildir) look(mb *mailbox) error {
	if mb.dir == nil {
		return nil // the mailbox was removed, by a client
	}
	for i, sub := range subs {
		info, err := os.Stat(filepath.Join(mb.dir.path, sub))
		if err != nil {
			return err
		}
		x := mb.dir.scanned[i]
		if !info.ModTime().Equal(x.modified) || x.at.Sub(x.modified) < settled && time.Since(x.at) > lull {
			return k.rescan(mb)
		}
	}
	return nil
}

// own changes directories by do, and notes that it was us, unless somebody else changed
// them since they were read.
func (f *folder) own(do func() error) error {
	unchanged := func(i int) bool {
		info, err := os.Stat(filepath.Join(f.path, subs[i]))
		return err == nil && info.ModTime().Equal(f.scanned[i].modified)
	}
	before := [...]bool{unchanged(0), unchanged(1)}
	err := do()
	for i, same := range before {
		if info, e := os.Stat(filepath.Join(f.path, subs[i])); e == nil && same {
			f.scanned[i].modified = info.ModTime()
		}
	}
	return err
}

// rescan reads the directories. A name that is missing is looked for a second time: one
// that is renamed while a directory is read may show neither under the old name nor under
// the new.
func (k *maildir) rescan(mb *mailbox) error {
	if mb.dir == nil {
		return nil
	}
	names, err := mb.dir.names()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(mb.msgs, func(m *message) bool { return names[m.base()] == "" }) {
		again, err := mb.dir.names()
		if err != nil {
			return err
		}
		for base, file := range again {
			names[base] = file
		}
	}
	changed := false
	for _, m := range mb.msgs {
		base := m.base()
		file, ok := names[base]
		delete(names, base)
		if !ok {
			m.gone = true
			continue
		}
		if file == m.file {
			continue
		}
		m.file = file
		if flags := mb.fileFlags(file); !sameFlags(flags, m.flags) {
			m.flags = flags
			m.version++
			changed = true
		}
	}
	if err := k.arrived(mb, names); err != nil {
		return err
	}
	if changed {
		mb.notify()
	}
	mb.sweep()
	return nil
}

// names reads the directories: the files by the part of their names that stays.
func (f *folder) names() (map[string]string, error) {
	names := map[string]string{}
	for i, sub := range subs {
		dir := filepath.Join(f.path, sub)
		info, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		f.scanned[i] = scanned{info.ModTime(), time.Now()}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := e.Name()
			odd := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
			if e.IsDir() || odd || strings.HasPrefix(name, ".") {
				continue
			}
			if base, _ := splitInfo(name); base != "" {
				names[base] = sub + "/" + name // cur comes last, and counts
			}
		}
	}
	return names, nil
}

// arrived takes in messages that came: those that had a UID under it, the others behind, in
// the order of their names, which begin with the time of delivery.
func (k *maildir) arrived(mb *mailbox, names map[string]string) error {
	u := mb.dir.uids
	var old, news []*message
	for base, file := range names {
		info, err := os.Stat(filepath.Join(mb.dir.path, filepath.FromSlash(file)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // moved on; the next look finds it
		} else if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		m := &message{home: mb, file: file, date: info.ModTime(), counted: -1, flags: mb.fileFlags(file)}
		// Once only: a name that comes back is another message (RFC 9051 §2.3.1.1).
		if m.uid = u.known[base]; m.uid > 0 {
			old = append(old, m)
		} else {
			news = append(news, m)
		}
	}
	slices.SortFunc(old, func(a, b *message) int { return cmp.Compare(a.uid, b.uid) })
	slices.SortFunc(news, func(a, b *message) int { return strings.Compare(a.base(), b.base()) })
	mb.msgs = append(mb.msgs[:len(mb.msgs):len(mb.msgs)], old...)
	u.known = nil // of the file as it was found; from here on mb.msgs counts
	for i, m := range news {
		m.uid = mb.uidNext + uint32(i)
	}
	if !k.store.readOnly {
		if err := u.add(mb.msgs, news); err != nil {
			mb.dir.scanned = [2]scanned{} // they are still to come
			return err
		}
	}
	mb.uidNext += uint32(len(news))
	mb.msgs = append(mb.msgs, news...)
	if len(old)+len(news) > 0 {
		mb.notify()
	}
	return nil
}

// fileFlags gives the flags in a file's name; letters that mean nothing here have none.
func (mb *mailbox) fileFlags(file string) (flags []string) {
	_, letters := splitInfo(file)
	for i := range len(letters) {
		if f := mb.flagOf(letters[i]); f != "" {
			flags = append(flags, f)
		}
	}
	return flags
}

func sameFlags(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(f string) bool { return indexFlag(b, f) < 0 })
}
