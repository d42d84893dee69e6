package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
	"github.com/mailtrace/mailtrace/proxy/certs"
	"github.com/mailtrace/mailtrace/replay"
)

// The user of the embedded server. Nobody else can reach it, so its password is no
// secret; it is treated as one, to show how.
const (
	demoUser     = "reader"
	demoPassword = "correct-horse"
)

const (
	demoFile  = "mailtrace-demo"
	demoReply = 5 * time.Second // a reply to the scripted client
	demoLimit = time.Minute     // all of it; it takes a fraction of a second
)

func demoCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "demo", UsageText: "mailtrace demo [flags]", Usage: "see the whole tool at work: a server, the proxy and a client, all in here",
		Description: "Plays a POP3 and an IMAP session between a scripted client and an embedded server,\n" +
			"through the proxy, and leaves their capture in this directory. Uses the loopback\n" +
			"alone, and a CA of its own that is thrown away.",
		Flags:  outputFlags(),
		Action: func(c *cli.Context) error { return runDemo(u, c) },
	}
}

func runDemo(u *ui, c *cli.Context) error {
	if err := noArgument(c, "demo"); err != nil {
		return err
	}
	out, err := u.output(c)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // as for proxy
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "mailtrace-demo-")
	if err != nil {
		return &ioError{fmt.Errorf("cannot make a temporary directory: %w", bare(err)), "set TMPDIR to one that can be written"}
	}
	defer os.RemoveAll(dir) // nothing in it is of use to anybody
	ca, _, err := certs.Load(dir)
	if err != nil {
		return err
	}
	upstreams, closeServer, err := serveDemo(ca)
	if err != nil {
		return err
	}
	defer closeServer()

	file, err := createDemoFile()
	if err != nil {
		return err
	}
	queue := print.NewQueue(out.printer(u), print.QueueOptions{})
	counted, ends := newTally(u, false), make(endings, len(upstreams))
	recorder := captures.NewRecorder(file, captures.Options{
		Application: "mailtrace " + version(), Protocols: registry.All, Bodies: true,
	})
	cfg := proxy.Config{
		CA: ca, Dial: dial.Config{Roots: ca.Pool(), Timeout: demoReply}, Protocols: registry.All,
		Recorder: recorder, Sink: sinks{counted, queue, ends},
	}
	for _, upstream := range upstreams {
		listen := upstream
		listen.Port = 0
		cfg.Routes = append(cfg.Routes, proxy.Route{Listen: listen, Upstream: upstream})
	}
	p, err := proxy.New(cfg)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.WithoutCancel(ctx)) }()
	u.say("a POP3 and an IMAP server, mailtrace before them, a scripted client; all of it in this process")

	addrs := p.Addrs()
	differences, played := 0, error(nil)
	for i, r := range cfg.Routes {
		result, err := playDemo(ctx, ca, r.Upstream.Protocol, addrs[i].String())
		differences += len(result.Differences)
		for _, d := range result.Differences {
			u.warn("%s", d)
		}
		if played = err; played != nil {
			break
		}
		// So does what the proxy has to say of it.
		select {
		case <-ends:
		case <-time.After(demoReply):
		}
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	closed := errors.Join(p.Shutdown(drain), <-served)
	printed := queue.Close(drain)
	recorded := recorder.Close(drain)
	if recorded == nil {
		recorded = file.Close()
	}
	switch {
	case ctx.Err() != nil && c.Context.Err() == nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errStopped
	case played != nil:
		return &ioError{err: fmt.Errorf("the demo did not get through: %s", words(played))}
	case errors.Join(closed, printed, recorded) != nil:
		return &ioError{err: errors.Join(closed, printed, recorded)}
	}
	u.say("%s; recorded in %s", counted, file.Name())
	for _, next := range [...]string{
		"mailtrace show -v " + file.Name(),
		"mailtrace show --extract mails " + file.Name() + ", or open it in Wireshark",
		"mailtrace proxy --capture mine.pcapng imaps://YOUR.MAIL.SERVER",
	} {
		u.say("try: %s", next)
	}
	if differences > 0 {
		return errCheck
	}
	return nil
}

// endings tells of each connection that ended.
type endings chan struct{}

// Events implements proxy.Sink.
func (x endings) Events(events []decode.Event) {
	for i := range events {
		if e := &events[i]; e.Kind == decode.Close && e.Dir == decode.NoDir && e.Origin == decode.FromPeer {
			select {
			case x <- struct{}{}:
			default:
			}
		}
	}
}

// serveDemo starts the embedded server, once for each protocol, with implicit TLS.
func serveDemo(ca *certs.CA) (upstreams []dial.URL, closeAll func(), err error) {
	leaf, err := ca.Leaf([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12}
	store := mailserver.NewStore(mailserver.DemoMessages())
	s := &mailserver.Server{
		Store: store, Users: map[string]string{demoUser: demoPassword}, Greeting: "mailtrace demo ready",
		OnIdle: func() {
			// INBOX is always there.
			_, _ = store.Append("INBOX", mailserver.LateMessage())
		},
	}
	for _, x := range []struct {
		scheme string
		serve  func(net.Listener) error
	}{{"pop3s", s.ServePOP3}, {"imaps", s.ServeIMAP}} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", config)
		if err != nil {
			_ = s.Close() // the error that counts is err
			return nil, nil, &ioError{fmt.Errorf("cannot listen on the loopback: %w", err), "the demo needs nothing but that"}
		}
		u, err := dial.Parse(x.scheme + "://" + l.Addr().String())
		if err != nil {
			return nil, nil, err
		}
		upstreams = append(upstreams, u)
		go x.serve(l) //nolint:errcheck // it ends with Close, and gives nil then
	}
	return upstreams, func() { _ = s.Close() }, nil
}

// createDemoFile makes a capture in the current directory, under a name that is free.
func createDemoFile() (*os.File, error) {
	for n := 1; ; n++ {
		name := demoFile + ".pcapng"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.pcapng", demoFile, n)
		}
		f, err := captures.Create(name, false)
		if errors.Is(err, fs.ErrExist) && n < 1000 {
			continue
		}
		if err != nil {
			return nil, &ioError{err, "change to a directory that can be written"}
		}
		return f, nil
	}
}

// playDemo is the scripted client of one protocol, on TLS to the proxy.
func playDemo(ctx context.Context, ca *certs.CA, protocol, addr string) (replay.Result, error) {
	script, err := replay.ParseFS(mailserver.Scripts(), protocol+".script")
	if err != nil {
		return replay.Result{}, err
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return replay.Result{}, err
	}
	defer conn.Close()
	result, err := replay.Play(ctx, conn, script, script.Conns[0].Name, replay.Options{User: demoUser, Password: demoPassword, Timeout: demoReply})
	if err == nil && conn.SetReadDeadline(time.Now().Add(demoReply)) == nil {
		// It is the server that closes behind QUIT and LOGOUT; that belongs to the story. That
		// nothing else comes is not for us to check.
		_, _ = io.Copy(io.Discard, conn)
	}
	return result, err
}
