package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// clientFlags are those of every verb of the mail client.
func clientFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "user", Usage: "log in as `NAME`; else the URL's user"},
		&cli.StringFlag{Name: "password-command", Usage: "the password is the first line that `CMD` says"},
		&cli.StringFlag{Name: "auth", Usage: "log in by `MECHANISM`, such as SCRAM-SHA-256, PLAIN, LOGIN, USER, APOP"},
		&cli.BoolFlag{Name: "allow-cleartext", Usage: "log in without TLS too"},
		&cli.BoolFlag{Name: "trace", Usage: "show what is said, annotated, on stderr"},
		&cli.StringFlag{Name: "capture", Usage: "record what is said to `FILE`, an ordinary pcapng"},
		&cli.BoolFlag{Name: "force", Usage: "overwrite the capture"},
		&cli.BoolFlag{Name: "secrets", Usage: "show and record passwords and tokens in clear"},
	}, dialFlags(), []cli.Flag{
		&cli.StringFlag{Name: "tls-cert", Usage: "show the client certificate in `FILE` (PEM), for --auth EXTERNAL"},
		&cli.StringFlag{Name: "tls-key", Usage: "its private key in `FILE` (PEM); else it stands with the certificate"},
		&cli.DurationFlag{Name: "idle-timeout", Value: time.Minute, Usage: "`TIME` that the server may be silent while it owes an answer"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "with --trace: every row, explanations each time"},
		colorFlag,
	})
}

// wiring is what a verb needs to talk to servers: how to log in, and who looks on.
type wiring struct {
	u      *ui
	c      *cli.Context
	dial   dial.Config
	trace  *tracing // nil where nobody looks
	cert   bool
	source credentials.Source
}

// wire takes clientFlags. The function given back ends what was begun.
func (u *ui) wire(c *cli.Context) (*wiring, func(), error) {
	if err := u.setColor(c); err != nil {
		return nil, nil, err
	}
	d, err := dialConfig(u, c)
	if err != nil {
		return nil, nil, err
	}
	w := &wiring{u: u, c: c, dial: d, source: credentials.Source{Command: c.String("password-command")}}
	switch {
	case c.Duration("idle-timeout") <= 0:
		return nil, nil, usagef("", "--idle-timeout %v: expected more than nothing", c.Duration("idle-timeout"))
	case c.IsSet("tls-key") && !c.IsSet("tls-cert"):
		return nil, nil, usagef("name the certificate: --tls-cert FILE", "--tls-key without a certificate")
	case c.Bool("force") && c.String("capture") == "":
		return nil, nil, usagef("name the file: --capture FILE", "--force without a file to record to")
	}
	if file := c.String("tls-cert"); file != "" {
		key := c.String("tls-key")
		if key == "" {
			key = file
		}
		pair, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return nil, nil, &ioError{fmt.Errorf("--tls-cert %s: %w", file, err), "both must be PEM, and belong together"}
		}
		w.dial.Certificates, w.cert = []tls.Certificate{pair}, true
	}
	if c.Bool("trace") || c.String("capture") != "" {
		if w.trace, err = u.newTracing(c); err != nil {
			return nil, nil, err
		}
	}
	return w, func() { w.trace.close() }, nil
}

// config is the configuration for a server.
func (w *wiring) config(to dial.URL) client.Config {
	cfg := client.Config{
		URL: to, Dial: &w.dial, User: w.c.String("user"), Mechanism: strings.ToUpper(w.c.String("auth")), Certificate: w.cert,
		AllowCleartext: w.c.Bool("allow-cleartext"), Idle: w.c.Duration("idle-timeout"),
	}
	user := cfg.User
	if user == "" {
		user = to.User
	}
	cfg.Password = func(ctx context.Context) (string, error) { return w.source.Password(ctx, user, to.Host) }
	cfg.Alert = func(text string) { w.u.warn("%s", text) }
	if w.trace != nil {
		cfg.Observer = w.trace.open(to.Protocol)
	}
	return cfg
}

// imap connects to an IMAP server, and logs in.
func (w *wiring) imap(ctx context.Context, to dial.URL) (*client.IMAP, error) {
	return client.DialIMAP(ctx, w.config(to))
}

// pop3 connects to a POP3 server, and logs in.
func (w *wiring) pop3(ctx context.Context, to dial.URL) (*client.POP3, error) {
	return client.DialPOP3(ctx, w.config(to))
}

// oneServer takes the one argument of a verb, which names a server.
func (u *ui) oneServer(c *cli.Context, verb string) (dial.URL, error) {
	if c.Args().Len() != 1 {
		return dial.URL{}, usagef("such as mailtrace "+verb+" imaps://u1@imap.example.org", "expected one URL, got %d arguments", c.Args().Len())
	}
	return dial.Parse(c.Args().First())
}

// mailboxOf is the mailbox of a URL; INBOX where it names none.
func mailboxOf(to dial.URL) string {
	if to.Mailbox == "" {
		return "INBOX"
	}
	return to.Mailbox
}

// interruptible is a context that Ctrl-C ends.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
