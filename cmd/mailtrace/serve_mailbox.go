package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/demo"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// mailboxFlags are those of serve that choose the mails of the embedded server.
func mailboxFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "maildir", Usage: "serve the messages of the Maildir `DIR`; nothing is written to it"},
		&cli.StringFlag{Name: "mbox", Usage: "serve the messages of the mbox `FILE`; nothing is written to it"},
	}
}

// serveMailbox runs the embedded POP3 and IMAP server over the messages of a Maildir, of
// an mbox, or the demo's. They are read once, when it starts; what clients change is kept
// in memory and lost when it ends.
func serveMailbox(u *ui, c *cli.Context) error {
	urls, err := listenURLs(c.StringSlice("listen"))
	if err != nil {
		return err
	}
	store, what, err := mailboxStore(c)
	if err != nil {
		return err
	}
	users, user := map[string]string(nil), c.String("user")
	if user != "" {
		source := credentials.Source{Command: c.String("password-command")}
		password, err := source.Password(c.Context, user, urls[0].Host)
		if err != nil {
			return err
		}
		users = map[string]string{user: password}
	}
	ca, err := loadCA(u, c)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // as for proxy
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	listeners, config, err := listenMailbox(ca, urls)
	if err != nil {
		return err
	}
	// Two servers over the one store: STARTTLS is offered where the URL says so alone.
	server := &demo.Server{Store: store, Users: users, AnyUser: user == "", Greeting: "mailtrace ready"}
	upgrading := &demo.Server{
		Store: store, Users: users, AnyUser: user == "", Greeting: "mailtrace ready",
		TLSConfig: config, RequireTLS: true,
	}
	ended := make(chan error, len(listeners))
	for i, l := range listeners {
		of := server
		if urls[i].Security == dial.StartTLS {
			of = upgrading
		}
		serve := of.ServeIMAP
		if urls[i].Protocol == dial.POP3 {
			serve = of.ServePOP3
		}
		go func() { ended <- serve(l) }()
		urls[i].Port = l.Addr().(*net.TCPAddr).Port
		u.say("serving %s on %s", what, urls[i])
	}
	if user == "" {
		u.say("any user and password will do; clients trust %s", tilde(ca.Path()))
	} else {
		u.say("log in as %s; clients trust %s", user, tilde(ca.Path()))
	}
	left := len(listeners)
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	err = errors.Join(err, server.Close(), upgrading.Close())
	for range left {
		// A listener that Close met before it began is no news.
		if e := <-ended; !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}

// listenURLs parses --listen.
func listenURLs(given []string) ([]dial.URL, error) {
	if len(given) == 0 {
		return []dial.URL{dial.DefaultListen("imaps"), dial.DefaultListen("pop3s")}, nil
	}
	var urls []dial.URL
	for _, text := range given {
		u, err := dial.ParseListen(text)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// mailboxStore reads what --maildir or --mbox names, and says what it is. A UIDVALIDITY
// of its own for each run keeps clients from taking the UIDs of an earlier one for these
// (RFC 9051 §2.3.1.1).
func mailboxStore(c *cli.Context) (store *demo.Store, what string, err error) {
	dir, file := c.String("maildir"), c.String("mbox")
	var msgs []demo.Message
	switch {
	case dir != "" && file != "":
		return nil, "", usagef("leave one of them out", "--maildir and --mbox exclude each other")
	case dir != "":
		what = tilde(dir)
		msgs, err = demo.ReadMaildir(dir)
	case file != "":
		what = tilde(file)
		msgs, err = demo.ReadMbox(file)
	default:
		return demo.NewStore(demo.Messages()), "the demo messages", nil
	}
	if err != nil {
		return nil, "", &ioError{err: err, hint: "--maildir takes a directory with cur and new, --mbox a file"}
	}
	validity := demo.WithUIDValidity(uint32(time.Now().Unix()))
	store, n := demo.NewStore(msgs, validity), 0
	if dir != "" {
		if n, err = store.LoadFolders(dir); err != nil {
			return nil, "", &ioError{err: err, hint: "a folder holds cur and new, and its name no &, / or empty level"}
		}
	}
	return store, fmt.Sprintf("%s of %s", plural(len(msgs)+n, "message"), what), nil
}

// listenMailbox opens the listeners, all or none, and gives the TLS for STARTTLS.
func listenMailbox(ca *certs.CA, urls []dial.URL) (all []net.Listener, config *tls.Config, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				discard(l)
			}
		}
	}()
	names, ips := []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, u := range urls {
		if ip := net.ParseIP(u.Host); ip != nil {
			ips = append(ips, ip)
		} else if u.Host != "" {
			names = append(names, u.Host)
		}
	}
	leaf, err := ca.Leaf(names, ips)
	if err != nil {
		return nil, nil, err
	}
	config = &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12}
	for _, u := range urls {
		l, err := net.Listen("tcp", u.Addr())
		if err != nil {
			return all, nil, &ioError{fmt.Errorf("cannot listen on %s: %w", u, err), "--listen " + u.Scheme + "://127.0.0.1:0 takes any free port"}
		}
		if u.Security == dial.TLS {
			l = tls.NewListener(l, config)
		}
		all = append(all, l)
	}
	return all, config, nil
}
