package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// Folder is a mailbox as LIST tells it (RFC 9051 §7.3.1).
type Folder struct {
	Name       string   // decoded; unusual characters may be written as \xNN
	Raw        string   // as sent, for a command of one's own
	Delimiter  string   // "" where there is no hierarchy
	Attributes []string // as sent, such as \HasNoChildren, \Sent
	Subscribed bool
	// Status is what STATUS tells; nil where that was not asked or the server refused.
	Status *grammar.Status
}

// Is tells whether a folder has an attribute, such as \NoSelect.
func (f *Folder) Is(attribute string) bool {
	return slices.ContainsFunc(f.Attributes, func(a string) bool { return strings.EqualFold(a, attribute) })
}

// Selectable tells whether it can be opened (RFC 9051 §7.3.1).
func (f *Folder) Selectable() bool { return !f.Is(`\NoSelect`) && !f.Is(`\NonExistent`) }

// uses are the attributes of RFC 6154 §2 and RFC 8457.
var uses = []string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`, `\Important`}

// Use gives its special use, such as \Sent; "" where it has none.
func (f *Folder) Use() string {
	for _, use := range uses {
		if f.Is(use) {
			return use
		}
	}
	return ""
}

// foldersLimit bounds what a server may list.
const foldersLimit = 100_000

// Folders lists all mailboxes, with their counts where counts is set: in one round trip where the server
// has LIST-STATUS (RFC 5819), else with a STATUS for each, said ahead of the answers.
func (c *IMAP) Folders(ctx context.Context, counts bool) ([]*Folder, error) {
	l := &folderList{byName: map[string]*Folder{}}
	var options []string
	extended := c.Speaks("LIST-EXTENDED")
	if extended {
		options = append(options, "SUBSCRIBED", "CHILDREN")
	}
	if c.Speaks("SPECIAL-USE") && (extended || c.Has("SPECIAL-USE")) {
		options = append(options, "SPECIAL-USE")
	}
	inOne := counts && c.Speaks("LIST-STATUS")
	if inOne {
		options = append(options, "STATUS ("+c.statusItems()+")")
	}
	args := []any{Raw(`""`), Raw("*")}
	if len(options) > 0 {
		args = append(args, Raw("RETURN ("+strings.Join(options, " ")+")"))
	}
	if _, err := c.Do(ctx, Cmd("LIST", args...), l.see); err != nil {
		return nil, err
	}
	if !extended {
		if _, err := c.Do(ctx, Cmd("LSUB", Raw(`""`), Raw("*")), l.see); err != nil {
			return nil, err
		}
	}
	if counts && !inOne {
		if err := c.statusOfAll(ctx, l); err != nil {
			return nil, err
		}
	}
	return l.list, nil
}

func (c *IMAP) statusItems() string {
	items := "MESSAGES UNSEEN UIDNEXT UIDVALIDITY"
	if c.Speaks("STATUS=SIZE") {
		items += " SIZE"
	}
	if c.Has("CONDSTORE") {
		items += " HIGHESTMODSEQ"
	}
	return items
}

func (c *IMAP) statusOfAll(ctx context.Context, l *folderList) error {
	i := 0
	return c.Pipeline(ctx, func() (Command, bool) {
		for ; i < len(l.list); i++ {
			if f := l.list[i]; f.Selectable() {
				i++
				return Cmd("STATUS", String(f.Raw), Raw("("+c.statusItems()+")")), true
			}
		}
		return Command{}, false
	}, l.see, func(int, Command, *Result) error {
		return nil // one that is refused, for lack of rights say, has no counts
	})
}

type folderList struct {
	list   []*Folder
	byName map[string]*Folder
}

// key of a name: INBOX has no case (RFC 9051 §5.1).
func key(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func (l *folderList) see(r *Response) error {
	switch d := r.Detail.(type) {
	case *grammar.List:
		if len(l.list) == foldersLimit {
			return fmt.Errorf("client: the server lists more than %d mailboxes", foldersLimit)
		}
		f := l.byName[key(string(d.Mailbox))]
		if r.Name == "LSUB" {
			if f != nil { // a subscription may outlive its mailbox
				f.Subscribed = true
			}
			return nil
		}
		if f == nil {
			f = &Folder{Raw: string(d.Mailbox), Name: string(d.Mailbox), Delimiter: string(d.Delimiter)}
			if d.Display != "" {
				f.Name = d.Display
			}
			l.list, l.byName[key(f.Raw)] = append(l.list, f), f
		}
		f.Attributes = strs(d.Attributes)
		f.Subscribed = f.Subscribed || f.Is(`\Subscribed`)
	case *grammar.Status:
		if f := l.byName[key(string(d.Mailbox))]; f != nil {
			f.Status = d
		}
	}
	return nil
}
