package mailserver

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// fetched is what a FETCH row shows, gathered under the lock and written without it.
type fetched struct {
	seq    uint32
	uid    imap.UID
	octets []byte
	date   time.Time
	flags  []imap.Flag
	show   bool // the flags, asked for or not: they changed
}

// Fetch answers FETCH and UID FETCH (RFC 9051 §6.4.5).
func (s *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	sets := !s.view.readOnly && slices.ContainsFunc(options.BodySection,
		func(b *imap.FetchItemBodySection) bool { return !b.Peek })
	for _, row := range s.view.gather(set, func(i int) bool {
		return sets && s.view.change(i, addFlags, []string{`\Seen`})
	}) {
		if err := row.write(w, options); err != nil {
			return err
		}
	}
	return nil
}

// gather collects rows; touch may change the flags and tells whether it did.
func (v *view) gather(set imap.NumSet, touch func(i int) bool) []fetched {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	var rows []fetched
	for _, i := range v.pick(set) {
		shown := touch(i)
		m := v.msgs[i]
		rows = append(rows, fetched{uint32(i + 1), imap.UID(m.uid), m.octets, m.date, toFlags(m.flags), shown})
	}
	return rows
}

func (f *fetched) write(w *imapserver.FetchWriter, options *imap.FetchOptions) error {
	row := w.CreateMessage(f.seq)
	if options.UID {
		row.WriteUID(f.uid)
	}
	if options.Flags || f.show {
		row.WriteFlags(f.flags)
	}
	if options.InternalDate {
		row.WriteInternalDate(f.date)
	}
	if options.RFC822Size {
		row.WriteRFC822Size(int64(len(f.octets)))
	}
	if options.Envelope {
		row.WriteEnvelope(envelope(f.octets))
	}
	if options.BodyStructure != nil {
		row.WriteBodyStructure(bodyStructure(f.octets))
	}
	for _, item := range options.BodySection {
		octets := section(f.octets, item)
		lit := row.WriteBodySection(item, int64(len(octets)))
		_, err := lit.Write(octets)
		if cerr := lit.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			row.Close()
			return err
		}
	}
	return row.Close()
}

// Store answers STORE and UID STORE (RFC 9051 §6.4.6).
func (s *imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	if s.view.readOnly {
		return no("", errReadOnly)
	}
	how := map[imap.StoreFlagsOp]flagChange{
		imap.StoreFlagsSet: setFlags, imap.StoreFlagsAdd: addFlags, imap.StoreFlagsDel: removeFlags,
	}[flags.Op]
	rows := s.view.gather(set, func(i int) bool { return s.view.change(i, how, fromFlags(flags.Flags)) })
	if flags.Silent {
		return nil
	}
	_, uid := set.(imap.UIDSet)
	for _, row := range rows {
		if err := row.write(w, &imap.FetchOptions{Flags: true, UID: uid}); err != nil {
			return err
		}
	}
	return nil
}

// Expunge removes what is marked \Deleted, of uids where given. The EXPUNGE responses come
// with the poll behind the command.
func (s *imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.view.readOnly {
		if *w == (imapserver.ExpungeWriter{}) {
			return nil // CLOSE, which removes nothing here (RFC 9051 §6.4.1)
		}
		return no("", errReadOnly)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	marked := map[*message]bool{}
	for i, m := range s.view.msgs {
		if m.has(`\Deleted`) && (uids == nil || s.view.inSet(*uids, i)) {
			marked[m.message] = true
		}
	}
	s.view.mailbox.expunge(func(m *message) bool { return marked[m] })
	return nil
}

// Copy answers COPY and UID COPY (RFC 9051 §6.4.7).
func (s *imapSession) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	data, _, err := s.copy(set, dest)
	return data, err
}

// copy wants the store locked. Nothing copied gives no data.
func (s *imapSession) copy(set imap.NumSet, dest string) (*imap.CopyData, map[*message]bool, error) {
	to, err := s.store.find(dest)
	if err != nil {
		return nil, nil, no(imap.ResponseCodeTryCreate, err)
	}
	data := &imap.CopyData{UIDValidity: to.validity}
	from := map[*message]bool{}
	for _, i := range s.view.pick(set) {
		m := s.view.msgs[i].message
		if m.gone {
			continue
		}
		c := s.store.append(to, Message{Octets: m.octets, Flags: m.flags, Date: m.date})
		data.SourceUIDs.AddNum(imap.UID(m.uid))
		data.DestUIDs.AddNum(imap.UID(c.uid))
		from[m] = true
	}
	if len(from) == 0 {
		return nil, nil, nil
	}
	return data, from, nil
}

// Move answers MOVE and UID MOVE (RFC 6851). The EXPUNGE responses come with the poll
// behind the command.
func (s *imapSession) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	if s.view.readOnly {
		return no("", errReadOnly)
	}
	s.store.mu.Lock()
	data, from, err := s.copy(set, dest)
	if err == nil {
		s.view.mailbox.expunge(func(m *message) bool { return from[m] })
	}
	s.store.mu.Unlock()
	if err != nil || data == nil {
		return err
	}
	return w.WriteCopyData(data)
}
