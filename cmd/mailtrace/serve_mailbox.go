package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

const mailboxDescription = "Without FILE, a mailbox: a Maildir, an mbox, or without either the demo's messages. What\n" +
	"clients change is written to the Maildir, or forgotten at the end; an mbox is never changed.\n" +
	"Ctrl-C stops.\n\n" +
	"Behind -- a client is run, with MAILTRACE_URL, MAILTRACE_IMAP_URL, MAILTRACE_POP3_URL and\n" +
	"MAILTRACE_CA in its environment; its exit code is passed on."

// mailboxFlags are those that choose the mail of the embedded server.
func mailboxFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "maildir", Usage: "serve the Maildir `DIR`, its folders too; clients change it"},
		&cli.StringFlag{Name: "mbox", Usage: "serve the mbox `FILE`, read-only"},
		&cli.BoolFlag{Name: "read-only", Usage: "refuse changes, and write nothing"},
	}
}

// mailboxStore is the mail that the flags choose, and what it is.
func mailboxStore(u *ui, c *cli.Context) (store *mailserver.Store, what string, err error) {
	var opts []mailserver.Option
	if c.Bool("read-only") {
		opts = append(opts, mailserver.ReadOnly())
	}
	dir, file := c.String("maildir"), c.String("mbox")
	switch {
	case c.IsSet("maildir") && c.IsSet("mbox"):
		return nil, "", usagef("leave one of them out", "--maildir and --mbox exclude each other")
	case c.IsSet("maildir") && dir == "", c.IsSet("mbox") && file == "":
		return nil, "", usagef("", "--maildir and --mbox need a name")
	case dir != "":
		var skipped []string
		store, skipped, err = mailserver.OpenMaildir(dir, opts...)
		for _, name := range skipped {
			u.warn("%s is left out: no mailbox can have its name", filepath.Join(dir, name))
		}
		what = tilde(dir)
	case file != "":
		store, err = mailserver.OpenMbox(file, opts...)
		what = tilde(file)
	default:
		return mailserver.NewStore(mailserver.DemoMessages(), opts...), "the demo messages", nil
	}
	if err != nil {
		return nil, "", err
	}
	_, n := store.Len()
	what = fmt.Sprintf("%s of %s", plural(n, "message"), what)
	if c.Bool("read-only") || file != "" {
		what += ", read-only"
	}
	return store, what, nil
}

// serveMailbox runs the embedded POP3 and IMAP server.
func serveMailbox(u *ui, c *cli.Context) error {
	urls, err := listenURLs(c, "imaps", "pop3s")
	if err != nil {
		return err
	}
	users, err := mailboxUsers(c, urls[0])
	if err != nil {
		return err
	}
	store, what, err := mailboxStore(u, c)
	if err != nil {
		return err
	}
	defer discard(store)
	d, err := openDoors(u, c, urls)
	if err != nil {
		return err
	}
	defer d.close()
	// Two servers over the one store: STARTTLS is offered, and asked for, where the URL says
	// so alone.
	serving := func(startTLS *tls.Config) *mailserver.Server {
		return &mailserver.Server{
			Store: store, Users: users, AnyUser: users == nil, APOP: users != nil, Greeting: "mailtrace ready", Name: "mailtrace",
			TLSConfig: startTLS, RequireTLS: startTLS != nil,
		}
	}
	plain, upgrading := serving(nil), serving(d.tls)
	served := make(chan error, len(d.all))
	for _, x := range d.all {
		of := plain
		if x.url.Security == dial.StartTLS {
			of = upgrading
		}
		serve := of.ServeIMAP
		if x.url.Protocol == dial.POP3 {
			serve = of.ServePOP3
		}
		go func() { served <- serve(x) }()
		u.say("listening on %s for %s", x.url, what)
	}
	if users == nil {
		u.say("any user and password will do")
		if slices.ContainsFunc(urls, func(x dial.URL) bool { return !x.IsLoopback() }) {
			u.warn("without --user whoever reaches this machine can read the mail")
		}
	} else {
		u.say("log in as %s", d.user)
	}
	err = d.wait(c.Context, served)
	closed := errors.Join(plain.Close(), upgrading.Close())
	if err == nil {
		err = closed
	}
	var verdict *commandError
	if err != nil && !errors.As(err, &verdict) {
		var told *ioError
		if !errors.As(err, &told) {
			err = &ioError{err: err}
		}
	}
	return err
}

// mailboxUsers is whom to let in; nil is anybody.
func mailboxUsers(c *cli.Context, at dial.URL) (map[string]string, error) {
	user := c.String("user")
	if user == "" {
		for _, name := range []string{"user", "password-command"} {
			if c.IsSet(name) {
				return nil, usagef("--user NAME", "--%s without a user", name)
			}
		}
		return nil, nil
	}
	source := credentials.Source{Command: c.String("password-command")}
	password, err := source.Password(c.Context, user, at.Host)
	if err != nil {
		return nil, err
	}
	return map[string]string{user: password}, nil
}
