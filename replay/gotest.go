package replay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// TB is what a test gives: *testing.T, *testing.B, *testing.F.
type TB interface {
	Helper()
	Cleanup(func())
	TempDir() string
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// TestServer is a mail server for the time of a test.
type TestServer struct {
	URL   string         // such as imaps://127.0.0.1:40143
	Addr  string         // its host and port
	Roots *x509.CertPool // what its certificate is verified with
}

// TLSConfig is one that trusts the server.
func (s *TestServer) TLSConfig() *tls.Config {
	host, _, _ := net.SplitHostPort(s.Addr)
	return &tls.Config{RootCAs: s.Roots, ServerName: host, MinVersion: tls.VersionTLS12}
}

// NewServer starts a server on the loopback that plays a script or a capture to the mail client
// that is tested. It ends with the test. What the client asks for beside the recording fails the
// test, and the error says what was due.
//
//	func TestFetch(t *testing.T) {
//		s := replay.NewServer(t, "testdata/fetch.script")
//		mails, err := fetch(s.Addr, s.TLSConfig())
//		…
//
// With [WithMode] and [WithUpstream] the recording is made by the test itself, as it runs against
// a live server. A test that fails leaves the recording as it is.
func NewServer(t TB, path string, options ...Option) *TestServer {
	t.Helper()
	o := optionsOf(options)
	live := o.mode == RecordAll || o.mode == PassThrough
	if o.mode == RecordOnce {
		_, err := os.Stat(path)
		live = errors.Is(err, fs.ErrNotExist)
	}
	ca, _, err := certs.Load(t.TempDir())
	if err != nil {
		t.Fatalf("%v", err)
	}
	s := &TestServer{Roots: ca.Pool()}
	if live {
		s.record(t, path, o, ca)
	} else {
		s.play(t, path, o, ca)
	}
	return s
}

// play serves the recording.
func (s *TestServer) play(t TB, path string, o testOptions, ca *certs.CA) {
	t.Helper()
	script, err := Load(path, LoadOptions{})
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("replay: there is no recording %s; WithMode(RecordOnce) and WithUpstream make one", path)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	listen := s.listenURL(t, o.scheme, script.Conns[0].Protocol)
	leaf, err := ca.Leaf([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback})
	if err != nil {
		t.Fatalf("%v", err)
	}
	l, err := net.Listen("tcp", listen.Addr())
	if err != nil {
		t.Fatalf("replay: %v", err)
	}
	s.Addr = l.Addr().String()
	listen.Port = l.Addr().(*net.TCPAddr).Port
	s.URL = listen.String()
	server := &Server{
		Script: script, User: o.user, Password: o.password, Vars: o.vars, AnyOrder: o.anyOrder, Timeout: o.timeout,
		TLS: &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var report *Report
	go func() {
		defer close(done)
		report, err = server.Serve(ctx, Listener{Listener: l, Protocol: Protocol(listen.Protocol), Security: listen.Security})
	}()
	t.Cleanup(func() {
		t.Helper()
		select {
		case <-done:
		case <-time.After(parting): // a connection that was closed just now
		}
		cancel()
		<-done
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		tell(t, report, o.allConsumed)
	})
}

// parting is how long the last connection of a test may take to end.
const parting = 200 * time.Millisecond

// tell fails the test for what is different, and where it counts for what was left out.
func tell(t TB, r *Report, all bool) {
	t.Helper()
	for _, d := range r.Differences {
		t.Errorf("%s", d.Fail())
	}
	if r.Unplayed == 0 {
		return
	}
	say := t.Logf
	if all {
		say = t.Errorf
	}
	for _, x := range r.Steps {
		if x.Outcome == OutcomeUnplayed {
			say("%s:%d: #%d %s was not played", x.Pos.File, x.Pos.Line, x.Conn, x.Command)
		}
	}
}

// listenURL is where a test server listens.
func (s *TestServer) listenURL(t TB, scheme string, protocol Protocol) dial.URL {
	t.Helper()
	if scheme == "" {
		scheme = string(protocol) + "s"
	}
	u, err := dial.ParseListen(scheme + "://127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return u
}

// record stands before the live server, and keeps what goes through.
func (s *TestServer) record(t TB, path string, o testOptions, ca *certs.CA) {
	t.Helper()
	if o.upstream == "" {
		t.Fatalf("replay: mode %s: no server is named, WithUpstream does", o.mode)
	}
	upstream, err := dial.Parse(o.upstream)
	if err != nil {
		t.Fatalf("%v", err)
	}
	capture := ""
	if o.mode != PassThrough {
		capture = filepath.Join(t.TempDir(), "recorded"+captureEnding(path))
	}
	r, err := newRecorder(s.listenURL(t, o.scheme, Protocol(upstream.Protocol)), upstream, dial.Config{Roots: o.roots, Timeout: o.timeout}, ca, capture)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s.URL = r.url()
	s.Addr = r.proxy.Addrs()[0].String()
	t.Cleanup(func() {
		t.Helper()
		if err := r.stop(); err != nil {
			t.Errorf("%v", err)
			return
		}
		switch {
		case capture == "":
		case t.Failed():
			t.Logf("replay: the test failed, %s stays as it is", path)
		default:
			if err := keep(capture, path); err != nil {
				t.Errorf("%v", err)
			} else {
				t.Logf("replay: recorded %s", path)
			}
		}
	})
}

// Drive plays a script or a capture as the client of the mail server that is tested, at a URL such
// as imaps://u1@127.0.0.1:993, and fails the test for each reply that is different.
//
//	replay.Drive(t, "testdata/fetch.script", "imap://u1@"+addr, replay.WithLogin("u1", "secret"))
//
// Commands that change the mailbox need [AllowChanges]. On the loopback a password is said
// without TLS too.
func Drive(t TB, path, url string, options ...Option) *Report {
	t.Helper()
	o := optionsOf(options)
	u, err := dial.Parse(url)
	if err != nil {
		t.Fatalf("%v", err)
	}
	script, err := Load(path, LoadOptions{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	part := script.Only(Protocol(u.Protocol))
	if part == nil {
		t.Fatalf("replay: %s: expected a connection of %s, found none", path, u.Protocol)
	}
	c := &Client{
		URL: u, Dial: &dial.Config{Roots: o.roots}, User: o.user, Password: o.password, Vars: o.vars,
		AllowCleartext: u.IsLoopback(), AllowChanges: o.changes, Timeout: o.timeout,
	}
	report, err := c.Run(context.Background(), part)
	if report != nil {
		tell(t, report, true)
		if report.Changing > 0 {
			t.Logf("replay: %d steps change the mailbox or depend on such: AllowChanges plays them", report.Changing)
		}
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return report
}
