package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// listenFlags are those of whatever serves mail clients.
func listenFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "listen", Usage: "listen at `URL`, may be repeated; port 0 is any free one"},
		&cli.StringFlag{Name: "user", Usage: "let `NAME` in, with its password; else whoever comes"},
		&cli.StringFlag{Name: "password-command", Usage: "the password is the first line that `CMD` says"},
		&cli.StringFlag{Name: "ready-file", Usage: "write the URLs to `FILE` once clients may come, and remove it at the end"},
		caDirFlag,
	}
}

// listenURLs parses --listen; defaults are the schemes to listen with where there is none.
func listenURLs(c *cli.Context, defaults ...string) (urls []dial.URL, err error) {
	given := c.StringSlice("listen")
	if len(given) == 0 {
		for _, scheme := range defaults {
			urls = append(urls, dial.DefaultListen(scheme))
		}
	}
	taken := map[string]bool{}
	for _, text := range given {
		u, err := dial.ParseListen(text)
		if err != nil {
			return nil, err
		}
		if u.Security == dial.Plain && !u.IsLoopback() {
			return nil, usagef(fmt.Sprintf("--listen %s+starttls://%s, or %ss://", u.Protocol, u.Addr(), u.Protocol),
				"%s would take passwords in clear from other machines", u)
		}
		if u.Port != 0 && taken[u.Addr()] {
			return nil, usagef("give one of them another; port 0 is any free one", "two listeners at %s", u.Addr())
		}
		taken[u.Addr()] = true
		urls = append(urls, u)
	}
	return urls, nil
}

// door is one listener. Where its URL says so, connections are TLS from the first octet.
type door struct {
	net.Listener
	url dial.URL // with the port that it stands at
}

// doors are the listeners of one run of serve, with the TLS that they share, the ready
// file and the client to run against them.
type doors struct {
	u       *ui
	ca      *certs.CA
	tls     *tls.Config // for STARTTLS and STLS; doors with implicit TLS have it already
	all     []door
	ready   string
	user    string
	command []string
}

// openDoors listens at each URL, or at none and gives an error. The caller must call close,
// and serves on all before it calls wait.
func openDoors(u *ui, c *cli.Context, urls []dial.URL) (d *doors, err error) {
	_, command, runs := splitCommand(c)
	if runs && len(command) == 0 {
		return nil, usagef("name the client: -- CMD ARGUMENT...", "no command behind --")
	}
	d = &doors{u: u, ready: c.String("ready-file"), user: c.String("user"), command: command}
	if c.IsSet("ready-file") && d.ready == "" {
		return nil, usagef("", "--ready-file is empty")
	}
	if d.ca, err = loadCA(u, c); err != nil {
		return nil, err
	}
	d.tls = serverTLS(d.ca, urls)
	for _, url := range urls {
		l, err := net.Listen("tcp", url.Addr())
		if err != nil {
			d.close()
			free := url
			free.Port = 0
			return nil, &ioError{fmt.Errorf("cannot listen on %s: %w", url, err), fmt.Sprintf("--listen %s takes any free port", free)}
		}
		url.Port = l.Addr().(*net.TCPAddr).Port
		if url.Security == dial.TLS {
			l = tls.NewListener(l, d.tls)
		}
		d.all = append(d.all, door{l, url})
		if !url.IsLoopback() {
			u.warn("%s is NOT on the loopback: whoever reaches this machine can use it", url)
		}
	}
	return d, nil
}

// serverTLS is the TLS of a server: its certificate carries the name that the client asks
// for, those that it listens at, and the loopback's.
func serverTLS(ca *certs.CA, urls []dial.URL) *tls.Config {
	names, ips := []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, u := range urls {
		if ip := net.ParseIP(u.Host); ip != nil {
			ips = append(ips, ip)
		} else if u.Host != "" {
			names = append(names, u.Host)
		}
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			all := ips
			if a, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
				all = append(slices.Clone(ips), a.IP)
			}
			if hello.ServerName == "" {
				return ca.Leaf(names, all)
			}
			return ca.Leaf(append([]string{hello.ServerName}, names...), all)
		},
	}
}

// close stops listening.
func (d *doors) close() {
	for _, x := range d.all {
		discard(x)
	}
}

// urls are what clients of this machine are given: the user where there is one, and the
// loopback for a listener on all addresses.
func (d *doors) urls() (all []dial.URL) {
	for _, x := range d.all {
		u := x.url
		u.User = d.user
		if ip := net.ParseIP(u.Host); u.Host == "" || ip != nil && ip.IsUnspecified() {
			u.Host = "localhost"
		}
		all = append(all, u)
	}
	return all
}

// environment is what the client's command finds.
func (d *doors) environment() []string {
	urls := d.urls()
	env := []string{"MAILTRACE_URL=" + urls[0].String(), "MAILTRACE_CA=" + absolute(d.ca.Path())}
	for _, x := range [...]struct{ protocol, name string }{{dial.IMAP, "MAILTRACE_IMAP_URL"}, {dial.POP3, "MAILTRACE_POP3_URL"}} {
		i := slices.IndexFunc(urls, func(u dial.URL) bool { return u.Protocol == x.protocol })
		if i >= 0 {
			env = append(env, x.name+"="+urls[i].String())
		}
	}
	return env
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// wait says that clients may come, and ends with the first of these: the client's command,
// whose verdict it gives as a *commandError; a signal, with nil; and what served says, a
// server that ended by itself. A second signal ends the process.
func (d *doors) wait(ctx context.Context, served <-chan error) (err error) {
	signals, stop := watchSignals()
	defer stop()
	if d.ready != "" {
		if err := d.tellReady(); err != nil {
			return err
		}
		defer os.Remove(d.ready) // whoever waits for it looks for a server that is gone
	}
	d.u.say("clients trust %s", tilde(d.ca.Path()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ran := make(chan error, 1)
	if d.command != nil {
		go func() { ran <- runClient(ctx, d.command, d.environment()) }()
	}
	select {
	case err := <-ran:
		return err
	case err := <-served:
		if err != nil || d.command == nil {
			return err
		}
		return <-ran // nothing more to serve; what the client makes of it counts
	case <-ctx.Done():
	case <-signals:
		go func() {
			<-signals
			os.Exit(exitAbort)
		}()
	}
	cancel()
	if d.command != nil {
		return <-ran
	}
	return nil
}

// tellReady writes the ready file, whole from the moment that it is there.
func (d *doors) tellReady() error {
	var text bytes.Buffer
	for _, u := range d.urls() {
		fmt.Fprintln(&text, u)
	}
	f, err := os.CreateTemp(filepath.Dir(d.ready), ".ready-*")
	if err == nil {
		_, err = f.Write(text.Bytes())
		if e := f.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.Rename(f.Name(), d.ready)
		}
		if err != nil {
			_ = os.Remove(f.Name()) // err is the one that counts
		}
	}
	if err != nil {
		return &ioError{err: fmt.Errorf("cannot write the ready file: %w", err)}
	}
	return nil
}
