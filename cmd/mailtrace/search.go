package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/query"
	"github.com/mailtrace/mailtrace/internal/spool"
)

func searchCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "search", Usage: "find messages",
		UsageText: "mailtrace search [flags] URL|DIR QUERY\n" +
			"mailtrace search imaps://u1@imap.example.org 'unseen from:alice since:2026-01-01 subject:\"invoice\"'",
		Description: "Rows are those of list. Exit 0 where something was found, 1 where nothing was. Over IMAP the\n" +
			"server searches; over POP3 headers come by TOP, and are searched here.\n\n" +
			"All that stands in QUERY has to fit: keys, and words that stand in the header or the text.\n" +
			"or, not or -, and parentheses work. A QUERY that begins with - and a word stands behind --.\n\n" + queryKeys(),
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "uids", Usage: "print the set of UIDs alone, for --uid of other commands"},
			&cli.BoolFlag{Name: "count", Usage: "print the number of messages alone"},
			mailboxFlag,
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runSearch(u, c) },
	}
}

// queryKeys are the keys for a help text.
func queryKeys() string {
	var b strings.Builder
	for _, k := range query.Keys() {
		name := k.Name
		if k.Value != "" {
			name += ":" + k.Value
		}
		fmt.Fprintf(&b, "  %-18s %s\n", name, k.Help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// searching is one run of search.
type searching struct {
	u     *ui
	c     *cli.Context
	to    dial.URL
	query *query.Query
	rows  *rowPrinter
	found int
}

func runSearch(u *ui, c *cli.Context) error {
	if c.Args().Len() < 2 {
		return usagef("such as mailtrace search imaps://u1@imap.example.org 'unseen from:alice'", "expected a URL and a query, got %s", plural(c.Args().Len(), "argument"))
	}
	s := &searching{u: u, c: c}
	var err error
	if s.query, err = query.Parse(strings.Join(c.Args().Tail(), " ")); err != nil {
		return usagef(hintOf(err), "the query: %s", words(err))
	}
	dir := c.Args().First()
	local := isDir(dir)
	if !local {
		if err := onlineOnly(c); err != nil {
			return err
		}
		if s.to, err = u.server(dir, ""); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return err
	}
	if local {
		return s.end(s.offline(dir))
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	if s.to.Protocol == dial.POP3 {
		err = s.pop3(ctx, w)
	} else {
		err = s.imap(ctx, w)
	}
	return s.end(err)
}

// end prints what is left, and says whether something was found.
func (s *searching) end(err error) error {
	if err := firstOf(err, s.rows.flush()); err != nil {
		return err
	}
	if s.found == 0 {
		return errCheck
	}
	return nil
}

// check refuses what makes no sense together, and asks what a maildrop cannot tell.
func (s *searching) check() (err error) {
	if s.rows, err = s.u.rows(s.c); err != nil {
		return err
	}
	uids := s.c.Bool("uids")
	switch {
	case uids && s.c.Bool("count"):
		return usagef("leave one of them out", "--uids and --count contradict each other")
	case s.c.IsSet("format") && (uids || s.c.Bool("count")):
		return usagef("leave one of them out", "--format is about rows, and --uids and --count print none")
	case s.to.Protocol != dial.POP3:
		return nil
	case uids:
		return usagef("--format json gives the uidl of each message", "POP3 has no UIDs (RFC 1939 §7)")
	}
	keys, all := s.query.Unanswered(query.Holds{Arrived: true})
	if all {
		return usagef("from:, subject:, header:, text: and the like look into headers; over IMAP all keys work",
			"over POP3 nobody answers %s: there are headers and sizes", strings.Join(keys, " "))
	}
	return nil
}

// alone tells whether no rows are wanted.
func (s *searching) alone() bool { return s.c.Bool("uids") || s.c.Bool("count") }

// line prints what stands alone.
func (s *searching) line(text string) error {
	if _, err := fmt.Fprintln(s.rows.out, text); err != nil {
		return &ioError{err: err}
	}
	return nil
}

func (s *searching) imap(ctx context.Context, w *wiring) error {
	session, err := w.imap(ctx, s.to)
	if err != nil {
		return err
	}
	if err := s.inMailbox(ctx, session); err != nil {
		session.Close(err)
		return err
	}
	return session.Logout(ctx)
}

func (s *searching) inMailbox(ctx context.Context, session *client.IMAP) error {
	name := mailboxOf(s.to)
	m, err := session.Select(ctx, name, true, "", nil)
	if err != nil {
		return err
	}
	uids, err := s.ask(ctx, session)
	if err != nil {
		return err
	}
	s.found = len(uids)
	switch {
	case s.c.Bool("count"):
		return s.line(fmt.Sprint(s.found))
	case s.c.Bool("uids") && s.found == 0:
		return nil
	case s.c.Bool("uids"):
		return s.line(client.Set(uids))
	}
	if err := s.rows.heading(fmt.Sprintf("Mailbox %s: %d of %s", name, s.found, plural(int(m.Exists), "message"))); err != nil {
		return err
	}
	if s.found == 0 {
		return nil
	}
	s.rows.mailbox, s.rows.digits = name, len(fmt.Sprint(slices.Max(uids)))
	return session.Found(ctx, uids, s.rows.print)
}

// ask has the server search. Where it does not know UTF-8, the charsets that it names are tried.
func (s *searching) ask(ctx context.Context, session *client.IMAP) ([]uint32, error) {
	server := query.Server{
		Within: session.Has("WITHIN"), Now: time.Now(),
		Unlabelled: session.Has("IMAP4rev2") && !session.Has("IMAP4rev1"),
	}
	args, notes, err := s.query.Program(server)
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		s.u.warn("%s", note)
	}
	uids, err := session.Search(ctx, true, args...)
	var refused *client.ServerError
	if !errors.As(err, &refused) || refused.Code != "BADCHARSET" {
		return uids, err
	}
	for _, charset := range refused.Charsets {
		if strings.EqualFold(charset, "UTF-8") {
			continue // it was refused
		}
		server.Charset = charset
		args, _, again := s.query.Program(server)
		if again != nil {
			continue // not in this one
		}
		s.u.warn("the server does not search in UTF-8: %s is searched for in %s", s.query, charset)
		return session.Search(ctx, true, args...)
	}
	return nil, err
}

func (s *searching) pop3(ctx context.Context, w *wiring) error {
	session, err := w.pop3(ctx, s.to)
	if err != nil {
		return err
	}
	if err := s.inMaildrop(ctx, session); err != nil {
		session.Close(err)
		return err
	}
	return session.Quit(ctx)
}

func (s *searching) inMaildrop(ctx context.Context, session *client.POP3) error {
	n, _, err := session.Stat(ctx)
	if err != nil {
		return err
	}
	s.explain(n)
	s.rows.digits = len(fmt.Sprint(n))
	m := &query.Message{Now: time.Now()}
	err = session.Headers(ctx, 0, func(row *client.Summary, header *spool.Spool) error {
		m.Octets, m.Header = row.Octets, nil
		if header != nil {
			m.Header = []query.Field{}
			if err := client.ReadHeader(header.Reader(), func(name, value string) {
				m.Header = append(m.Header, query.Field{Name: name, Value: value})
			}); err != nil {
				return err
			}
		}
		m.Arrived = query.Arrival(m.Header)
		if !s.query.Match(m) {
			return nil
		}
		s.found++
		if s.alone() {
			return nil
		}
		return s.rows.print(row)
	})
	if err == nil && s.c.Bool("count") {
		err = s.line(fmt.Sprint(s.found))
	}
	return err
}

// explain says in which way a search of headers is less than one of the server.
func (s *searching) explain(messages int) {
	s.u.say("POP3 has no search: the headers of %s come by TOP, and are searched here", plural(messages, "message"))
	if keys, _ := s.query.Unanswered(query.Holds{Arrived: true}); len(keys) > 0 {
		s.u.warn("over POP3 nobody answers %s: what it would leave out is found too", strings.Join(keys, " "))
	}
	if s.query.Uses("text") {
		s.u.warn("words are looked for in headers alone")
	}
	for _, key := range []string{"since", "before", "on", "newer", "older"} {
		if s.query.Uses(key) {
			s.u.warn("when a message arrived is what its header says: Received, else Date")
			break
		}
	}
}
