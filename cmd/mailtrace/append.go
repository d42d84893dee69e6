package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/spool"
)

func appendCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "append", Usage: "put messages into a mailbox",
		UsageText: "mailtrace append [flags] URL FILE...\nmailtrace append imaps://u1@imap.example.org/Drafts letter.eml --flags '\\Draft'",
		Description: "Each FILE is one message; - is what comes on stdin. Lines that end with LF alone get CRLF, as\n" +
			"RFC 5322 has it; all else goes as it is.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "flags", Usage: "`FLAGS` that the messages get, with spaces between"},
			&cli.StringFlag{Name: "date", Usage: "when they arrived, a `TIME` such as 2026-01-31T09:30:00Z; else now"},
			&cli.BoolFlag{Name: "create", Usage: "make the mailbox where it is not there"}, rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runAppend(u, c) },
	}
}

// appending is one run of append.
type appending struct {
	u       *ui
	c       *cli.Context
	mailbox string
	flags   []string
	date    time.Time
}

func runAppend(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if c.Args().Len() < 2 {
		return usagef("mailtrace append URL FILE", "expected a URL and files, got %s", plural(c.Args().Len(), "argument"))
	}
	to, err := u.imapOnly(c.Args().First(), "store messages")
	if err != nil {
		return err
	}
	x := &appending{u: u, c: c, mailbox: mailboxOf(to), flags: strings.Fields(c.String("flags"))}
	for _, flag := range x.flags {
		if !client.IsFlag(flag) || strings.EqualFold(flag, `\Recent`) {
			return usagef(`such as --flags '\Seen $Forwarded'`, "--flags: %q is no flag that can be set", flag)
		}
	}
	if text := c.String("date"); text != "" {
		if x.date, err = time.Parse(time.RFC3339, text); err != nil {
			return usagef("such as 2026-01-31T09:30:00Z", "--date %q: expected a time as RFC 3339 has it", text)
		}
	}
	var contents []*spool.Spool
	defer func() {
		for _, s := range contents {
			s.Drop()
		}
	}()
	files := c.Args().Slice()[1:]
	for _, file := range files { // all are read before anything is said
		s, err := readMessage(file)
		if err != nil {
			return &ioError{fmt.Errorf("%s: %w", file, bare(err)), ""}
		}
		contents = append(contents, s)
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	session, err := w.imap(ctx, to)
	if err != nil {
		return err
	}
	for i, s := range contents {
		if err := x.append(ctx, session, files[i], s); err != nil {
			session.Close(err)
			return cancelled(ctx, err)
		}
	}
	return session.Logout(ctx)
}

// readMessage reads a file with CRLF at the ends of its lines.
func readMessage(file string) (*spool.Spool, error) {
	in := io.ReadCloser(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		in = f
	}
	defer in.Close()
	s := &spool.Spool{}
	if err := withCRLF(s, bufio.NewReader(in)); err != nil {
		s.Drop()
		return nil, err
	}
	if s.Size() == 0 {
		return nil, fmt.Errorf("it is empty, so it is no message")
	}
	return s, nil
}

// withCRLF copies text, each LF behind a CR.
func withCRLF(w io.Writer, r *bufio.Reader) error {
	cr := false
	for {
		part, err := r.ReadSlice('\n')
		if bytes.IndexByte(part, 0) >= 0 {
			return fmt.Errorf("it holds a NUL, which no message may (RFC 5322 §3.5)")
		}
		if n := len(part); n > 0 && part[n-1] == '\n' && !(n > 1 && part[n-2] == '\r' || n == 1 && cr) {
			if _, err := w.Write(part[:n-1]); err != nil {
				return err
			}
			part = []byte("\r\n")
		}
		if len(part) > 0 {
			cr = part[len(part)-1] == '\r'
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
}

func (x *appending) append(ctx context.Context, session *client.IMAP, file string, s *spool.Spool) error {
	if limit := session.AppendLimit(); limit > 0 && s.Size() > limit {
		return &ioError{fmt.Errorf("%s has %s octets, the server takes %s", file, grouped(s.Size()), grouped(limit)), "APPENDLIMIT says so (RFC 7889)"}
	}
	say := func() (uint32, error) {
		return session.Append(ctx, x.mailbox, x.flags, x.date, client.Literal{Reader: s.Reader(), Octets: s.Size()})
	}
	uid, err := say()
	if client.NoSuchMailbox(err) && x.c.Bool("create") {
		if err := session.Create(ctx, x.mailbox); err != nil {
			return err
		}
		uid, err = say()
	}
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s  %s", file, x.mailbox)
	if uid != 0 {
		text += fmt.Sprintf(", UID %d", uid)
	}
	return x.u.tellChange(x.c, text, changedJSON{Mailbox: x.mailbox, UID: uid, File: file, Flags: x.flags})
}
