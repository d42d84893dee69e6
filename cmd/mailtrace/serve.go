package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

func serveCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "be the mail server: a mailbox for POP3 and IMAP clients",
		UsageText: "mailtrace serve [flags] [-- CMD ARGUMENT...]\n" +
			"mailtrace serve --listen imaps://127.0.0.1:0 -- sh -c 'curl --cacert $MAILTRACE_CA -u u1:any $MAILTRACE_URL'",
		Description: mailboxDescription,
		Flags:       slices.Concat(mailboxFlags(), listenFlags()),
		Action: func(c *cli.Context) error {
			args, _, _ := splitCommand(c)
			if len(args) > 0 {
				return usagef("a command to run stands behind --", "serve takes no argument, got %q", args[0])
			}
			return serveMailbox(u, c)
		},
	}
}
