package client

import (
	"bytes"
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/internal/spool"
)

// Summary is what a list shows of a message.
type Summary struct {
	Number  uint32 // sequence number or message number
	UID     uint32 // IMAP
	ID      string // POP3: its lasting id
	Flags   []string
	Octets  int64
	Arrived time.Time // INTERNALDATE; zero where it is not known
	Date    time.Time // of its header; zero where it has none that can be read
	From    string    // display name, or the address; decoded
	Address string    // of the sender
	Subject string    // decoded
	// Headless says that the server gave no header to read this from.
	Headless bool
}

// When is the time to show: that of the header, else that of arrival.
func (s *Summary) When() time.Time {
	if s.Date.IsZero() {
		return s.Arrived
	}
	return s.Date
}

// SummaryItems are what FETCH is asked for to make a Summary of it.
const SummaryItems = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)"

// The first rows are on the screen while the last are on their way: a FETCH for the newest, and those
// for the others behind it.
const (
	firstRows = 100
	moreRows  = 500
)

// Summaries tells the messages of the mailbox that is open, the newest first, at most limit of them (0:
// all), of exists. They are asked for in descending ranges, said ahead of the answers; up to 100 take
// one FETCH. No more than a few ranges are held.
func (c *IMAP) Summaries(ctx context.Context, exists uint32, limit int, on func(*Summary) error) error {
	least := uint32(1)
	if limit > 0 && uint64(limit) < uint64(exists) {
		least = exists - uint32(limit) + 1
	}
	type span struct {
		first, last uint32
		rows        []*Summary // by number, from first on
	}
	var open []*span
	last, step := exists, uint32(firstRows)
	next := func() (Command, bool) {
		if last < least || last == 0 {
			return Command{}, false
		}
		s := &span{first: least, last: last}
		if last-least >= step {
			s.first = last - step + 1
		}
		last, step = s.first-1, moreRows
		s.rows = make([]*Summary, s.last-s.first+1)
		open = append(open, s)
		set := itoa(int64(s.first)) + ":" + itoa(int64(s.last))
		return FetchCommand(false, set, SummaryItems), true
	}
	see := OnFetch(func(f *Fetched) error {
		if f.Envelope == nil {
			return nil // news of flags
		}
		for _, s := range open {
			if s.first <= f.Number && f.Number <= s.last {
				s.rows[f.Number-s.first] = summaryOf(f)
			}
		}
		return nil
	})
	return c.Pipeline(ctx, next, see, func(_ int, cmd Command, r *Result) error {
		s := open[0]
		open = open[1:]
		if r.Status != "OK" {
			return c.refused(&cmd, r)
		}
		for i := len(s.rows) - 1; i >= 0; i-- {
			if s.rows[i] == nil {
				continue // expunged meanwhile, or damaged at the server
			}
			if err := on(s.rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func summaryOf(f *Fetched) *Summary {
	s := &Summary{Number: f.Number, UID: f.UID, Flags: flagsOf(f.Flags), Subject: header(string(f.Envelope.Subject))}
	if f.Size != nil {
		s.Octets = *f.Size
	}
	s.Arrived, _ = InternalDate(f.InternalDate)
	s.Date, _ = mail.ParseDate(string(f.Envelope.Date)) // one that cannot be read is none
	from := f.Envelope.From
	if len(from) == 0 {
		from = f.Envelope.Sender
	}
	for i := range from {
		a := &from[i]
		if a.BeginsGroup() || a.EndsGroup() {
			continue
		}
		s.Address = address(a)
		s.From = header(string(a.Name))
		break
	}
	if s.From == "" {
		s.From = s.Address
	}
	return s
}

func address(a *grammar.Address) string {
	return header(string(a.Mailbox)) + "@" + header(string(a.Host))
}

// header shows the value of a header field in one line.
func header(value string) string {
	return strings.Join(strings.Fields(mime.Display(value)), " ")
}

// InternalDate reads a date-time (RFC 9051 §9).
func InternalDate(t []byte) (time.Time, error) {
	return time.Parse("_2-Jan-2006 15:04:05 -0700", string(bytes.TrimSpace(t)))
}

// headerLimit bounds the header of a message that TOP gives.
const headerLimit = 4 << 20

// Summaries tells the messages of the maildrop, the newest first, at most limit of them (0: all), from LIST,
// UIDL and TOP: said ahead of the answers where the server has PIPELINING.
func (c *POP3) Summaries(ctx context.Context, limit int, on func(*Summary) error) error {
	return c.Headers(ctx, limit, func(s *Summary, _ *spool.Spool) error { return on(s) })
}

// Headers tells the messages as Summaries does, each with its header: valid during the call, nil where
// the server gave none.
func (c *POP3) Headers(ctx context.Context, limit int, on func(*Summary, *spool.Spool) error) error {
	sizes, err := c.List(ctx)
	if err != nil {
		return err
	}
	ids, err := c.UIDL(ctx)
	var refused *ServerError
	if err != nil && !errors.As(err, &refused) { // UIDL is optional (RFC 1939 §7)
		return err
	}
	id := make(map[int]string, len(ids))
	for _, l := range ids {
		id[l.Number] = l.ID
	}
	if limit > 0 && limit < len(sizes) {
		sizes = sizes[len(sizes)-limit:]
	}
	for i := range sizes {
		sizes[i].ID = id[sizes[i].Number]
	}
	slices.Reverse(sizes)
	return c.tops(ctx, sizes, on)
}

// Tops tells the messages of a list, in its order.
func (c *POP3) Tops(ctx context.Context, list []Listed, on func(*Summary) error) error {
	return c.tops(ctx, list, func(s *Summary, _ *spool.Spool) error { return on(s) })
}

func (c *POP3) tops(ctx context.Context, list []Listed, on func(*Summary, *spool.Spool) error) error {
	defer c.limited(headerLimit)()
	next := 0
	return c.Pipeline(ctx, func() (string, bool) {
		if next == len(list) {
			return "", false
		}
		next++
		return "TOP " + itoa(int64(list[next-1].Number)) + " 0", true
	}, func(i int, r *Reply) error {
		s := &Summary{Headless: true}
		if r.OK && r.Content != nil {
			var err error
			if s, err = ReadSummary(r.Content.Reader()); err != nil {
				return err
			}
		}
		s.Number, s.ID, s.Octets = uint32(list[i].Number), list[i].ID, list[i].Octets
		return on(s, r.Content)
	})
}
