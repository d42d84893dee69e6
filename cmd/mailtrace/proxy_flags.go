package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
)

func proxyFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.StringSliceFlag{Name: "listen", Usage: "listen at `URL`, one per UPSTREAM in order; port 0 is any free one"},
		&cli.StringFlag{Name: "socks", Usage: "be a SOCKS5 proxy at `ADDR` (host:port), for accounts that stay as they are"},
		&cli.StringSliceFlag{Name: "only", Usage: "over SOCKS, look into connections to `HOST` alone, on any port (glob)"},
		&cli.StringSliceFlag{Name: "pass", Usage: "over SOCKS, never look into connections to `HOST` (glob)"},
		&cli.StringFlag{Name: "capture", Usage: "record to `FILE`, an ordinary pcapng"},
		&cli.BoolFlag{Name: "force", Usage: "overwrite the capture"},
		&cli.StringFlag{Name: "bodies", Value: "all", Usage: "`WHICH` bodies to record: all, none (filler in their place)"},
		&cli.StringSliceFlag{Name: "hide-capability", Usage: "take capabilities out of what the client sees, such as 'AUTH=*-PLUS' (`GLOB`)"},
		&cli.BoolFlag{Name: "secrets", Usage: "show and record passwords and tokens in clear"},
	}, outputFlags(), dialFlags(connecting), []cli.Flag{caDirFlag})
}

// connecting is what --timeout bounds where nothing else is said.
const connecting = "to connect in, and to shake hands in; never cuts an IDLE"

// dialFlags are those of every command that talks to a server; bounds is what --timeout is for.
func dialFlags(bounds string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "tls-ca", Usage: "trust the certificates in `FILE` too (PEM)"},
		&cli.BoolFlag{Name: "tls-insecure", Usage: "do not verify servers' certificates"},
		&cli.DurationFlag{Name: "timeout", Value: dial.DefaultTimeout, Usage: "`TIME` " + bounds},
	}
}

// dialConfig takes dialFlags.
func dialConfig(u *ui, c *cli.Context) (dial.Config, error) {
	cfg := dial.Config{Insecure: c.Bool("tls-insecure"), Timeout: c.Duration("timeout")}
	file := c.String("tls-ca")
	switch {
	case cfg.Timeout <= 0:
		return cfg, usagef("", "--timeout %v: expected more than nothing", cfg.Timeout)
	case c.IsSet("tls-ca") && cfg.Insecure:
		return cfg, usagef("leave out --tls-insecure, so that certificates are verified with FILE", "--tls-ca and --tls-insecure contradict each other")
	case c.IsSet("tls-ca"):
		roots, err := dial.LoadRoots(file)
		if err != nil {
			return cfg, err
		}
		cfg.Roots = roots
	}
	if cfg.Insecure {
		u.warn("--tls-insecure: servers' certificates are NOT verified, whoever is on the way can read and change everything")
	}
	return cfg, nil
}

// capturing are the flags of recording.
type capturing struct {
	path   string
	force  bool
	bodies bool
}

func captureFlags(c *cli.Context) (capturing, error) {
	x := capturing{path: c.String("capture"), force: c.Bool("force"), bodies: c.String("bodies") == "all"}
	if err := oneOf("--bodies", c.String("bodies"), "all", "none"); err != nil {
		return x, err
	}
	if x.path == "" {
		for _, name := range []string{"capture", "force", "bodies"} {
			if c.IsSet(name) {
				return x, usagef("name the file: --capture FILE", "--%s without a file to record to", name)
			}
		}
	}
	return x, nil
}

// routes are the upstreams with their listeners.
func routes(c *cli.Context) ([]proxy.Route, error) {
	listen := c.StringSlice("listen")
	upstreams := c.Args().Slice()
	switch {
	case len(upstreams) == 0 && len(listen) > 0:
		return nil, usagef("mailtrace proxy --listen "+listen[0]+" UPSTREAM, such as imaps://imap.example.org", "--listen without an UPSTREAM")
	case len(upstreams) == 0 && c.String("socks") == "":
		return nil, usagef("name the server, such as imaps://imap.example.org, or --socks 127.0.0.1:1080", "no UPSTREAM given")
	case len(listen) > len(upstreams):
		return nil, usagef("one --listen per UPSTREAM, in order", "%s for %s", plural(len(listen), "listener"), plural(len(upstreams), "upstream"))
	}
	var all []proxy.Route
	for i, raw := range upstreams {
		upstream, err := dial.Parse(raw)
		if err != nil {
			return nil, err
		}
		r := proxy.Route{Upstream: upstream, Listen: dial.DefaultListen(upstream.Scheme)}
		if i < len(listen) {
			if r.Listen, err = dial.ParseListen(listen[i]); err != nil {
				return nil, err
			}
		}
		if r.Listen.Protocol != upstream.Protocol {
			return nil, usagef("each --listen belongs to the UPSTREAM in the same place", "%s cannot stand before %s", r.Listen, upstream)
		}
		all = append(all, r)
	}
	return all, apart(all, c.String("socks"))
}

// apart refuses two listeners at one address, which the system would call "in use".
func apart(all []proxy.Route, socks string) error {
	taken := map[string]string{}
	if socks != "" {
		taken[socks] = "--socks " + socks
	}
	for _, r := range all {
		addr := r.Listen.Addr()
		if r.Listen.Port == 0 {
			continue
		}
		if other, ok := taken[addr]; ok {
			free := r.Listen
			free.Port = 0
			return usagef(fmt.Sprintf("give one of them another: --listen %s, one per UPSTREAM in order; port 0 is any free one", free),
				"two listeners at %s: %s and %s", addr, other, r.Upstream)
		}
		taken[addr] = r.Upstream.String()
	}
	return nil
}

// socksAddr takes --socks, and the flags that need it. A bare port, or none of a host,
// means the loopback.
func socksAddr(c *cli.Context) (string, error) {
	raw := c.String("socks")
	if raw == "" {
		for _, name := range []string{"socks", "only", "pass"} {
			if c.IsSet(name) {
				return "", usagef("name the address: --socks 127.0.0.1:1080", "--%s without an address for SOCKS", name)
			}
		}
		return "", nil
	}
	for _, only := range c.StringSlice("only") {
		if slices.Contains(c.StringSlice("pass"), only) {
			return "", usagef("leave one of them out", "--only %s and --pass %s contradict each other", only, only)
		}
	}
	host, port, err := net.SplitHostPort(raw)
	if err != nil {
		host, port = "", raw
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return "", usagef("such as --socks 127.0.0.1:1080; port 0 is any free one", "--socks %q: expected host:port", raw)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
