package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

func serveCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "be the mail server: play a capture or script, or hold a mailbox",
		UsageText: "mailtrace serve [flags] [FILE] [-- CMD ARGUMENT...]\n" +
			"mailtrace serve fetch.pcapng --listen pop3s://127.0.0.1:0 -- sh fetch-mail.sh\n" +
			"mailtrace serve --listen imaps://127.0.0.1:0 -- sh -c 'curl --cacert $MAILTRACE_CA -u u1:any $MAILTRACE_URL'",
		Description: fileDescription + "\n\n" + mailboxDescription,
		Flags:       slices.Concat(mailboxFlags(), fileFlags(), listenFlags()),
		Action: func(c *cli.Context) error {
			args, _, _ := splitCommand(c)
			switch {
			case len(args) > 1:
				return usagef("a command to run stands behind --", "serve takes one FILE, got %q too", args[1])
			case len(args) == 1:
				if name := given(c, mailboxFlags()); name != "" {
					return usagef("leave out FILE, or --"+name, "--%s goes without FILE", name)
				}
				return serveFile(u, c, args[0])
			}
			if name := given(c, fileFlags()); name != "" {
				return usagef("name a capture or a script", "--%s goes with FILE", name)
			}
			return serveMailbox(u, c)
		},
	}
}

// given is the first of flags that the user has set; "" where there is none.
func given(c *cli.Context, flags []cli.Flag) string {
	for _, f := range flags {
		if name := f.Names()[0]; c.IsSet(name) {
			return name
		}
	}
	return ""
}
