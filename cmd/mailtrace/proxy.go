package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
)

func proxyCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "proxy", Usage: "stand between a mail client and its server, and show what they say",
		UsageText: "mailtrace proxy [flags] UPSTREAM...\n" +
			"mailtrace proxy --capture tb.pcapng imaps://imap.example.org pop3s://pop.example.org",
		Description: "Each UPSTREAM is a URL: imap, imaps, imap+starttls, pop3, pop3s or pop3+starttls\n" +
			"://host[:port]. The client connects to the listener in front of it, and has to\n" +
			"trust the CA where there is TLS (mailtrace ca path). Ctrl-C stops.\n\n" +
			"Without --listen the scheme says where: imaps 127.0.0.1:1993, pop3s 127.0.0.1:1995,\n" +
			"imap and imap+starttls 127.0.0.1:1143, pop3 and pop3+starttls 127.0.0.1:1110.\n" +
			"--listen, --only, --pass and --hide-capability may be repeated.",
		Flags:  proxyFlags(),
		Action: func(c *cli.Context) error { return runProxy(u, c) },
	}
}

// lullTime is how long upstreams may take to answer before we go on without them, and
// how long what is still to be written and printed may take at the end.
const (
	lullTime  = 3 * time.Second
	drainTime = 2 * time.Second
	pending   = 30 * time.Second
)

func runProxy(u *ui, c *cli.Context) error {
	out, err := u.output(c)
	if err != nil {
		return err
	}
	cfg, rec, err := proxyConfig(u, c)
	if err != nil {
		return err
	}
	// A reader that went away, as head does, must not end the sessions.
	signal.Ignore(syscall.SIGPIPE)
	signals := stopSignals()
	defer signal.Stop(signals)

	terminal := term.IsTerminal(int(u.out.Fd()))
	queued := print.QueueOptions{Trouble: func(err error) {
		u.once("stdout", "%s; sessions go on", words(err))
	}}
	var running atomic.Pointer[proxy.Proxy]
	if terminal {
		queued.Pending = pending
		queued.Progress = func() []print.Progress { return progress(running.Load()) }
	}
	queue := print.NewQueue(out.printer(u), queued)
	counted := newTally(u, out.format != "text" || !terminal)
	cfg.Sink = sinks{counted, queue}
	if out.format == "none" {
		cfg.Sink = counted // nobody reads events: none are copied for the queue
		cfg.Unseen = true
	}
	if rec.path != "" {
		cfg.Recorder = rec
	}
	p, err := proxy.New(cfg)
	if err != nil {
		return err
	}
	running.Store(p)
	if err != nil {
		return err
	}
	// Only now, so that a port in use costs nobody a capture.
	if err := rec.create(); err != nil {
		_ = p.Shutdown(c.Context) // nothing runs yet, nothing can fail
		return err
	}
	tellRisks(u, c, p, rec.path)

	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx) }()
	tryUpstreams(ctx, u, p)
	tellListeners(u, c, cfg.Routes, p.Listeners(), rec.path)

	select {
	case err := <-served:
		served <- err
	case <-signals:
	}
	// Whatever keeps us from here on, a stdout or stderr that nobody reads for one.
	go func() {
		<-signals
		os.Exit(exitAbort)
	}()
	cancel()
	err = <-served
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	// Each gets its own time: a stalled stdout costs the capture nothing.
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		if queue.Close(drain) == nil { // otherwise told by Trouble, and the queue may still run
			out.complain(u)
		}
	}()
	rec.close(drain)
	<-printed
	counted.close()
	try := ""
	if rec.path != "" {
		try = "; try: mailtrace show " + shellWord(rec.path)
	}
	u.say("%s%s", counted, try)
	return err
}

// proxyConfig takes the flags, all but those of output.
func proxyConfig(u *ui, c *cli.Context) (cfg proxy.Config, rec *recording, err error) {
	capturing, err := captureFlags(c)
	if err != nil {
		return cfg, nil, err
	}
	if cfg.Routes, err = routes(c); err != nil {
		return cfg, nil, err
	}
	if cfg.Socks, err = socksAddr(c); err != nil {
		return cfg, nil, err
	}
	if cfg.Dial, err = dialConfig(u, c); err != nil {
		return cfg, nil, err
	}
	if cfg.CA, err = loadCA(u, c); err != nil {
		return cfg, nil, err
	}
	cfg.Only, cfg.Pass, cfg.Hide = c.StringSlice("only"), c.StringSlice("pass"), c.StringSlice("hide-capability")
	cfg.Protocols = registry.All
	cfg.Secrets = c.Bool("secrets")
	cfg.Log = func(text, hint string) {
		u.warn("%s", text)
		if hint != "" {
			u.hint("%s", hint)
		}
	}
	return cfg, &recording{capturing: capturing, u: u}, nil
}

// progress is what goes through the proxy and no event tells of yet.
func progress(p *proxy.Proxy) (all []print.Progress) {
	if p == nil {
		return nil
	}
	for _, x := range p.Pending() {
		all = append(all, print.Progress(x))
	}
	return all
}

// stopSignals delivers what asks us to stop. A hangup that is ignored, as under nohup,
// stays so.
func stopSignals() chan os.Signal {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	return signals
}

// sinks shows events to one after the other.
type sinks []proxy.Sink

func (s sinks) Events(events []decode.Event) {
	for _, x := range s {
		x.Events(events)
	}
}

// tellRisks says loudly what a user may not have meant.
func tellRisks(u *ui, c *cli.Context, p *proxy.Proxy, file string) {
	for _, url := range p.Exposed() {
		u.warn("%s is NOT on the loopback: whoever reaches this machine can use it", url)
	}
	if c.Bool("secrets") {
		where := "shown"
		if file != "" {
			where = "shown, and recorded in " + file + ","
		}
		u.warn("--secrets: passwords and tokens are %s in clear", where)
	}
}

// tryUpstreams tries every upstream once, so that a typo shows at once. One that takes
// its time is told of later.
func tryUpstreams(ctx context.Context, u *ui, p *proxy.Proxy) {
	tried := make(chan struct{})
	go func() {
		defer close(tried)
		p.TryUpstreams(ctx, func(r proxy.Route, a *dial.Answer, err error) {
			switch {
			case ctx.Err() != nil:
				// We are stopping; it was not the server's fault.
			case err != nil:
				u.warn("%s", words(err))
				if h := hintOf(err); h != "" {
					u.hint("%s", h)
				}
			case a.Unverified != nil:
				u.warn("%s", a)
			default:
				u.say("%s", a)
			}
		})
	}()
	select {
	case <-tried:
	case <-ctx.Done():
	case <-time.After(lullTime):
	}
}

// tellListeners says where to connect to, and how in one client that many have.
func tellListeners(u *ui, c *cli.Context, all []proxy.Route, urls []string, file string) {
	for i, url := range urls {
		text := "listening on " + url
		if i < len(all) && len(urls) > 1 {
			text += " for " + all[i].Upstream.String()
		}
		if i == len(urls)-1 && file != "" {
			text += ", recording to " + file
		}
		u.say("%s", text)
	}
	path := "mailtrace ca path"
	if dir := c.String("ca-dir"); dir != "" {
		path += " --ca-dir " + shellWord(dir)
	}
	if len(all) == 0 {
		host, port, _ := strings.Cut(strings.TrimPrefix(urls[0], "socks5://"), ":")
		u.hint("Thunderbird: Settings, Connection, SOCKS v5 host %s, port %s, and proxy DNS; it must trust the CA (%s)", host, port, path)
		return
	}
	listen, err := dial.ParseListen(urls[0])
	if err != nil {
		return // urls are the proxy's own
	}
	host, security, trust := listen.Host, "", "; it must trust the CA ("+path+")"
	if listen.IsLoopback() {
		host = "localhost"
	}
	switch listen.Security {
	case dial.Plain:
		security, trust = "no connection security", ""
		if all[0].Upstream.Security != dial.TLS {
			security, trust = "the security that it had", "; for STARTTLS it must trust the CA ("+path+")"
		}
	case dial.TLS:
		security = "SSL/TLS"
	case dial.StartTLS:
		security = "STARTTLS"
	}
	u.hint("Thunderbird: server %s, port %d, %s%s", host, listen.Port, security, trust)
}

// shellWord quotes a word where a POSIX shell would take it apart.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/~:@%+=,") == "" {
		return s
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
}
