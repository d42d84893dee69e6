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
	"golang.org/x/term"

	"github.com/mailtrace/mailtrace/internal/accounts"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/oauth"
)

// clientFlags are those of every verb of the mail client.
func clientFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "user", Usage: "log in as `NAME`; else the URL's user"},
		&cli.StringFlag{Name: "password-command", Usage: "the password is the first line that `CMD` says"},
		&cli.StringFlag{Name: "auth", Usage: "log in by `MECHANISM`, such as SCRAM-SHA-256, PLAIN, LOGIN, USER, APOP"},
		&cli.BoolFlag{Name: "allow-cleartext", Usage: "log in without TLS too"},
		&cli.StringFlag{Name: "oauth2", Usage: "log in by an OAuth 2 token of `ISSUER`: google, microsoft, or a file that describes one"},
		&cli.StringFlag{Name: "client-id", Usage: "the client `ID` that the issuer gave you"},
		&cli.BoolFlag{Name: "trace", Usage: "show what is said, annotated, on stderr"},
		&cli.StringFlag{Name: "capture", Usage: "record what is said to `FILE`, an ordinary pcapng"},
		&cli.BoolFlag{Name: "force", Usage: "overwrite the capture"},
		&cli.BoolFlag{Name: "secrets", Usage: "show and record passwords and tokens in clear"},
	}, dialFlags(connecting), []cli.Flag{
		&cli.StringFlag{Name: "tls-cert", Usage: "show the client certificate in `FILE` (PEM), for --auth EXTERNAL"},
		&cli.StringFlag{Name: "tls-key", Usage: "its private key in `FILE` (PEM); else it stands with the certificate"},
		&cli.DurationFlag{Name: "tls-timeout", DefaultText: "that of --timeout", Usage: "`TIME` to shake hands in"},
		&cli.DurationFlag{Name: "idle-timeout", Value: time.Minute, Usage: "`TIME` that the server may be silent while it owes an answer"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "with --trace: every row, explanations each time"},
		colorFlag,
	})
}

// wiring is what a verb needs to talk to servers: how to log in, and who looks on.
type wiring struct {
	u     *ui
	c     *cli.Context
	dial  dial.Config
	trace *tracing // nil where nobody looks
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
	w := &wiring{u: u, c: c, dial: d}
	switch {
	case c.IsSet("tls-timeout") && c.Duration("tls-timeout") <= 0:
		return nil, nil, usagef("", "--tls-timeout %v: expected more than nothing", c.Duration("tls-timeout"))
	case c.IsSet("client-id") && !c.IsSet("oauth2") && len(u.accounts) == 0:
		return nil, nil, usagef("such as --oauth2 google", "--client-id without --oauth2")
	case c.IsSet("oauth2") && c.IsSet("password-command"):
		return nil, nil, usagef("leave one of them out", "--oauth2 and --password-command contradict each other")
	case c.Duration("idle-timeout") <= 0:
		return nil, nil, usagef("", "--idle-timeout %v: expected more than nothing", c.Duration("idle-timeout"))
	case c.IsSet("tls-key") && !c.IsSet("tls-cert"):
		return nil, nil, usagef("name the certificate: --tls-cert FILE", "--tls-key without a certificate")
	case c.Bool("force") && c.String("capture") == "":
		return nil, nil, usagef("name the file: --capture FILE", "--force without a file to record to")
	}
	w.dial.TLSTimeout = c.Duration("tls-timeout")
	if c.Bool("trace") || c.String("capture") != "" {
		if w.trace, err = u.newTracing(c); err != nil {
			return nil, nil, err
		}
	}
	return w, func() { w.trace.close() }, nil
}

// config is the configuration for a server: what the flags say, then what the account says whose it is.
func (w *wiring) config(to dial.URL) (client.Config, error) {
	a := w.u.accounts[serverKey(to)]
	pick := func(flag, fromAccount string) string {
		if w.c.IsSet(flag) {
			return w.c.String(flag)
		}
		return fromAccount
	}
	cfg := client.Config{
		URL: to, User: w.c.String("user"), Mechanism: strings.ToUpper(pick("auth", a.Auth)),
		AllowCleartext: w.c.Bool("allow-cleartext") || a.AllowCleartext, Idle: w.c.Duration("idle-timeout"),
		Alert: func(text string) { w.u.warn("%s", text) },
	}
	if cfg.User == "" {
		cfg.User = to.User
	}
	d := w.dial
	cfg.Dial = &d
	if a.TLSCA != "" && !w.c.IsSet("tls-ca") && !d.Insecure {
		roots, err := dial.LoadRoots(a.TLSCA)
		if err != nil {
			return cfg, err
		}
		d.Roots = roots
	}
	if file := pick("tls-cert", a.TLSCert); file != "" {
		key := pick("tls-key", a.TLSKey)
		if key == "" {
			key = file
		}
		pair, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return cfg, &ioError{fmt.Errorf("client certificate %s: %w", file, err), "certificate and key must be PEM, and belong together"}
		}
		d.Certificates, cfg.Certificate = []tls.Certificate{pair}, true
	}
	source := credentials.Source{Command: pick("password-command", a.PasswordCommand)}
	cfg.Password = func(ctx context.Context) (string, error) { return source.Password(ctx, cfg.User, to.Host) }
	if issuer := pick("oauth2", a.OAuth2); issuer != "" && !w.c.IsSet("password-command") {
		cfg.Token = func(ctx context.Context) (string, error) { return w.token(ctx, issuer, cfg.User, &a) }
		cfg.TokenRefused = func() {
			if err := oauth.Refused(w.tokenOptions(issuer, cfg.User, &a)); err != nil {
				w.u.warn("%s", words(err))
			}
		}
	}
	if w.trace != nil {
		cfg.Observer = w.trace.open(to.Protocol)
	}
	return cfg, nil
}

// tokenOptions say whom a token is for: the flags, then the account, then the environment.
func (w *wiring) tokenOptions(issuer, user string, a *accounts.Account) oauth.Options {
	o := oauth.Options{Issuer: issuer, ClientID: w.c.String("client-id"), User: user, ClientSecret: os.Getenv("MAILTRACE_CLIENT_SECRET")}
	if o.ClientID == "" {
		o.ClientID = a.ClientID
	}
	if o.ClientID == "" {
		o.ClientID = os.Getenv("MAILTRACE_CLIENT_ID")
	}
	return o
}

// token gets an OAuth 2 token; the user may have to consent.
func (w *wiring) token(ctx context.Context, issuer, user string, a *accounts.Account) (string, error) {
	o := w.tokenOptions(issuer, user, a)
	if a.ClientSecretCommand != "" && o.ClientID == a.ClientID {
		secret := credentials.Source{Command: a.ClientSecretCommand, Name: "client-secret-command"}
		var err error
		if o.ClientSecret, err = secret.Password(ctx, "the client", issuer); err != nil {
			return "", err
		}
	}
	if term.IsTerminal(int(w.u.err.Fd())) {
		o.Say, o.Browser = func(text string) { w.u.say("%s", text) }, oauth.Browser()
	}
	return oauth.Token(ctx, o)
}

// imap connects to an IMAP server, and logs in.
func (w *wiring) imap(ctx context.Context, to dial.URL) (*client.IMAP, error) {
	cfg, err := w.config(to)
	if err != nil {
		return nil, err
	}
	return w.dialIMAP(ctx, cfg)
}

// pop3 connects to a POP3 server, and logs in.
func (w *wiring) pop3(ctx context.Context, to dial.URL) (*client.POP3, error) {
	cfg, err := w.config(to)
	if err != nil {
		return nil, err
	}
	return w.dialPOP3(ctx, cfg)
}

// oneServer takes the one argument of a verb, which names a server.
func (u *ui) oneServer(c *cli.Context, verb string) (dial.URL, error) {
	if c.Args().Len() != 1 {
		return dial.URL{}, usagef("such as mailtrace "+verb+" imaps://u1@imap.example.org", "expected one URL, got %d arguments", c.Args().Len())
	}
	return u.server(c.Args().First(), "")
}

// server takes an argument that names a server: what holds :// is a URL, else it is the name of an account,
// which may have a server for each protocol; "" takes the one that there is, IMAP's before POP3's.
func (u *ui) server(arg, protocol string) (dial.URL, error) {
	if strings.Contains(arg, "://") {
		return dial.ParseLogin(arg)
	}
	known, err := accounts.Load("")
	if err != nil {
		return dial.URL{}, err
	}
	a, ok := known.Account(arg)
	if !ok {
		hint := "such as imaps://u1@imap.example.org"
		if names := known.Names(); len(names) > 0 {
			hint = "accounts are " + strings.Join(names, ", ")
			if n := nearest(arg, names); n != "" {
				hint = "did you mean " + n
			}
		}
		return dial.URL{}, usagef(hint, "%q is no URL, and no account is called so", arg)
	}
	to, err := a.URL(protocol)
	if err == nil {
		if u.accounts == nil {
			u.accounts = map[string]accounts.Account{}
		}
		u.accounts[serverKey(to)] = a
	}
	return to, err
}

// serverKey tells servers and their users apart, whatever the mailbox.
func serverKey(to dial.URL) string {
	to.Mailbox = ""
	return to.String()
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
