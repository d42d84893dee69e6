package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/message"
)

func fetchCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "fetch", Usage: "show messages, or store them",
		UsageText: "mailtrace fetch [flags] URL|DIR\n" +
			"mailtrace fetch imaps://u1@imap.example.org --uid 1007\n" +
			"mailtrace fetch pop3s://u1@pop.example.org --new --out mail --as maildir",
		Description: "Without --uid, --seq, --new or --all it is the newest message. It is not marked as read,\n" +
			"unless --mark-seen says so. Over POP3 --uid takes lasting ids (UIDL), --seq message numbers.\n\n" +
			"--out stores: --as eml a file each in the directory PATH, mbox, or maildir. --new stores what\n" +
			"PATH.state does not name yet. With --part, --out is a file, or a directory for its own name.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "uid", Usage: "messages by UID `SET`, such as 7,12:20,100:*"},
			&cli.StringFlag{Name: "seq", Usage: "messages by number, a `SET` such as 1:10"},
			&cli.BoolFlag{Name: "new", Usage: "what was not stored before; with --out"},
			&cli.BoolFlag{Name: "all", Usage: "all messages"},
			&cli.BoolFlag{Name: "headers", Usage: "the header alone"},
			&cli.StringFlag{Name: "part", Usage: "one part, by its `NUMBER` such as 1.2, its encoding undone"},
			&cli.BoolFlag{Name: "structure", Usage: "the tree of its parts"},
			&cli.BoolFlag{Name: "attachments", Usage: "store the parts that have a file name in the directory --out"},
			&cli.BoolFlag{Name: "raw", Usage: "octets as they came"},
			&cli.StringFlag{Name: "out", Usage: "store at `PATH`"},
			&cli.StringFlag{Name: "as", Usage: "the `KIND` of store: eml, mbox, maildir; else what PATH is"},
			mailboxFlag,
			&cli.BoolFlag{Name: "mark-seen", Usage: "mark as read"},
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runFetch(u, c) },
	}
}

// fetching is one run of fetch.
type fetching struct {
	u    *ui
	c    *cli.Context
	to   dial.URL
	show shower
	// Of a run that stores:
	store  mailfile.Writer
	state  *mailfile.State // with --new
	stored int
	known  int
	bar    *bar
	synced int
}

func runFetch(u *ui, c *cli.Context) error {
	f := &fetching{u: u, c: c}
	if dir := c.Args().First(); c.Args().Len() == 1 && isDir(dir) {
		f.to.Protocol = dial.IMAP // --uid is a set
		if err := f.check(); err != nil {
			return err
		}
		return f.offline(dir)
	}
	if err := onlineOnly(c); err != nil {
		return err
	}
	to, err := u.oneServer(c, "fetch")
	if err != nil {
		return err
	}
	f.to = to
	if err := f.check(); err != nil {
		return err
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	if err := f.open(); err != nil {
		return err
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	if to.Protocol == dial.POP3 {
		err = f.pop3(ctx, w)
	} else {
		err = f.imap(ctx, w)
	}
	return firstOf(err, f.close(err))
}

// check refuses flags that make no sense together.
func (f *fetching) check() error {
	c := f.c
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if err := f.exclusive("uid", "seq", "new", "all"); err != nil {
		return err
	}
	if err := f.exclusive("headers", "part", "structure", "attachments"); err != nil {
		return err
	}
	out, storing := c.String("out"), c.String("out") != "" && !c.IsSet("part") && !c.Bool("attachments")
	switch {
	case c.Bool("attachments") && (out == "" || c.Bool("new") || c.Bool("raw")):
		return usagef("such as --attachments --out files", "--attachments needs a directory --out, and goes with neither --new nor --raw")
	case c.Bool("new") && out == "":
		return usagef("such as --out mail --as maildir", "--new without a place to store")
	case c.IsSet("as") && !storing:
		return usagef("such as --out mail --as "+c.String("as"), "--as without a place to store messages")
	case storing && (c.Bool("headers") || c.Bool("structure") || c.Bool("raw")):
		return usagef("leave out --out to see it", "--out stores whole messages, as they came")
	case c.Bool("raw") && (c.Bool("structure") || c.String("format") == "json"):
		return usagef("leave out --raw", "--raw shows octets and nothing else")
	}
	if c.IsSet("as") {
		if err := oneOf("--as", c.String("as"), mailfile.Kinds...); err != nil {
			return err
		}
	}
	for _, name := range []string{"uid", "seq"} {
		if set := c.String(name); c.IsSet(name) && (name == "seq" || f.to.Protocol == dial.IMAP) {
			if s, n, ok := grammar.ParseSet([]byte(set)); !ok || n != len(set) || s.Saved() {
				return usagef("such as 7,12:20,100:*", "--%s %q: expected a set of numbers", name, set)
			}
		}
	}
	for _, digits := range strings.Split(c.String("part"), ".") {
		if c.IsSet("part") && (digits == "" || strings.Trim(digits, "0123456789") != "") {
			return usagef("--structure shows the numbers", "--part %q: expected a number such as 1.2", c.String("part"))
		}
	}
	return nil
}

// exclusive refuses more than one of some flags.
func (f *fetching) exclusive(names ...string) error {
	given := ""
	for _, name := range names {
		if !f.c.IsSet(name) {
			continue
		}
		if given != "" {
			return usagef("leave one of them out", "--%s and --%s contradict each other", given, name)
		}
		given = name
	}
	return nil
}

// open opens the store.
func (f *fetching) open() error {
	out := f.c.String("out")
	f.show = shower{u: f.u, c: f.c, out: out}
	if f.c.Bool("attachments") {
		if err := os.MkdirAll(out, 0o700); err != nil {
			return &ioError{fmt.Errorf("cannot store in %s: %w", out, bare(err)), "name a directory that can be written"}
		}
		return nil
	}
	if out == "" || f.c.IsSet("part") {
		return nil
	}
	kind := f.c.String("as")
	if kind == "" {
		kind = mailfile.Guess(out)
	}
	var err error
	if f.store, err = mailfile.Open(out, kind); err != nil {
		return &ioError{fmt.Errorf("cannot store at %s: %w", out, bare(err)), "name a place that can be written"}
	}
	if f.c.Bool("new") {
		path := filepath.Clean(out) + ".state"
		if f.state, err = mailfile.LoadState(path); err != nil {
			return &ioError{fmt.Errorf("what was stored before: %w", err), "mend or remove " + path + "; without it all is fetched again"}
		}
		if err := f.state.Watch(f.store); err != nil {
			return &ioError{fmt.Errorf("cannot note what is stored: %w", bare(err)), "is there room on the disk?"}
		}
	}
	return nil
}

// saveEvery is after how many messages the state is written: as many are fetched a second time at most after
// a crash, and none is stored twice.
const saveEvery = 100

// keep stores a message that came.
func (f *fetching) keep(m *mailfile.Message, take func() (string, error), note func(*mailfile.State)) error {
	_, err := take()
	switch {
	case err == mailfile.ErrStored: //nolint:errorlint // Store gives it bare
		f.known++
	case err != nil:
		return &ioError{fmt.Errorf("cannot store: %w", bare(err)), "is there room on the disk?"}
	default:
		f.stored++
	}
	f.bar.add(1)
	if f.state == nil {
		return nil
	}
	note(f.state)
	if f.synced++; f.synced%saveEvery == 0 {
		return f.save()
	}
	return nil
}

func (f *fetching) save() error {
	err := f.store.Sync()
	if err == nil {
		err = f.state.Save()
	}
	if err != nil {
		return &ioError{fmt.Errorf("cannot note what was stored: %w", bare(err)), "is there room on the disk?"}
	}
	return nil
}

// close ends the store, also where the session broke off: what came is kept.
func (f *fetching) close(failed error) error {
	f.bar.end()
	if f.store == nil {
		return nil
	}
	var err error
	switch {
	case f.state != nil && f.synced > 0:
		err = f.save()
	case f.stored > 0:
		if err = f.store.Sync(); err != nil {
			err = &ioError{fmt.Errorf("cannot store: %w", bare(err)), "is there room on the disk?"}
		}
	}
	err = firstOf(err, f.store.Close())
	if err != nil {
		return err
	}
	text := plural(f.stored, "message") + " stored in " + f.c.String("out")
	if f.known > 0 {
		text += fmt.Sprintf(", %d there already", f.known)
	}
	if failed == nil || f.stored > 0 {
		f.u.say("%s", text)
	}
	return nil
}

// account names a mailbox in a state file.
func account(to dial.URL, user string) string {
	if to.User == "" {
		to.User = user
	}
	if to.Protocol == dial.IMAP {
		to.Mailbox = mailboxOf(to)
	}
	return to.String()
}

// dirOf is where contents wait: beside the store, or in the system's directory.
func (f *fetching) dirOf() string {
	if f.store != nil {
		return f.store.Dir()
	}
	return ""
}

// missing says which of the messages that were asked for by name did not come.
func (f *fetching) missing(what []string) error {
	if len(what) == 0 {
		return nil
	}
	f.u.warn("not there: %s", strings.Join(what, ", "))
	return errCheck
}

// attachments stores the parts of a message that have a file name.
func (f *fetching) attachments(title string, content io.ReadSeeker) error {
	m, err := message.Read(content)
	if err != nil {
		return err
	}
	for _, p := range m.Parts {
		if p.Name == "" || p.Container() {
			continue
		}
		r, err := m.Open(p, false)
		if err != nil {
			return err
		}
		if err := f.show.part(title, p, r); err != nil {
			return err
		}
	}
	return nil
}

// outFile is where a part goes: PATH, or its own name in the directory PATH.
func outFile(path, name, fallback string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return mailfile.Create(path, mailfile.SafeName(name, fallback))
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// writeTo copies content to a new file, which is removed if that fails.
func writeTo(file *os.File, r io.Reader) (int64, error) {
	n, err := io.Copy(file, r)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return n, err
}

// cancelled tells a stop by the user from a failure.
func cancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errStopped
	}
	return err
}
