package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/accounts"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/message"
	"github.com/mailtrace/mailtrace/internal/offline"
	"github.com/mailtrace/mailtrace/internal/query"
	"github.com/mailtrace/mailtrace/internal/spool"
)

// mailboxFlag chooses a mailbox of a directory.
var mailboxFlag = &cli.StringFlag{Name: "mailbox", DefaultText: "INBOX", Usage: "of a directory, the mailbox `NAME`"}

// isDir tells whether an argument names neither a URL nor an account, and so a path.
func isDir(arg string) bool {
	if strings.Contains(arg, "://") {
		return false
	}
	known, err := accounts.Load("")
	if err == nil {
		if _, ok := known.Account(arg); ok {
			return false
		}
	}
	_, err = os.Stat(arg)
	return err == nil || strings.ContainsRune(arg, filepath.Separator)
}

// offline opens the mailboxes of a directory, and refuses flags that are about a server.
func (u *ui) offline(c *cli.Context, dir string) ([]*offline.Box, error) {
	if err := u.setColor(c); err != nil {
		return nil, err
	}
	for _, f := range clientFlags() {
		name := f.Names()[0]
		if c.IsSet(name) && name != "color" && name != "verbose" {
			return nil, usagef("leave it out", "--%s is about a server, and %s is a directory", name, dir)
		}
	}
	names := []string{c.String("mailbox")}
	if c.Bool("all") && c.Command.Name == "list" {
		var err error
		if names, err = offline.Names(dir); err != nil {
			return nil, &ioError{fmt.Errorf("%s: %w", dir, bare(err)), ""}
		}
	}
	var boxes []*offline.Box
	for _, name := range names {
		b, err := offline.Open(dir, name)
		if err != nil {
			return nil, err
		}
		boxes = append(boxes, b)
	}
	return boxes, nil
}

// onlineOnly refuses flags that are about a directory.
func onlineOnly(c *cli.Context) error {
	if c.IsSet("mailbox") {
		return usagef("put it into the URL: imaps://u1@imap.example.org/"+c.String("mailbox"), "--mailbox is for a directory")
	}
	return nil
}

func listOffline(u *ui, c *cli.Context, dir string, rows *rowPrinter) error {
	boxes, err := u.offline(c, dir)
	if err != nil {
		return err
	}
	for _, b := range boxes {
		if err := rows.heading(fmt.Sprintf("Mailbox %s: %s", b.Name, plural(b.Len(), "message"))); err != nil {
			return err
		}
		rows.mailbox, rows.digits = b.Name, len(fmt.Sprint(max(int(b.HighestUID()), b.Len())))
		if err := b.Summaries(c.Int("limit"), rows.print); err != nil {
			return err
		}
	}
	return rows.flush()
}

// searchOffline answers a query from the files.
func (s *searching) offline(dir string) error {
	boxes, err := s.u.offline(s.c, dir)
	if err != nil {
		return err
	}
	if keys, all := s.query.Unanswered(query.Holds{Flags: true, Arrived: true, UID: true, Body: true}); all {
		return usagef("a server answers them", "files do not answer %s", strings.Join(keys, " "))
	} else if len(keys) > 0 {
		s.u.warn("files do not answer %s: what it would leave out is found too", strings.Join(keys, " "))
	}
	b := boxes[0]
	var uids []uint32
	var found []*client.Summary
	now := time.Now()
	err = b.Summaries(0, func(row *client.Summary) error {
		ok, err := s.matches(b, row, now)
		if err != nil || !ok {
			return err
		}
		s.found++
		if s.alone() {
			uids = append(uids, row.UID)
		} else {
			found = append(found, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case s.c.Bool("count"):
		return s.line(fmt.Sprint(s.found))
	case s.c.Bool("uids") && s.found == 0:
		return nil
	case s.c.Bool("uids"):
		if slices.Contains(uids, 0) {
			return &ioError{fmt.Errorf("%s has messages without a UID", dir), "leave out --uids"}
		}
		return s.line(client.Set(uids))
	}
	if err := s.rows.heading(fmt.Sprintf("Mailbox %s: %d of %s", b.Name, s.found, plural(b.Len(), "message"))); err != nil {
		return err
	}
	for i, row := range found {
		if i == 0 {
			s.rows.mailbox, s.rows.digits = b.Name, len(fmt.Sprint(max(row.UID, row.Number)))
		}
		if err := s.rows.print(row); err != nil {
			return err
		}
	}
	return nil
}

func (s *searching) matches(b *offline.Box, row *client.Summary, now time.Time) (bool, error) {
	f, err := b.Open(int(row.Number))
	if err != nil {
		return false, err
	}
	defer f.Close()
	m := &query.Message{
		UID: row.UID, Highest: b.HighestUID(), Octets: row.Octets, Flags: row.Flags, HasFlags: true, Arrived: row.Arrived, Now: now,
		Header: []query.Field{},
	}
	err = client.ReadHeader(f, func(name, value string) { m.Header = append(m.Header, query.Field{Name: name, Value: value}) })
	if err != nil {
		return false, err
	}
	var failed error
	m.Body = func(yield func(io.Reader) bool) error {
		failed = texts(f, yield)
		return failed
	}
	ok := s.query.Match(m)
	return ok, failed
}

// texts gives the texts of a message.
func texts(f *os.File, yield func(io.Reader) bool) error {
	m, err := message.Read(f)
	if err != nil {
		return err
	}
	for _, p := range m.Parts {
		if !p.IsText() {
			continue
		}
		r, err := m.Open(p, false)
		if err != nil {
			return err
		}
		if !yield(message.Text(r, p.Charset)) {
			return nil
		}
	}
	return nil
}

// offline fetches from the files.
func (f *fetching) offline(dir string) error {
	for _, name := range []string{"mark-seen", "new"} {
		if f.c.IsSet(name) {
			return usagef("leave it out", "--%s is about a server, and %s is a directory", name, dir)
		}
	}
	boxes, err := f.u.offline(f.c, dir)
	if err != nil {
		return err
	}
	if err := f.open(); err != nil {
		return err
	}
	b := boxes[0]
	var numbers []int
	set, uid := grammar.Set("*"), false
	switch {
	case f.c.IsSet("uid"):
		set, uid = grammar.Set(f.c.String("uid")), true
	case f.c.IsSet("seq"):
		set = grammar.Set(f.c.String("seq"))
	case f.c.Bool("all"):
		set = grammar.Set("1:*")
	}
	if b.Len() > 0 {
		numbers = b.Numbers(set, uid)
	}
	if len(numbers) == 0 {
		if f.c.IsSet("uid") || f.c.IsSet("seq") {
			return f.missing([]string{string(set)})
		}
		f.u.say("%s is empty", b.Name)
	}
	for _, n := range numbers {
		if err := f.fromFile(b, n); err != nil {
			return err
		}
	}
	return f.close(nil)
}

func (f *fetching) fromFile(b *offline.Box, n int) error {
	file, err := b.Open(n)
	if err != nil {
		return err
	}
	defer file.Close()
	e := b.Entry(n)
	title := fmt.Sprintf("message %d", n)
	if e.UID != 0 {
		title = fmt.Sprintf("UID %d", e.UID)
	}
	if f.store != nil {
		return f.keepFile(b, e, n, file)
	}
	if f.c.Bool("attachments") {
		return f.attachments(title, file)
	}
	if !f.c.Bool("structure") && !f.c.IsSet("part") {
		return f.show.message(title, file)
	}
	m, err := message.Read(file)
	if err != nil {
		return err
	}
	if f.c.Bool("structure") {
		return f.show.structure(title, m.Parts)
	}
	p := message.Find(m.Parts, f.c.String("part"))
	if p == nil {
		return f.missing([]string{title + " has no part " + f.c.String("part")})
	}
	content, err := m.Open(p, f.c.Bool("raw"))
	if err != nil {
		return err
	}
	return f.show.part(title, p, content)
}

// keepFile stores a copy.
func (f *fetching) keepFile(b *offline.Box, e *mailfile.Entry, n int, file *os.File) error {
	s := &spool.Spool{Dir: f.store.Dir()}
	defer s.Drop()
	if _, err := io.Copy(s, file); err != nil {
		return &ioError{err: bare(err)}
	}
	row, err := b.Summary(n)
	if err != nil {
		return err
	}
	meta := &mailfile.Message{
		Mailbox: b.Name, UIDValidity: e.UIDValidity, UID: e.UID, Number: uint32(n), Flags: row.Flags, Arrived: row.Arrived, Sender: row.Address,
	}
	return f.keep(meta, func() (string, error) { return f.store.Store(meta, s) }, func(*mailfile.State) {})
}
