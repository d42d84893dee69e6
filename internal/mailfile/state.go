package mailfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// State is which messages were fetched before, from a file of lines:
//
//	imap <account> <UIDVALIDITY> <sequence-set of UIDs>
//	pop3 <account> <id> <id> …
//	mbox <octets>
//
// An account is the server's URL with user and mailbox, which holds no space. The octets are the length of
// the mbox that all of this is in: what is behind them is not noted yet.
type State struct {
	path  string
	mbox  *mbox // nil where the store is none
	noted int64 // its length when the state was written, -1 where that is not known
	imap  map[string]*seenUIDs
	pop3  map[string]map[string]bool
}

type seenUIDs struct {
	validity uint32
	set      []grammar.Range // ascending, apart from each other
}

// LoadState reads the state beside a store; of one that is not there nothing was fetched.
func LoadState(path string) (*State, error) {
	s := &State{path: path, noted: -1, imap: map[string]*seenUIDs{}, pop3: map[string]map[string]bool{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 256<<20)
	for n := 1; lines.Scan(); n++ {
		w := strings.Fields(lines.Text())
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			continue
		}
		switch {
		case len(w) >= 3 && len(w) <= 4 && w[0] == "imap":
			validity, err := strconv.ParseUint(w[2], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("mailfile: %s:%d: expected a UIDVALIDITY, found %q", path, n, w[2])
			}
			x := &seenUIDs{validity: uint32(validity)}
			if len(w) == 4 {
				set, k, ok := grammar.ParseSet([]byte(w[3]))
				if !ok || k != len(w[3]) {
					return nil, fmt.Errorf("mailfile: %s:%d: expected a set of UIDs, found %q", path, n, w[3])
				}
				x.set = set.Normal(nil, 1<<32-1)
			}
			s.imap[w[1]] = x
		case len(w) >= 2 && w[0] == "pop3":
			s.pop3[w[1]] = map[string]bool{}
			for _, id := range w[2:] {
				s.pop3[w[1]][id] = true
			}
		case len(w) == 2 && w[0] == "mbox":
			if s.noted, err = strconv.ParseInt(w[1], 10, 64); err != nil || s.noted < 0 {
				return nil, fmt.Errorf("mailfile: %s:%d: expected a length in octets, found %q", path, n, w[1])
			}
		default:
			return nil, fmt.Errorf("mailfile: %s:%d: expected imap or pop3, an account and what was fetched, found %q", path, n, lines.Text())
		}
	}
	return s, lines.Err()
}

// Watch binds the state to the store that it speaks of. What a run that was killed left behind in an mbox is
// found, and not stored again.
func (s *State) Watch(w Writer) error {
	m, ok := w.(*mbox)
	if !ok {
		return nil
	}
	s.mbox = m
	if s.noted >= 0 && s.noted < m.end {
		return m.lookBehind(s.noted)
	}
	if s.noted == m.end {
		return nil
	}
	return s.Save() // so that what this run adds is told from what is there
}

// HasUID tells whether a message was fetched before.
func (s *State) HasUID(account string, validity, uid uint32) bool {
	x := s.imap[account]
	if x == nil || x.validity != validity {
		return false
	}
	for _, r := range x.set {
		if r.First <= uid && uid <= r.Last {
			return true
		}
	}
	return false
}

// AddUID notes that a message was fetched. Another UIDVALIDITY makes all before it void.
func (s *State) AddUID(account string, validity, uid uint32) {
	x := s.imap[account]
	if x == nil || x.validity != validity {
		x = &seenUIDs{validity: validity}
		s.imap[account] = x
	}
	i := len(x.set)
	for i > 0 && x.set[i-1].First > uid {
		i--
	}
	if i > 0 && x.set[i-1].Last >= uid {
		return
	}
	if i > 0 && x.set[i-1].Last+1 == uid {
		x.set[i-1].Last = uid
		if i < len(x.set) && x.set[i].First == uid+1 {
			x.set[i-1].Last = x.set[i].Last
			x.set = append(x.set[:i], x.set[i+1:]...)
		}
		return
	}
	if i < len(x.set) && x.set[i].First == uid+1 {
		x.set[i].First = uid
		return
	}
	x.set = append(x.set, grammar.Range{})
	copy(x.set[i+1:], x.set[i:])
	x.set[i] = grammar.Range{First: uid, Last: uid}
}

// HasID tells whether a message of a maildrop was fetched before.
func (s *State) HasID(account, id string) bool { return s.pop3[account][id] }

// AddID notes that a message of a maildrop was fetched.
func (s *State) AddID(account, id string) {
	if s.pop3[account] == nil {
		s.pop3[account] = map[string]bool{}
	}
	s.pop3[account][id] = true
}

// KeepIDs forgets the ids of an account but those that the maildrop still has.
func (s *State) KeepIDs(account string, there map[string]bool) {
	for id := range s.pop3[account] {
		if !there[id] {
			delete(s.pop3[account], id)
		}
	}
}

// Save puts the state in its place, whole or not at all. What it tells of has to be on the disk: see Sync.
func (s *State) Save() error {
	var b strings.Builder
	b.WriteString("# mailtrace: what was fetched before; see fetch --new\n")
	for _, account := range slices.Sorted(maps.Keys(s.imap)) {
		x := s.imap[account]
		fmt.Fprintf(&b, "imap %s %d %s\n", account, x.validity, grammar.AppendSet(nil, x.set))
	}
	for _, account := range slices.Sorted(maps.Keys(s.pop3)) {
		b.WriteString("pop3 " + account)
		for _, id := range slices.Sorted(maps.Keys(s.pop3[account])) {
			b.WriteString(" " + id)
		}
		b.WriteString("\n")
	}
	if s.mbox != nil {
		fmt.Fprintf(&b, "mbox %d\n", s.mbox.end)
	} else if s.noted >= 0 {
		fmt.Fprintf(&b, "mbox %d\n", s.noted)
	}
	return WriteFile(s.path, []byte(b.String()))
}

// WriteFile puts a file in its place, whole or not at all, and on the disk.
func WriteFile(path string, p []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mailtrace-*.part")
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}
