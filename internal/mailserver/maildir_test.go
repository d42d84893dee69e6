package mailserver

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree is a Maildir with a store over it, and what has to be in it.
type tree struct {
	*testing.T
	r     *rand.Rand
	dir   string
	store *Store
	boxes map[string]map[uint32]*kept // what is there, by mailbox and UID
	ever  map[string]string           // what each UIDVALIDITY and UID ever meant
	count int
}

// kept is a message that has to be there; uid 0 where nobody knows it yet.
type kept struct {
	octets string
	flags  []string
}

func (x *tree) open() {
	x.Helper()
	s, skipped, err := OpenMaildir(x.dir)
	if err != nil || skipped != nil {
		x.Fatal(err, skipped)
	}
	x.store = s
}

func (x *tree) message() Message {
	x.count++
	end := [...]string{"", "\r\n", "\r\n\r\n", "\r\r\nx\r\n", "\r"}[x.r.IntN(5)]
	return Message{
		Octets: fmt.Appendf(nil, "Subject: %d\r\n\r\nbody%s", x.count, end),
		Flags:  pickFlags(x.r), Date: time.Unix(1700000000+int64(x.count), 0),
	}
}

func pickFlags(r *rand.Rand) (flags []string) {
	for _, f := range [...]string{`\Seen`, `\Deleted`, `\Flagged`, "$Junk", "Work", "$Forwarded"} {
		if r.IntN(3) == 0 {
			flags = append(flags, f)
		}
	}
	return flags
}

func (x *tree) box() *mailbox {
	names := make([]string, 0, len(x.boxes))
	for n := range x.boxes {
		names = append(names, n)
	}
	slices.Sort(names)
	return x.store.mailboxes[names[x.r.IntN(len(names))]]
}

func (x *tree) any(mb *mailbox) *message {
	if len(mb.msgs) == 0 {
		return nil
	}
	return mb.msgs[x.r.IntN(len(mb.msgs))]
}

// settle makes the next look read the directories, as it does by itself after a while.
func (x *tree) settle() {
	for _, mb := range x.store.mailboxes {
		mb.dir.scanned = [2]scanned{}
	}
}

// step changes something, by the store or behind its back.
func (x *tree) step() {
	x.Helper()
	mb := x.box()
	session := &imapSession{store: x.store}
	try := func(err error) {
		x.Helper()
		if err != nil {
			x.Fatal(err)
		}
	}
	switch x.r.IntN(11) {
	case 0, 1:
		m := x.message()
		uid, err := x.store.Append(mb.name, m)
		try(err)
		x.boxes[mb.name][uid] = &kept{string(m.Octets), m.Flags}
	case 2:
		if m := x.any(mb); m != nil {
			flags := pickFlags(x.r)
			_, err := x.store.change(m, setFlags, flags)
			try(err)
			x.boxes[mb.name][m.uid].flags = flags
		}
	case 3:
		if m := x.any(mb); m != nil {
			try(x.store.expunge(mb, func(o *message) bool { return o == m }))
			delete(x.boxes[mb.name], m.uid)
		}
	case 4: // somebody delivers, with LF
		x.count++
		text := fmt.Sprintf("Subject: %d\n\nfrom outside\n", x.count)
		try(os.WriteFile(filepath.Join(mb.dir.path, "new", fmt.Sprintf("%d.%d.x", 1800000000+x.r.IntN(9), x.count)), []byte(text), 0o600))
		x.boxes[mb.name][uint32(1<<31+x.count)] = &kept{strings.ReplaceAll(text, "\n", "\r\n"), nil}
		x.settle()
	case 5: // somebody removes
		if m := x.any(mb); m != nil {
			try(os.Remove(m.path()))
			delete(x.boxes[mb.name], m.uid)
			x.settle()
		}
	case 6: // somebody flags
		if m := x.any(mb); m != nil {
			try(os.Rename(m.path(), filepath.Join(mb.dir.path, "cur", m.base()+":2,FS")))
			x.boxes[mb.name][m.uid].flags = []string{`\Flagged`, `\Seen`}
			x.settle()
		}
	case 7:
		name := fmt.Sprintf("A/%d", x.r.IntN(4))
		if x.boxes[name] == nil {
			try(session.Create(name, nil))
			if x.boxes["A"] == nil {
				x.boxes["A"] = map[uint32]*kept{}
			}
			x.boxes[name] = map[uint32]*kept{}
		}
	case 8:
		if mb.name != inboxName {
			try(session.Delete(mb.name))
			delete(x.boxes, mb.name)
		}
	case 9:
		to := fmt.Sprintf("B%d", x.r.IntN(3))
		if mb.name != inboxName && mb.name != "A" && x.boxes[to] == nil {
			from := mb.name
			try(session.Rename(from, to, nil))
			x.boxes[to] = x.boxes[from]
			delete(x.boxes, from)
		}
	case 10: // a crash, in the midst of a delivery
		f, err := os.OpenFile(filepath.Join(mb.dir.path, uidFile), os.O_APPEND|os.O_WRONLY, 0)
		try(err)
		if x.r.IntN(2) == 0 {
			_, err = f.WriteString("uid 4000000")
		}
		try(errors.Join(err, f.Close()))
		try(os.WriteFile(filepath.Join(mb.dir.path, "tmp", "half"), []byte("Subj"), 0o600))
		x.open()
	}
}

// check compares what the store shows with what has to be there.
func (x *tree) check() {
	x.Helper()
	if len(x.store.mailboxes) != len(x.boxes) {
		x.Fatalf("%d mailboxes, want %d", len(x.store.mailboxes), len(x.boxes))
	}
	for name, want := range x.boxes {
		mb := x.store.mailboxes[name]
		if mb == nil {
			x.Fatalf("no mailbox %s", name)
		}
		if err := x.store.look(mb); err != nil {
			x.Fatal(err)
		}
		last := uint32(0)
		for _, m := range mb.msgs {
			octets, err := x.store.content(m)
			if err != nil {
				x.Fatal(err)
			}
			if m.uid <= last || m.uid >= mb.uidNext {
				x.Fatalf("%s: UID %d behind %d, UIDNEXT %d", name, m.uid, last, mb.uidNext)
			}
			last = m.uid
			id := fmt.Sprintf("%d/%d", mb.validity, m.uid)
			if was, ok := x.ever[id]; ok && was != string(octets) {
				x.Fatalf("%s: UID %s is given again: %q, now %q", name, id, was, octets)
			}
			x.ever[id] = string(octets)
			k := want[m.uid]
			if k == nil {
				// It came from outside: its UID shows now.
				for n, o := range want {
					if n > 1<<31 && o.octets == string(octets) {
						k = o
						delete(want, n)
						want[m.uid] = o
					}
				}
			}
			if k == nil {
				x.Fatalf("%s: UID %d should not be there", name, m.uid)
			}
			if k.octets != string(octets) || !sameFlags(k.flags, m.flags) {
				x.Fatalf("%s: UID %d: got %q %q, want %q %q", name, m.uid, octets, m.flags, k.octets, k.flags)
			}
		}
		if len(mb.msgs) != len(want) {
			x.Fatalf("%s: %d messages, want %d", name, len(mb.msgs), len(want))
		}
	}
}

// TestMaildirAgainstModel does random things to a Maildir, by the store, behind its back,
// and to the process.
func TestMaildirAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		x := &tree{
			T: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(),
			boxes: map[string]map[uint32]*kept{inboxName: {}}, ever: map[string]string{},
		}
		x.open()
		for range 60 {
			x.step()
			x.check()
		}
	}
}

func maildirWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range [...]string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// snapshot is every file and directory with its octets.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&all, p, info.Mode())
		if info.Mode().IsRegular() {
			octets, err := os.ReadFile(p)
			fmt.Fprintf(&all, "%s\n%q\n", info.ModTime(), octets)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestMaildirReadOnly(t *testing.T) {
	dir := maildirWith(t, map[string]string{
		"cur/1.a:2,FSz": "A: 1\n\n.x\n", "new/2.b": "A: 2\r\n\r\n", ".Sent/cur/3.c": "", ".Sent/new/.hidden": "", ".&bad/cur/x": "", ".&bad/new/x": "",
	})
	before := snapshot(t, dir)
	s, skipped, err := OpenMaildir(dir, ReadOnly())
	if err != nil || !slices.Equal(skipped, []string{".&bad"}) {
		t.Fatal(err, skipped)
	}
	p := opened(t, &Server{Store: s})
	p.has(p.run("a", "FETCH 1:* (FLAGS RFC822.SIZE BODY[])"),
		`* 1 FETCH (FLAGS (\Flagged \Seen) RFC822.SIZE 12 BODY[] {12}`+"\r\nA: 1\r\n\r\n.x\r\n)\r\n", "* 2 FETCH (FLAGS () RFC822.SIZE 8")
	p.has(p.run("s", "SELECT INBOX"), "[PERMANENTFLAGS ()]", "s OK [READ-ONLY] SELECT completed")
	validity := s.mailboxes[inboxName].validity
	for _, command := range []string{
		`STORE 1 +FLAGS (\Deleted)`, "EXPUNGE", "COPY 1 Sent", "MOVE 1 Sent", "CREATE x", "DELETE Sent", "RENAME Sent Other",
		"RENAME INBOX Other", "UNSUBSCRIBE Sent", "APPEND INBOX {1+}\r\nx",
	} {
		p.ask("b "+command, "b NO [NOPERM] ")
	}
	p.run("c", "CLOSE")
	_, addr := start(t, &Server{Store: s}, nil)
	po := dial(t, addr)
	po.login()
	po.ask("DELE 1", "-ERR [SYS/PERM] ")
	po.ask("QUIT", "+OK")
	if after := snapshot(t, dir); after != before {
		t.Errorf("it wrote:\n%s\nbefore:\n%s", after, before)
	}
	if s, _, err = OpenMaildir(dir, ReadOnly()); err != nil || s.mailboxes[inboxName].validity != validity {
		t.Error("the same Maildir has another UIDVALIDITY", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new", "0.z"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, _, err = OpenMaildir(dir, ReadOnly()); err != nil || s.mailboxes[inboxName].validity == validity {
		t.Error("another UID 1 under the same UIDVALIDITY", err)
	}
}

// What is delivered while we run shows in IDLE and at NOOP; a flag that a client sets is in
// the file's name.
func TestMaildirWhileServed(t *testing.T) {
	dir := maildirWith(t, nil)
	s, _, err := OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, &Server{Store: s, Interval: time.Millisecond})
	p.ask("i IDLE", "+ idling")
	tmp := filepath.Join(dir, "tmp", "5.x")
	if err := os.WriteFile(tmp, []byte("A: 5\n\nhello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, "new", "5.x")); err != nil {
		t.Fatal(err)
	}
	p.expect("* 1 EXISTS")
	p.ask("DONE", "i OK")
	p.run("s", `STORE 1 +FLAGS (\Answered $Label)`)
	if _, err := os.Stat(filepath.Join(dir, "cur", "5.x:2,Ra")); err != nil {
		t.Error(err)
	}
	// Somebody takes the keyword off.
	if err := os.Rename(filepath.Join(dir, "cur", "5.x:2,Ra"), filepath.Join(dir, "cur", "5.x:2,S")); err != nil {
		t.Fatal(err)
	}
	p.ask("j IDLE", "+ idling", `* 1 FETCH (UID 1 FLAGS (\Seen))`)
	if err := os.Remove(filepath.Join(dir, "cur", "5.x:2,S")); err != nil {
		t.Fatal(err)
	}
	p.expect("* 1 EXPUNGE")
	p.ask("DONE", "j OK")
}

// A message that is gone while a client fetches it has no row, and its EXPUNGE comes when it
// may (RFC 9051 §7.5.1).
func TestMaildirGone(t *testing.T) {
	dir := maildirWith(t, map[string]string{"cur/1.a:2,": "A: 1\n\n", "cur/2.b:2,": "A: 2\n\n"})
	s, _, err := OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, &Server{Store: s})
	if err := os.Remove(filepath.Join(dir, "cur", "1.a:2,")); err != nil {
		t.Fatal(err)
	}
	if all := p.run("a", "FETCH 1:2 (BODY.PEEK[])"); all != "* 2 FETCH (BODY[] {8}\r\nA: 2\r\n\r\n)\r\na OK FETCH completed\r\n" {
		t.Error(all)
	}
	p.has(p.run("b", "NOOP"), "* 1 EXPUNGE\r\nb OK")
	p.has(p.run("c", "FETCH 1 UID"), "* 1 FETCH (UID 2)")
}

func TestMaildirKeywordsEnd(t *testing.T) {
	s, _, err := OpenMaildir(maildirWith(t, map[string]string{"cur/1.a:2,q": "", "cur/2.b:2,": ""}))
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, &Server{Store: s})
	for i := range 25 {
		p.run("a", fmt.Sprintf("STORE 2 FLAGS (K%d)", i))
	}
	p.ask("b STORE 2 FLAGS (K25)", "* 2 FETCH (FLAGS (K24))", "b NO [LIMIT]") // "q" is somebody's
	p.run("c", "STORE 1 FLAGS (k0)")
	if file := s.mailboxes[inboxName].msgs[0].file; file != "cur/1.a:2,aq" {
		t.Error(file)
	}
}

// No name that a client gives leads out of the directory.
func TestMaildirNames(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "mail")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, _, err := OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, &Server{Store: s})
	for _, name := range []string{"..", "../x", "x/../y", "/x", "x//y", ".", "a.b", "x\\\\y", "INBOX/..", strings.Repeat("n", 256), "%", "*"} {
		p.send("a CREATE \"" + name + "\"\r\n")
		if got := p.until("a "); !strings.HasPrefix(got, "a NO [CANNOT]") && !strings.HasPrefix(got, "a BAD") {
			t.Errorf("CREATE %q: %s", name, got)
		}
		p.send("b STATUS \"" + name + "\" (MESSAGES)\r\n")
		if got := p.until("b "); !strings.HasPrefix(got, "b NO [NONEXISTENT]") && !strings.HasPrefix(got, "b BAD") {
			t.Errorf("STATUS %q: %s", name, got)
		}
	}
	p = opened(t, &Server{Store: s})
	p.run("c", "CREATE inbox/x&-y/&2D3cqQ-/")
	p.has(p.run("d", `LIST "" *`), `"INBOX/x&-y/&2D3cqQ-"`)
	p.ask("e RENAME INBOX/x&-y ../../z", "e NO [CANNOT]")
	if _, err := os.Stat(filepath.Join(dir, ".INBOX.x&-y.&2D3cqQ-", "cur")); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(outer)
	if err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
}

func FuzzMailboxName(f *testing.F) {
	for _, s := range []string{".Sent", ".a.b", ".&AOQ-", ".x&-", ".&", ".&AA-", "..", ".INBOX", ".&2D3cqQ-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, folder string) {
		if name, err := mailboxName(folder); err == nil && strings.HasPrefix(folder, ".") && !strings.ContainsAny(folder, "\\\x00") {
			again, err := folderName(name)
			if first, _, _ := strings.Cut(folder[1:], "."); err != nil || again != folder && !strings.EqualFold(first, inboxName) {
				t.Errorf("%q is %q, and that %q: %v", folder, name, again, err)
			}
		}
		if dir, err := folderName(folder); err == nil {
			if dir != filepath.Base(dir) || dir == ".." || dir == "." {
				t.Errorf("%q leads to %q", folder, dir)
			}
			if name, err := mailboxName(dir); err == nil && name != canonical(folder) {
				t.Errorf("%q in %q is %q", folder, dir, name)
			}
		}
	})
}

func TestMaildirRefused(t *testing.T) {
	for name, file := range map[string]string{
		"head": "something else\n", "empty": "", "no validity": uidHead + "\nnext 3\n", "word": uidHead + "\nvalidity 1\nwhat\n",
		"zero": uidHead + "\nvalidity 1\nuid 0 x\n", "twice": uidHead + "\nvalidity 1\nuid 1 x\nuid 1 y\n", "top": uidHead + "\nvalidity 1\nuid 4294967295 x\n",
	} {
		dir := maildirWith(t, map[string]string{uidFile: file})
		_, _, err := OpenMaildir(dir)
		var damaged *DamagedError
		if !errors.As(err, &damaged) || damaged.Line == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if octets, err := os.ReadFile(filepath.Join(dir, uidFile)); err != nil || !bytes.Equal(octets, []byte(file)) {
			t.Errorf("%s: the file was replaced", name)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "letter"), filepath.Join(dir, "none")} {
		var none *NotMaildirError
		if _, _, err := OpenMaildir(path); !errors.As(err, &none) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The same UIDs are the same messages for both protocols and from run to run.
func TestMaildirUIDL(t *testing.T) {
	dir := maildirWith(t, map[string]string{"cur/1.a:2,": "A: 1\n\n", "new/2.b": "A: 2\n\n"})
	uidl := func() string {
		s, _, err := OpenMaildir(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, addr := start(t, &Server{Store: s}, nil)
		p := dial(t, addr)
		p.login()
		p.send("UIDL\r\n")
		return p.until(".\r\n")
	}
	first := uidl()
	if again := uidl(); again != first || strings.Count(first, "\n") != 4 {
		t.Errorf("got %q, then %q", first, again)
	}
}

// A second server over the same Maildir ends what the first may do: two would give the same
// UID to different messages.
func TestMaildirTwoServers(t *testing.T) {
	dir := maildirWith(t, nil)
	first, _, err := OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, &Server{Store: first})
	p.ask("a APPEND INBOX {1+}\r\nx", "* 1 EXISTS", "a OK")
	second, _, err := OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if uid, err := second.Append(inboxName, Message{Octets: []byte("y")}); uid != 2 || err != nil {
		t.Error(uid, err)
	}
	p.ask("b APPEND INBOX {1+}\r\nz", "b NO [UNAVAILABLE] another server")
	p.ask("c CREATE z", "c NO [UNAVAILABLE] another server")
}
