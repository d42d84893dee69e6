package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "man", UsageText: "mailtrace man\nmailtrace man > /usr/local/share/man/man1/mailtrace.1", Usage: "print the manual page, for man -l",
		Action: func(c *cli.Context) error {
			if err := noArgument(c, "man"); err != nil {
				return err
			}
			_, err := io.WriteString(u.out, manual(c.App))
			return err
		},
	}
}

// manual is the manual page in roff, of what the command line's own tables say.
func manual(app *cli.App) string {
	m := &page{}
	m.line(`.TH MAILTRACE 1 "" "mailtrace %s" "User Commands"`, roff(version()))
	m.line(".SH NAME")
	m.line("mailtrace \\- %s", roff(app.Usage))
	m.line(".SH SYNOPSIS")
	m.usage(app.UsageText)
	m.line(".SH DESCRIPTION")
	m.text(`mailtrace stands between a mail client and its POP3 or IMAP server, shows what they say to each other,
records it, and plays recordings again, as the client or as the server. It is a scripted mail client too, one
that shows its own conversation.

Flags stand before or after the arguments. Results go to stdout, all else to stderr.`)
	m.line(".SH COMMANDS")
	var shared []string
	for _, f := range clientFlags() {
		shared = append(shared, f.Names()[0])
	}
	for _, c := range app.Commands {
		m.command(c, shared)
	}
	m.line(".SH FLAGS OF THE MAIL CLIENT")
	m.text("These are flags of every command that logs in at a server as a mail client.")
	m.flags(clientFlags())
	m.line(".SH EXIT STATUS")
	for _, e := range []struct{ code, text string }{
		{"0", "fine"},
		{"1", "the check failed: differences, findings, steps that were not played"},
		{"2", "a mistake in the arguments, or a script that does not parse"},
		{"3", "connection, authentication or files"},
	} {
		m.item(e.code, e.text)
	}
	m.line(".SH ENVIRONMENT")
	for _, e := range []struct{ name, text string }{
		{"MAILTRACE_PASSWORD", "the password of a login; a password in a URL or a flag is refused"},
		{"MAILTRACE_CLIENT_ID, MAILTRACE_CLIENT_SECRET", "the client that OAuth 2 tokens are for, and its secret where it has one"},
		{"NETRC", "the file to look for passwords in, in place of ~/.netrc"},
		{"XDG_CONFIG_HOME", "where mailtrace/ with its settings and its certificate authority is, in place of ~/.config"},
		{"NO_COLOR", "no colour, on terminals too"},
	} {
		m.item(e.name, e.text)
	}
	return m.String()
}

// page is a manual page that is being written.
type page struct{ strings.Builder }

func (m *page) line(format string, a ...any) { fmt.Fprintf(m, format+"\n", a...) }

// text sets paragraphs; indented lines stay as they are.
func (m *page) text(text string) {
	verbatim := false
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		indented := strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")
		if indented != verbatim && l != "" {
			m.line(map[bool]string{true: ".nf", false: ".fi"}[indented])
			verbatim = indented
		}
		if l == "" {
			m.line(".PP")
		} else {
			m.line("%s", roff(l))
		}
	}
	if verbatim {
		m.line(".fi")
	}
}

// usage sets command lines as they are typed.
func (m *page) usage(text string) {
	m.line(".nf")
	for l := range strings.Lines(text) {
		m.line("%s", roff(strings.TrimRight(l, "\n")))
	}
	m.line(".fi")
}

func (m *page) item(name, text string) {
	m.line(".TP")
	m.line("\\fB%s\\fR", roff(name))
	m.line("%s", roff(text))
}

// command sets one command, and those below it. Flags in shared are told elsewhere where it is a verb of
// the mail client.
func (m *page) command(c *cli.Command, shared []string) {
	usage := c.UsageText
	if len(c.Subcommands) == 0 {
		m.line(".SS %s", roff(strings.Join(commandWords(usage), " ")))
		m.text(strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + ".")
		m.line(".PP")
		m.usage(usage)
		if c.Description != "" {
			m.line(".PP")
			m.text(c.Description)
		}
		own := c.Flags
		if takesAccount(c) {
			own = nil
			for _, f := range c.Flags {
				if !slices.Contains(shared, f.Names()[0]) {
					own = append(own, f)
				}
			}
		}
		m.flags(own)
	}
	for _, sub := range c.Subcommands {
		m.command(sub, shared)
	}
}

// commandWords are the words of the first command line up to its flags and arguments.
func commandWords(usage string) []string {
	var words []string
	first, _, _ := strings.Cut(usage, "\n")
	for _, w := range strings.Fields(first) {
		if strings.ToLower(w) != w || strings.ContainsAny(w, "[|-:/.") {
			break
		}
		words = append(words, w)
	}
	return words
}

func (m *page) flags(flags []cli.Flag) {
	for _, f := range flags {
		if left, usage, ok := strings.Cut(flagLine(f), "\t"); ok {
			m.item(left, usage)
		}
	}
}

// roff escapes text: no octet of it is an order to the formatter.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
