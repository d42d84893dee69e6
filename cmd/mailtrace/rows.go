package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/print"
)

// rowPrinter shows messages, a row each, as they come.
type rowPrinter struct {
	u       *ui
	json    bool
	out     *bufio.Writer
	width   int // columns of the terminal, 0 where there is none
	digits  int // of the highest number
	mailbox string
	printed int
}

// The columns of a row. The subject takes what is left of the terminal.
const (
	flagColumns   = 16
	senderColumns = 24
	sizeColumns   = 9
	least         = 20 // of a subject
)

// heading begins a mailbox.
func (p *rowPrinter) heading(text string) error {
	if p.json {
		return nil
	}
	if _, err := fmt.Fprintln(p.out, printable(text, p.u.ascii)); err != nil {
		return &ioError{err: err}
	}
	return nil
}

// messageJSON is a row with --format json.
type messageJSON struct {
	Mailbox string   `json:"mailbox,omitempty"`
	Number  uint32   `json:"number"`
	UID     uint32   `json:"uid,omitempty"`
	UIDL    string   `json:"uidl,omitempty"`
	Flags   []string `json:"flags,omitzero"` // none over POP3
	Octets  int64    `json:"octets"`
	Arrived string   `json:"arrived,omitempty"`
	Date    string   `json:"date,omitempty"`
	From    string   `json:"from,omitempty"`
	Address string   `json:"address,omitempty"`
	Subject string   `json:"subject"`
}

// print shows a message. The first rows are not kept waiting for those behind them.
func (p *rowPrinter) print(s *client.Summary) error {
	var err error
	if p.json {
		var line []byte
		line, err = json.Marshal(p.jsonOf(s))
		if err == nil {
			_, err = p.out.Write(append(line, '\n'))
		}
	} else {
		_, err = p.out.WriteString(p.row(s) + "\n")
	}
	if p.printed++; err == nil && p.printed <= 100 {
		err = p.out.Flush()
	}
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}

func (p *rowPrinter) jsonOf(s *client.Summary) messageJSON {
	return messageJSON{
		Mailbox: p.mailbox, Number: s.Number, UID: s.UID, UIDL: s.ID, Flags: s.Flags, Octets: s.Octets,
		Arrived: rfc3339(s.Arrived), Date: rfc3339(s.Date), From: s.From, Address: s.Address, Subject: s.Subject,
	}
}

func (p *rowPrinter) flush() error {
	if err := p.out.Flush(); err != nil {
		return &ioError{err: err}
	}
	return nil
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (p *rowPrinter) row(s *client.Summary) string {
	var b strings.Builder
	if s.UID != 0 {
		fmt.Fprintf(&b, "UID %-*d  ", p.digits, s.UID)
		b.WriteString(p.cell(strings.Join(s.Flags, " "), flagColumns) + "  ")
	} else {
		fmt.Fprintf(&b, "%*d  ", p.digits, s.Number)
	}
	when := strings.Repeat(" ", 16)
	if t := s.When(); !t.IsZero() {
		when = t.Local().Format("2006-01-02 15:04")
	}
	fmt.Fprintf(&b, "%s  %s  %*s  ", when, p.cell(s.From, senderColumns), sizeColumns, size(&s.Octets))
	subject := "Subject: " + printable(s.Subject, p.u.ascii)
	if s.Headless {
		subject = "the server gives no header"
	}
	if p.width > 0 {
		subject = cut(subject, max(least, p.width-print.Width(b.String())))
	}
	return strings.TrimRight(b.String()+subject, " ")
}

// cell shows text in exactly so many columns.
func (p *rowPrinter) cell(text string, columns int) string {
	text = cut(printable(text, p.u.ascii), columns)
	return text + strings.Repeat(" ", max(0, columns-print.Width(text)))
}

// cut leaves out the end of what takes more columns.
func cut(text string, columns int) string {
	if print.Width(text) <= columns {
		return text
	}
	w := 0
	for i, r := range text {
		if w += print.Width(string(r)); w > columns-1 {
			return text[:i] + "…"
		}
	}
	return text
}
