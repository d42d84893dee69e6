package mailserver

import (
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// fetched is what a FETCH row shows, gathered under the lock and written without it.
type fetched struct {
	message *message
	seq     uint32
	flags   []imap.Flag
	show    bool // the flags, asked for or not: they changed
}

// Fetch answers FETCH and UID FETCH (RFC 9051 §6.4.5).
func (s *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	sets := !s.view.readOnly && slices.ContainsFunc(options.BodySection,
		func(b *imap.FetchItemBodySection) bool { return !b.Peek })
	rows, _ := s.view.gather(set, func(i int) (bool, error) {
		if !sets {
			return false, nil
		}
		return s.view.change(i, addFlags, []string{`\Seen`}) // where it cannot be set, the octets still count
	})
	for _, row := range rows {
		if err := s.write(w, row, options); err != nil {
			return err
		}
	}
	return nil
}

// gather collects rows; touch may change the flags and tells whether it did. Of the errors
// it gives the first.
func (v *view) gather(set imap.NumSet, touch func(i int) (bool, error)) (rows []fetched, err error) {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	for _, i := range v.pick(set) {
		shown, e := touch(i)
		if err == nil {
			err = e
		}
		m := v.msgs[i]
		rows = append(rows, fetched{m.message, uint32(i + 1), toFlags(m.flags), shown})
	}
	return rows, err
}

// write writes one row. A message that somebody else removed has none (RFC 2180 §4.1.2
// leaves that to the server): the EXPUNGE comes when it may.
func (s *imapSession) write(w *imapserver.FetchWriter, f fetched, options *imap.FetchOptions) error {
	var octets []byte
	if options.RFC822Size || options.Envelope || options.BodyStructure != nil || len(options.BodySection) > 0 {
		var err error
		if octets, err = s.store.content(f.message); errors.Is(err, errGone) {
			return nil
		} else if err != nil {
			return failed(err)
		}
	}
	row := w.CreateMessage(f.seq)
	if options.UID {
		row.WriteUID(imap.UID(f.message.uid))
	}
	if options.Flags || f.show {
		row.WriteFlags(f.flags)
	}
	if options.InternalDate {
		row.WriteInternalDate(f.message.date)
	}
	if options.RFC822Size {
		row.WriteRFC822Size(int64(len(octets)))
	}
	if options.Envelope {
		row.WriteEnvelope(envelope(octets))
	}
	if options.BodyStructure != nil {
		row.WriteBodyStructure(bodyStructure(octets))
	}
	for _, item := range options.BodySection {
		part := section(octets, item)
		lit := row.WriteBodySection(item, int64(len(part)))
		_, err := lit.Write(part)
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
		return failed(errReadOnly)
	}
	how := map[imap.StoreFlagsOp]flagChange{
		imap.StoreFlagsSet: setFlags, imap.StoreFlagsAdd: addFlags, imap.StoreFlagsDel: removeFlags,
	}[flags.Op]
	rows, failure := s.view.gather(set, func(i int) (bool, error) { return s.view.change(i, how, fromFlags(flags.Flags)) })
	if flags.Silent {
		return failed(failure)
	}
	_, uid := set.(imap.UIDSet)
	for _, row := range rows {
		if err := s.write(w, row, &imap.FetchOptions{Flags: true, UID: uid}); err != nil {
			return err
		}
	}
	return failed(failure)
}

// Expunge removes what is marked \Deleted, of uids where given. The EXPUNGE responses come
// with the poll behind the command.
func (s *imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.view.readOnly {
		if *w == (imapserver.ExpungeWriter{}) {
			return nil // CLOSE, which removes nothing here (RFC 9051 §6.4.1)
		}
		return failed(errReadOnly)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	marked := map[*message]bool{}
	for i, m := range s.view.msgs {
		if m.has(`\Deleted`) && (uids == nil || s.view.inSet(*uids, i)) {
			marked[m.message] = true
		}
	}
	return failed(s.store.expunge(s.view.mailbox, func(m *message) bool { return marked[m] }))
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
	if s.store.readOnly {
		return nil, nil, failed(errReadOnly)
	}
	data := &imap.CopyData{UIDValidity: to.validity}
	from, copied := map[*message]bool{}, map[*message]bool{}
	for _, i := range s.view.pick(set) {
		m := s.view.msgs[i].message
		if m.gone {
			continue
		}
		octets, err := s.store.read(m)
		if errors.Is(err, errGone) {
			continue
		}
		var c *message
		if err == nil {
			c, err = s.store.append(to, Message{Octets: octets, Flags: m.flags, Date: m.date})
		}
		if err != nil {
			// All or none (RFC 9051 §6.4.7). The error that counts is the first.
			_ = s.store.expunge(to, func(m *message) bool { return copied[m] })
			return nil, nil, failed(err)
		}
		copied[c] = true
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
		return failed(errReadOnly)
	}
	s.store.mu.Lock()
	data, from, err := s.copy(set, dest)
	if err == nil {
		err = failed(s.store.expunge(s.view.mailbox, func(m *message) bool { return from[m] }))
	}
	s.store.mu.Unlock()
	if data == nil {
		return err
	}
	// Where some could not be removed, they are copied all the same (RFC 6851 §3.3).
	return errors.Join(w.WriteCopyData(data), err)
}
