package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// patience is how long anything in a script may take before it has failed.
const patience = 20 * time.Second

// exits runs a command that must end with a code: exits 2 mailtrace show
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d; stderr:\n%s", code, want, ts.ReadFile("stderr"))
	}
}

// server starts a mail server for user u1, password swordfish, and sets IMAP, IMAPS, POP3
// and POP3S to its ports. Its certificate, for localhost, is signed by server/ca.pem.
func server(ts *testscript.TestScript, _ bool, _ []string) {
	ca, _, err := certs.Load(ts.MkAbs("server"))
	ts.Check(err)
	leaf, err := ca.Leaf([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	ts.Check(err)
	config := &tls.Config{Certificates: []tls.Certificate{*leaf}}
	s := &mailserver.Server{Store: mailserver.NewStore(mailserver.DemoMessages()), TLSConfig: config, Users: map[string]string{"u1": "swordfish"}}
	listen := func(name string, serve func(net.Listener) error, secure bool) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
		if secure {
			l = tls.NewListener(l, config)
		}
		done := make(chan error, 1)
		go func() { done <- serve(l) }()
		ts.Defer(func() {
			ts.Check(s.Close())
			ts.Check(<-done)
		})
	}
	listen("IMAP", s.ServeIMAP, false)
	listen("IMAPS", s.ServeIMAP, true)
	listen("POP3", s.ServePOP3, false)
	listen("POP3S", s.ServePOP3, true)
}

type running struct{}

// process is a command in the background.
type process struct {
	cmd  *exec.Cmd
	out  transcript
	err  transcript
	done chan struct{} // both are whole
}

// transcript is what a process said so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more, or no more to come
	end  bool
}

func (x *transcript) fill(r io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		x.mu.Lock()
		x.text.Write(buf[:n])
		x.end = err != nil
		if x.more != nil {
			close(x.more)
			x.more = nil
		}
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *transcript) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.String()
}

// await waits until pattern is there and gives the text.
func (x *transcript) await(pattern *regexp.Regexp) (string, error) {
	late := time.After(patience)
	for {
		x.mu.Lock()
		text, end := x.text.String(), x.end
		if x.more == nil {
			x.more = make(chan struct{})
		}
		more := x.more
		x.mu.Unlock()
		if pattern.MatchString(text) {
			return text, nil
		}
		if end {
			return text, fmt.Errorf("it ended without %q:\n%s", pattern, text)
		}
		select {
		case <-more:
		case <-late:
			return text, fmt.Errorf("no %q in time:\n%s", pattern, text)
		}
	}
}

var (
	ready     = regexp.MustCompile(`(?m)^mailtrace: (?:hint: Thunderbird: |clients trust ).*$`)
	listening = regexp.MustCompile(`(?m)^mailtrace: listening on [a-z0-9+]+://[^ ]*:(\d+)`)
)

// begin runs the test binary as mailtrace in the background.
func begin(dir string, env, args []string) (*process, error) {
	p := &process{cmd: exec.Command(os.Args[0], args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(append(os.Environ(), env...), asCommand+"=1")
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		var both sync.WaitGroup
		both.Go(func() { p.out.fill(out) })
		both.Go(func() { p.err.fill(stderr) })
		both.Wait()
		_ = p.cmd.Wait() // whoever wants it looks at the code
	}()
	return p, nil
}

// kill ends a process that may have ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// start runs mailtrace in the background and waits until it listens: start tap proxy …
// sets tap_1, tap_2 … to the ports.
func start(ts *testscript.TestScript, _ bool, args []string) {
	var env []string
	for _, v := range []string{"LC_ALL", "NO_COLOR", "TERM", "XDG_CONFIG_HOME", "HOME"} {
		env = append(env, v+"="+ts.Getenv(v))
	}
	p, err := begin(ts.MkAbs("."), env, args[1:])
	ts.Check(err)
	ts.Value(running{}).(map[string]*process)[args[0]] = p
	ts.Defer(p.kill)
	text, err := p.err.await(ready)
	ts.Check(err)
	for i, m := range listening.FindAllStringSubmatch(text, -1) {
		ts.Setenv(fmt.Sprintf("%s_%d", args[0], i+1), m[1])
	}
}

// await waits until a process in the background has said something: await tap out regexp
func await(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(running{}).(map[string]*process)[args[0]]
	x := &p.out
	if args[1] == "err" {
		x = &p.err
	}
	pattern, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	_, err = x.await(pattern)
	ts.Check(err)
}

// halt sends a signal and expects an exit code: halt tap INT 0. The output is in tap.out and
// tap.err then.
func halt(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(running{}).(map[string]*process)[args[0]]
	ts.Check(p.cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}[args[1]]))
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("it does not stop")
	}
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != args[2] {
		ts.Fatalf("exit code %s, want %s:\n%s", code, args[2], &p.err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(p.out.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(p.err.String()), 0o600))
}

// converse speaks with a server: converse host:port [-socks host:port] [-tls ca.pem | -ca ca.pem]
// dialogue. Of the dialogue "C: " lines are sent; for an "S: " line it reads up to a line that
// begins so; "TLS:" begins TLS. "! converse" expects that the connection ends before.
func converse(ts *testscript.TestScript, neg bool, args []string) {
	err := talk(ts, args[0], args[1:len(args)-1], ts.ReadFile(args[len(args)-1]))
	if neg && err == nil {
		ts.Fatalf("the dialogue went through")
	} else if !neg {
		ts.Check(err)
	}
}

func talk(ts *testscript.TestScript, addr string, flags []string, dialogue string) error {
	given := map[string]string{}
	for i := 0; i+1 < len(flags); i += 2 {
		given[flags[i]] = flags[i+1]
	}
	at := addr
	if given["-socks"] != "" {
		at = given["-socks"]
	}
	conn, err := net.Dial("tcp", at)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // a closed one fails below
	if at != addr {
		if err := socksTo(conn, addr); err != nil {
			return err
		}
	}
	r := bufio.NewReader(conn)
	secure := func(ca string) error {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(ts.ReadFile(ca))) {
			return errors.New("no certificate in " + ca)
		}
		c := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "localhost"})
		conn, r = c, bufio.NewReader(c)
		return c.Handshake()
	}
	ca := given["-ca"]
	if given["-tls"] != "" {
		if err := secure(given["-tls"]); err != nil {
			return err
		}
	}
	for line := range strings.Lines(dialogue) {
		line = strings.TrimRight(line, "\n")
		_, said, _ := strings.Cut(line, ": ")
		switch kind, _, _ := strings.Cut(line, ":"); kind {
		case "C":
			if _, err := io.WriteString(conn, said+"\r\n"); err != nil {
				return err
			}
		case "S":
			for got := ""; !strings.HasPrefix(got, said); {
				if got, err = r.ReadString('\n'); err != nil {
					return fmt.Errorf("waiting for %q: %w", said, err)
				}
			}
		case "TLS":
			if err := secure(ca); err != nil {
				return err
			}
		default:
			return fmt.Errorf("dialogue: %q", line)
		}
	}
	return nil
}

// socksTo asks a SOCKS5 proxy for a connection by name (RFC 1928 §4).
func socksTo(conn net.Conn, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	ask := append([]byte{5, 1, 0, 5, 1, 0, 3, byte(len(host))}, host...)
	if _, err := conn.Write(append(ask, byte(n>>8), byte(n))); err != nil {
		return err
	}
	reply := make([]byte, 2+10)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return err
	}
	if reply[3] != 0 {
		return fmt.Errorf("SOCKS reply %d", reply[3])
	}
	return nil
}
