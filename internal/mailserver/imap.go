package mailserver

import (
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log"
	"os"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// appendLimit is the most octets that APPEND takes (RFC 7889).
const appendLimit = 32 << 20

func newIMAPServer(s *Server, startTLS *tls.Config, login bool) *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			conn := c.NetConn().(*imapConn)
			return &imapSession{server: s, store: s.Store, conn: conn}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {},
			imap.CapSearchRes: {}, imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapMove: {},
			imap.CapStatusSize: {}, imap.CapChildren: {}, imap.CapSpecialUse: {},
		},
		TLSConfig:    startTLS,
		InsecureAuth: login,
		Logger:       s.logger(),
	})
}

// logger takes what imapserver has to say. Peers that leave are no news here.
func (s *Server) logger() imapserver.Logger {
	if s.log != nil {
		return s.log
	}
	return log.New(io.Discard, "", 0)
}

// imapSession is one IMAP connection. imapserver calls it from one goroutine, but for
// Idle, which nothing else runs beside.
type imapSession struct {
	server *Server
	store  *Store
	conn   *imapConn
	view   *view // selected mailbox or nil
}

var (
	_ imapserver.SessionIMAP4rev2   = (*imapSession)(nil)
	_ imapserver.SessionAppendLimit = (*imapSession)(nil)
)

// no makes a NO response.
func no(code imap.ResponseCode, err error) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: err.Error()}
}

// failed makes a NO of what the store says. An error that has its response already stays.
func failed(err error) error {
	var response *imap.Error
	switch {
	case err == nil, errors.As(err, &response):
		return err
	case errors.Is(err, errReadOnly):
		return no(imap.ResponseCodeNoPerm, errReadOnly)
	case errors.Is(err, errName):
		return no(imap.ResponseCodeCannot, errName)
	case errors.Is(err, errKeywords):
		return no(imap.ResponseCodeLimit, errKeywords)
	}
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: words(err)}
}

// words are those of an error for a client: without the paths of this machine.
func words(err error) string {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}

// Close ends the session.
func (s *imapSession) Close() error {
	s.server.release(s.conn.tracked)
	return nil
}

// AppendLimit gives the most octets that APPEND takes.
func (s *imapSession) AppendLimit() uint32 { return appendLimit }

// Login checks name and password.
func (s *imapSession) Login(user, password string) error {
	if !s.server.login(user, password) {
		return imapserver.ErrAuthFailed
	}
	return nil
}

// Select opens a mailbox (RFC 9051 §6.3.2).
func (s *imapSession) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	if err != nil {
		return nil, no(imap.ResponseCodeNonExistent, err)
	}
	if err := s.store.keep.look(mb); err != nil {
		return nil, failed(err)
	}
	v := newView(s.store, mb, options.ReadOnly)
	s.view = v
	s.conn.refuses = s.store.readOnly && !options.ReadOnly
	data := &imap.SelectData{
		Flags:       mailboxFlags(mb),
		NumMessages: uint32(len(v.msgs)),
		UIDNext:     imap.UID(mb.uidNext),
		UIDValidity: mb.validity,
	}
	if !v.readOnly {
		data.PermanentFlags = append(slices.Clone(data.Flags), imap.FlagWildcard)
	}
	for i, m := range mb.msgs {
		if !m.has(`\Seen`) {
			data.FirstUnseenSeqNum = uint32(i + 1)
			break
		}
	}
	return data, nil
}

// mailboxFlags gives the system flags and the keywords in use, in the order of use.
func mailboxFlags(mb *mailbox) []imap.Flag {
	names := []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}
	for _, m := range mb.msgs {
		for _, f := range m.flags {
			if indexFlag(names, f) < 0 {
				names = append(names, f)
			}
		}
	}
	return toFlags(names)
}

func toFlags(names []string) []imap.Flag {
	flags := make([]imap.Flag, len(names))
	for i, f := range names {
		flags[i] = imap.Flag(f)
	}
	return flags
}

func fromFlags(flags []imap.Flag) []string {
	names := make([]string, len(flags))
	for i, f := range flags {
		names[i] = string(f)
	}
	return names
}

// Unselect leaves the mailbox.
func (s *imapSession) Unselect() error {
	s.view = nil
	return nil
}

// Poll tells what changed.
func (s *imapSession) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	// What cannot be looked at now may be at the next poll; what is known is told.
	_ = s.store.look(s.view.mailbox)
	return s.view.poll(w, allowExpunge)
}

// Idle tells what changes until stop (RFC 2177).
func (s *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if !s.server.join(s.conn.tracked) {
		return nil // the connection broke before this began
	}
	defer s.server.wg.Done()
	if s.server.OnIdle != nil {
		s.server.OnIdle()
	}
	if s.view == nil {
		<-stop
		return nil
	}
	// Nobody tells of what is delivered into a Maildir: it is looked for.
	every := time.NewTicker(s.server.look())
	defer every.Stop()
	for {
		changed := s.view.changed()
		if err := s.view.poll(w, true); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-every.C:
			_ = s.store.look(s.view.mailbox) // as in Poll
		case <-stop:
			return nil
		}
	}
}

// Append adds a message (RFC 9051 §6.3.12).
func (s *imapSession) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	octets, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	if err != nil {
		return nil, no(imap.ResponseCodeTryCreate, err)
	}
	if s.store.readOnly {
		return nil, failed(errReadOnly)
	}
	m, err := s.store.append(mb, Message{Octets: octets, Flags: fromFlags(options.Flags), Date: options.Time})
	if err != nil {
		return nil, failed(err)
	}
	return &imap.AppendData{UID: imap.UID(m.uid), UIDValidity: mb.validity}, nil
}
