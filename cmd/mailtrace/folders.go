package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/print"
)

func foldersCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "folders", Usage: "list the mailboxes of an account, with their counts",
		UsageText: "mailtrace folders [flags] URL\nmailtrace folders imaps://u1@imap.example.org",
		Description: "A mailbox is marked + where it is subscribed. Attributes that say nothing about its\n" +
			"use, such as \\HasNoChildren, show with --format json alone.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` on stdout: text, json (a line each)"},
			&cli.BoolFlag{Name: "no-counts", Usage: "names alone: quick with many mailboxes"},
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runFolders(u, c) },
	}
}

func runFolders(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	to, err := u.oneServer(c, "folders")
	if err != nil {
		return err
	}
	if to.Protocol != dial.IMAP {
		return usagef("mailtrace list "+to.String()+" shows it", "POP3 has one maildrop and no folders (RFC 1939 §3)")
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	session, err := w.imap(ctx, to)
	if err != nil {
		return err
	}
	list, err := session.Folders(ctx, !c.Bool("no-counts"))
	if err != nil {
		session.Close(err)
		return err
	}
	if err := session.Logout(ctx); err != nil {
		return err
	}
	if c.String("format") == "json" {
		return u.foldersJSON(list)
	}
	return u.foldersText(list)
}

// folderJSON is a line of folders --format json.
type folderJSON struct {
	Name        string   `json:"name"`
	Raw         string   `json:"raw"`
	Delimiter   string   `json:"delimiter,omitempty"`
	Attributes  []string `json:"attributes"`
	Use         string   `json:"use,omitempty"`
	Subscribed  bool     `json:"subscribed"`
	Messages    *uint32  `json:"messages,omitempty"`
	Unseen      *uint32  `json:"unseen,omitempty"`
	Octets      *int64   `json:"octets,omitempty"`
	UIDNext     *uint32  `json:"uidnext,omitempty"`
	UIDValidity *uint32  `json:"uidvalidity,omitempty"`
}

func (u *ui) foldersJSON(list []*client.Folder) error {
	enc := json.NewEncoder(u.out)
	enc.SetEscapeHTML(false)
	for _, f := range list {
		j := folderJSON{Name: f.Name, Raw: f.Raw, Delimiter: f.Delimiter, Attributes: f.Attributes, Use: f.Use(), Subscribed: f.Subscribed}
		if s := f.Status; s != nil {
			j.Messages, j.Unseen, j.Octets, j.UIDNext, j.UIDValidity = s.Messages, s.Unseen, s.Size, s.UIDNext, s.UIDValidity
		}
		if err := enc.Encode(j); err != nil {
			return &ioError{err: err}
		}
	}
	return nil
}

func (u *ui) foldersText(list []*client.Folder) error {
	rows := [][]string{{"", "MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "USE"}}
	for _, f := range list {
		row := []string{" ", printable(f.Name, u.ascii), "", "", "", f.Use()}
		if f.Subscribed {
			row[0] = "+"
		}
		if !f.Selectable() {
			row[5] = "holds no messages"
		}
		if s := f.Status; s != nil {
			row[2], row[3], row[4] = counted(s.Messages), counted(s.Unseen), size(s.Size)
		}
		rows = append(rows, row)
	}
	return u.table(rows, "<<>>><")
}

// counted shows a count, "" where it is not known.
func counted[T uint32 | int64](n *T) string {
	if n == nil {
		return ""
	}
	return grouped(int64(*n))
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size shows octets in a unit that a person takes in; "" where they are not known.
func size(octets *int64) string {
	if octets == nil {
		return ""
	}
	n := float64(*octets)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 1024 {
			if unit == "B" || n >= 100 {
				return fmt.Sprintf("%.0f %s", n, unit)
			}
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1f TiB", n)
}

// table prints rows in columns, each aligned as its letter says: < left, > right. The first row heads it.
func (u *ui) table(rows [][]string, align string) error {
	widths := make([]int, len(align))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], print.Width(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			fill := strings.Repeat(" ", widths[i]-print.Width(cell))
			switch {
			case widths[i] == 0:
				continue
			case align[i] == '>':
				b.WriteString(fill + cell)
			default:
				b.WriteString(cell + fill)
			}
			b.WriteString("  ")
		}
		if _, err := fmt.Fprintln(u.out, strings.TrimRight(b.String(), " ")); err != nil {
			return &ioError{err: err}
		}
	}
	return nil
}
