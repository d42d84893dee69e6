package mailserver

import (
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"
)

// Server serves a store to mail clients. Its fields must not change once it serves.
type Server struct {
	Store *Store
	// TLSConfig, where set, offers STARTTLS and STLS. For implicit TLS pass a TLS
	// listener.
	TLSConfig *tls.Config
	// Users maps names to passwords. All of them share the store.
	Users map[string]string
	// AnyUser accepts whatever name and password a client gives. APOP, which proves that
	// the client knows a password, is for Users alone.
	AnyUser bool
	// RequireTLS refuses to log in before TLS: LOGINDISABLED, and no USER.
	RequireTLS bool
	// Name, where set, is what ID tells (RFC 2971); without it ID is not offered.
	Name string
	// Greeting is the text of the POP3 greeting; the IMAP one is fixed.
	Greeting string
	// OnIdle, where set, is called when a session has entered IDLE, with the "+" sent: the
	// place to Append news.
	OnIdle func()
	// Timestamp, such as <1.1@pop.example.org>, ends the POP3 greeting and offers APOP. The
	// same in each greeting, it is for tests: see APOP.
	Timestamp string
	// APOP offers it with a timestamp of its own in each greeting (RFC 1939 §7).
	APOP bool

	// Interval is how often IDLE looks for what others put into a Maildir; 0 is a second.
	Interval time.Duration

	log           imapserver.Logger // for tests; nil is nowhere
	once          sync.Once
	imap, imapTLS *imapserver.Server // for connections in clear, and for those with TLS

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
	wg        sync.WaitGroup // one for each connection, each IDLE, each Serve
}

func (s *Server) init() {
	s.once.Do(func() {
		s.listeners = map[net.Listener]struct{}{}
		s.conns = map[net.Conn]struct{}{}
		s.imap, s.imapTLS = newIMAPServer(s, s.TLSConfig, !s.RequireTLS), newIMAPServer(s, nil, true)
	})
}

// ServeIMAP serves IMAP on ln until Close, then gives nil. It closes ln. After Close it
// gives net.ErrClosed.
func (s *Server) ServeIMAP(ln net.Listener) error {
	return s.serve(ln, s.acceptIMAP)
}

// ServePOP3 serves POP3 on ln until Close, then gives nil. It closes ln. After Close it
// gives net.ErrClosed.
func (s *Server) ServePOP3(ln net.Listener) error {
	return s.serve(ln, func(ln net.Listener) error {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return nil
			} else if err != nil {
				return err
			}
			go func() {
				defer s.release(conn)
				defer conn.Close()
				newPOP3(s, conn).serve()
			}()
		}
	})
}

func (s *Server) serve(ln net.Listener, loop func(net.Listener) error) error {
	s.init()
	defer ln.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.listeners[ln] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	err := loop(&trackedListener{Listener: ln, server: s})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	if s.closed {
		return nil
	}
	return err
}

// trackedListener notes each connection, so that Close can end it.
type trackedListener struct {
	net.Listener
	server *Server
}

// Accept waits for the next connection.
func (l *trackedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	s.conns[conn] = struct{}{}
	s.wg.Add(1)
	return conn, nil
}

// release forgets a connection whose goroutine ends.
func (s *Server) release(conn net.Conn) {
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	s.wg.Done()
}

// join makes Close wait for one more goroutine of a connection, unless that is gone.
func (s *Server) join(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[conn]; !ok {
		return false
	}
	s.wg.Add(1)
	return true
}

// Close ends all listeners and connections and waits for what served them.
func (s *Server) Close() error {
	s.init()
	s.mu.Lock()
	s.closed = true
	for ln := range s.listeners {
		ln.Close()
	}
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.imap.Close() // only now: it must not meet a Serve that begins
	s.imapTLS.Close()
	return nil
}

// login checks a name and a password.
func (s *Server) login(user, password string) bool {
	if s.AnyUser {
		return true
	}
	want, ok := s.Users[user]
	return subtle.ConstantTimeCompare([]byte(password), []byte(want)) == 1 && ok
}

func (s *Server) look() time.Duration {
	if s.Interval > 0 {
		return s.Interval
	}
	return time.Second
}
