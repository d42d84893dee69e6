package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// house is a server that can be shut and opened again at the same address.
type house struct {
	t        *testing.T
	protocol string
	store    *mailserver.Store
	addr     string
	idle     chan struct{} // told when a session has entered IDLE
	stop     func()
}

func newHouse(t *testing.T, protocol string) *house {
	h := &house{t: t, protocol: protocol, idle: make(chan struct{}, 100), addr: "127.0.0.1:0"}
	var list []mailserver.Message
	for i := range 3 {
		list = append(list, mailserver.Message{Octets: mail(i + 1)})
	}
	h.store = mailserver.NewStore(list)
	h.open()
	t.Cleanup(func() { h.stop() })
	return h
}

func mail(n int) []byte {
	return fmt.Appendf(nil, "From: a@example.org\r\nSubject: number %d\r\n\r\nbody\r\n", n)
}

func (h *house) open() {
	h.t.Helper()
	s := &mailserver.Server{Store: h.store, AnyUser: true, OnIdle: func() { h.idle <- struct{}{} }}
	ln, err := net.Listen("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.stop == nil { // a watch reads it from then on
		h.addr = ln.Addr().String()
	}
	run := s.ServeIMAP
	if h.protocol == dial.POP3 {
		run = s.ServePOP3
	}
	done := make(chan error, 1)
	go func() { done <- run(ln) }()
	h.stop = func() {
		s.Close()
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) { // shut before it was open
			h.t.Error(err)
		}
		h.stop = func() {}
	}
}

func (h *house) config() client.Config {
	_, port, err := net.SplitHostPort(h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := dial.Parse(h.protocol + "://u1@127.0.0.1:" + port)
	if err != nil {
		h.t.Fatal(err)
	}
	return client.Config{
		URL: u, Idle: 10 * time.Second, AllowCleartext: true,
		Password: func(context.Context) (string, error) { return "p", nil },
	}
}

// other does commands as another client.
func (h *house) other(commands ...client.Command) {
	h.t.Helper()
	cfg := h.config()
	if cfg.URL.Protocol == dial.POP3 {
		return
	}
	s, err := client.DialIMAP(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close(nil)
	if _, err := s.Select(h.t.Context(), "INBOX", false, "", nil); err != nil {
		h.t.Fatal(err)
	}
	for _, c := range commands {
		if _, err := s.Do(h.t.Context(), c, nil); err != nil {
			h.t.Fatal(err)
		}
	}
}

func deliver(n int) client.Command {
	p := mail(n)
	return client.Cmd("APPEND", client.MailboxName("INBOX"), client.Literal{Reader: strings.NewReader(string(p)), Octets: int64(len(p))})
}

// watched is a watch that runs.
type watched struct {
	t    *testing.T
	news chan string
	done chan error
	stop context.CancelFunc
}

func shown(n News) string {
	s := n.Summary
	id := fmt.Sprint(s.UID)
	if s.ID != "" {
		id = "id"
	}
	switch n.What {
	case Arrived:
		return "arrived " + id + " " + s.Subject
	case Changed:
		flags := slices.Clone(s.Flags)
		return "changed " + id + " " + strings.Join(flags, " ")
	}
	return n.What + " " + id
}

func (h *house) watch(change func(*Options)) *watched {
	ctx, cancel := context.WithCancel(h.t.Context())
	w := &watched{t: h.t, news: make(chan string, 100), done: make(chan error, 1), stop: cancel}
	ready := make(chan int, 10)
	o := Options{
		Every: time.Millisecond,
		Tell:  func(n News) error { w.news <- shown(n); return nil },
		Ready: func(n int) { ready <- n },
		Say:   func(text string) { h.t.Log(text) },
		pause: func(ctx context.Context, d time.Duration) error {
			t := time.NewTimer(min(d, 5*time.Millisecond))
			defer t.Stop()
			select {
			case <-t.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	if change != nil {
		change(&o)
	}
	go func() {
		if h.protocol == dial.POP3 {
			w.done <- Maildrop(ctx, func(ctx context.Context) (*client.POP3, error) { return client.DialPOP3(ctx, h.config()) }, o)
			return
		}
		w.done <- Mailbox(ctx, "INBOX", func(ctx context.Context) (*client.IMAP, error) {
			return client.DialIMAP(ctx, h.config())
		}, o)
	}()
	select {
	case n := <-ready:
		if n != 3 {
			h.t.Errorf("%d messages, want 3", n)
		}
	case err := <-w.done:
		h.t.Fatal(err)
	}
	h.t.Cleanup(w.end)
	return w
}

func (w *watched) end() {
	w.stop()
	if err := <-w.done; err != nil && err != context.Canceled {
		w.t.Error(err)
	}
	w.done <- nil
}

// want awaits news, in this order.
func (w *watched) want(list ...string) {
	w.t.Helper()
	for _, s := range list {
		select {
		case got := <-w.news:
			if got != s {
				w.t.Errorf("got %q, want %q", got, s)
			}
		case err := <-w.done:
			w.t.Fatalf("ended before %q: %v", s, err)
		case <-time.After(20 * time.Second):
			w.t.Fatalf("nothing came, want %q", s)
		}
	}
}

func (h *house) idling() {
	h.t.Helper()
	select {
	case <-h.idle:
	case <-time.After(20 * time.Second):
		h.t.Fatal("no IDLE")
	}
}

func TestIdle(t *testing.T) {
	h := newHouse(t, dial.IMAP)
	w := h.watch(nil)
	h.idling()
	h.other(deliver(4))
	w.want("arrived 4 number 4")
	h.idling()
	h.other(client.Cmd("UID STORE", client.Raw("2"), client.Raw(`+FLAGS (\Seen $Label)`)))
	w.want(`changed 2 $Label \Seen`)
	h.idling()
	h.other(client.Cmd("UID STORE", client.Raw("1"), client.Raw(`+FLAGS (\Deleted)`)), client.Cmd("EXPUNGE"))
	w.want(`changed 1 \Deleted`, "vanished 1")
	// Numbers have moved: it is message 3 that has UID 4 now.
	h.other(client.Cmd("STORE", client.Raw("3"), client.Raw(`+FLAGS (\Answered)`)))
	w.want(`changed 4 \Answered`)
	select {
	case s := <-w.news:
		t.Errorf("and %q", s)
	default:
	}
}

// IDLE is renewed, and news are not lost by it.
func TestRenew(t *testing.T) {
	h := newHouse(t, dial.IMAP)
	w := h.watch(func(o *Options) { o.Renew = 20 * time.Millisecond })
	for n := 4; n < 8; n++ {
		h.idling()
		h.idling()
		h.other(deliver(n))
		w.want(fmt.Sprintf("arrived %d number %d", n, n))
	}
}

// What happened while the server was down is told once it is back.
func TestReconnect(t *testing.T) {
	h := newHouse(t, dial.IMAP)
	w := h.watch(nil)
	h.idling()
	h.other(deliver(4))
	w.want("arrived 4 number 4")
	h.stop()
	h.open()
	h.other(deliver(5), client.Cmd("UID STORE", client.Raw("2"), client.Raw(`+FLAGS (\Deleted)`)), client.Cmd("EXPUNGE"),
		client.Cmd("UID STORE", client.Raw("3"), client.Raw(`+FLAGS (\Flagged)`)))
	// It may be back before, between or behind the commands: all is told, whatever the order.
	want := map[string]bool{"arrived 5 number 5": true, "vanished 2": true, `changed 3 \Flagged`: true}
	for len(want) > 0 {
		select {
		case s := <-w.news:
			if s != `changed 2 \Deleted` && !want[s] {
				t.Fatalf("%q: twice, or not true", s)
			}
			delete(want, s)
		case <-time.After(20 * time.Second):
			t.Fatalf("missing: %v", want)
		}
	}
}

func TestMaildrop(t *testing.T) {
	h := newHouse(t, dial.POP3)
	w := h.watch(nil)
	if _, err := h.store.Append("INBOX", mailserver.Message{Octets: mail(4)}); err != nil {
		t.Fatal(err)
	}
	w.want("arrived id number 4")
}

// The first connection is not tried again: a mistake shows at once.
func TestRefused(t *testing.T) {
	h := newHouse(t, dial.IMAP)
	h.stop()
	err := Mailbox(t.Context(), "INBOX", func(ctx context.Context) (*client.IMAP, error) { return client.DialIMAP(ctx, h.config()) }, Options{})
	if err == nil || !strings.Contains(err.Error(), "connect") {
		t.Error(err)
	}
}
