package mailsync

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// The files in a Maildir that are ours.
const (
	stateFile = ".mailtrace-sync"
	lockFile  = ".mailtrace-sync.lock"
)

// state is what both sides had when they were last equal.
//
//	mailtrace-sync 1
//	account imaps://u1@imap.example.org/INBOX
//	uidvalidity 1795325553
//	modseq 4711
//	uid 12 FS
//	uid 13 - gone
//	id 000000016b027e71
//	sum 1f2e3d4c
type state struct {
	account  string
	validity uint32
	modseq   int64
	uids     map[uint32]*known
	ids      map[string]bool // POP3, as in file names
}

// known is a message.
type known struct {
	letters string
	gone    bool // its file was removed here, and the server was not told
}

// errState says that a state cannot be read: all is compared anew, nothing is lost by that.
var errState = errors.New("mailsync: the state is damaged")

func newState(account string) *state {
	return &state{account: account, uids: map[uint32]*known{}, ids: map[string]bool{}}
}

func loadState(dir, account string) (*state, error) {
	p, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return newState(account), nil
	}
	if err != nil {
		return nil, err
	}
	return parseState(p)
}

func parseState(p []byte) (*state, error) {
	s := newState("")
	i := bytes.LastIndex(p, []byte("\nsum "))
	if i < 0 || !bytes.HasPrefix(p, []byte("mailtrace-sync 1\n")) {
		return nil, errState
	}
	sum := strings.TrimSpace(string(p[i+len("\nsum "):]))
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(p[:i+1])) {
		return nil, errState
	}
	lines := bufio.NewScanner(bytes.NewReader(p[:i+1]))
	for lines.Scan() {
		w := strings.Fields(lines.Text())
		if len(w) < 2 {
			return nil, errState
		}
		n, err := strconv.ParseInt(w[1], 10, 64)
		if (w[0] == "uid" || w[0] == "uidvalidity") && (n < 0 || n > 1<<32-1) {
			return nil, errState
		}
		switch w[0] {
		case "mailtrace-sync":
			err = nil
		case "account":
			s.account, err = w[1], nil
		case "uidvalidity":
			s.validity = uint32(n)
		case "modseq":
			s.modseq = n
		case "id":
			s.ids[w[1]], err = true, nil
		case "uid":
			if len(w) < 3 {
				return nil, errState
			}
			k := &known{letters: strings.Trim(w[2], "-"), gone: len(w) > 3 && w[3] == "gone"}
			s.uids[uint32(n)] = k
		default:
			return nil, errState
		}
		if err != nil {
			return nil, errState
		}
	}
	return s, nil
}

func (s *state) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "mailtrace-sync 1\naccount %s\n", s.account)
	if s.validity != 0 {
		fmt.Fprintf(&b, "uidvalidity %d\nmodseq %d\n", s.validity, s.modseq)
	}
	for _, uid := range slices.Sorted(maps.Keys(s.uids)) {
		k := s.uids[uid]
		letters := k.letters
		if letters == "" {
			letters = "-"
		}
		fmt.Fprintf(&b, "uid %d %s", uid, letters)
		if k.gone {
			b.WriteString(" gone")
		}
		b.WriteByte('\n')
	}
	for _, id := range slices.Sorted(maps.Keys(s.ids)) {
		fmt.Fprintf(&b, "id %s\n", id)
	}
	fmt.Fprintf(&b, "sum %08x\n", crc32.ChecksumIEEE(b.Bytes()))
	return b.Bytes()
}

func (s *state) save(dir string) error {
	return mailfile.WriteFile(filepath.Join(dir, stateFile), s.bytes())
}
