package mailserver

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	gomessage "github.com/emersion/go-message"
)

// Search answers SEARCH and UID SEARCH (RFC 9051 §6.4.4).
func (s *imapSession) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, options *imap.SearchOptions) (*imap.SearchData, error) {
	v := s.view
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	var seqs imap.SeqSet
	var uids imap.UIDSet
	data := &imap.SearchData{}
	for i, m := range v.msgs {
		if !v.matches(i, criteria) {
			continue
		}
		seqs.AddNum(uint32(i + 1))
		uids.AddNum(imap.UID(m.uid))
		n := uint32(i + 1)
		if kind == imapserver.NumKindUID {
			n = m.uid
		}
		if data.Count == 0 {
			data.Min = n
		}
		data.Max = n
		data.Count++
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	if options.ReturnSave {
		v.saved = uids
	}
	return data, nil
}

// matches tells whether message i meets all criteria. It wants the store locked.
func (v *view) matches(i int, c *imap.SearchCriteria) bool {
	m := v.msgs[i]
	for _, set := range c.SeqNum {
		if !v.inSet(set, i) {
			return false
		}
	}
	for _, set := range c.UID {
		if !v.inSet(set, i) {
			return false
		}
	}
	for _, f := range c.Flag {
		if !m.has(string(f)) {
			return false
		}
	}
	for _, f := range c.NotFlag {
		if m.has(string(f)) {
			return false
		}
	}
	if c.Larger != 0 || c.Smaller != 0 {
		if size := int64(v.store.size(m.message)); c.Larger != 0 && size <= c.Larger || c.Smaller != 0 && size >= c.Smaller {
			return false
		}
	}
	if !onDay(m.date, c.Since, c.Before) || !v.store.matchesText(m.message, c) {
		return false
	}
	for j := range c.Not {
		if v.matches(i, &c.Not[j]) {
			return false
		}
	}
	for j := range c.Or {
		if !v.matches(i, &c.Or[j][0]) && !v.matches(i, &c.Or[j][1]) {
			return false
		}
	}
	return true
}

// onDay compares days, whatever the time and zone (RFC 9051 §6.4.4).
func onDay(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

// matchesText looks into header and body.
func (s *Store) matchesText(m *message, c *imap.SearchCriteria) bool {
	if len(c.Header)+len(c.Text)+len(c.Body) == 0 && c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true
	}
	octets, err := s.read(m)
	if err != nil {
		return false // gone
	}
	if !c.SentSince.IsZero() || !c.SentBefore.IsZero() {
		if d := dateOf(octets); d.IsZero() || !onDay(d, c.SentSince, c.SentBefore) {
			return false
		}
	}
	h := mailHeader(octets)
	for _, f := range c.Header {
		if !inFields(h.FieldsByKey(f.Key), f.Value) {
			return false
		}
	}
	for _, text := range c.Text {
		if !contains(octets, text, true) {
			return false
		}
	}
	for _, text := range c.Body {
		if !contains(octets, text, false) {
			return false
		}
	}
	return true
}

// inFields looks for text in the decoded values; no text looks for the field.
func inFields(fields gomessage.HeaderFields, text string) bool {
	for fields.Next() {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
		}
		if folded(value, text) {
			return true
		}
	}
	return false
}

func folded(s, substr string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(substr))
}

// contains looks for text in the decoded parts, and in the headers where asked. Of a
// message that does not parse, what is readable is searched.
func contains(octets []byte, text string, header bool) bool {
	e, err := gomessage.Read(bytes.NewReader(octets))
	if e == nil {
		return err != nil && folded(string(octets), text)
	}
	found := false
	_ = e.Walk(func(_ []int, part *gomessage.Entity, _ error) error { // a broken part ends the walk
		if part == nil {
			return nil
		}
		kind, _, _ := part.Header.ContentType()
		if header && inFields(part.Header.Fields(), text) {
			found = true
		}
		if strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "message/") {
			body, _ := io.ReadAll(part.Body) // what came before an error is searched
			found = found || folded(string(body), text)
		}
		return nil
	})
	return found
}
