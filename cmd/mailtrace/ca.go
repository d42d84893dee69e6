package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/proxy/certs"
)

var caDirFlag = &cli.StringFlag{
	Name: "ca-dir", Usage: "`DIR` of the CA, with ca.pem and ca-key.pem", DefaultText: defaultCADir(),
}

// defaultCADir is for help texts alone.
func defaultCADir() string {
	dir, err := certs.DefaultDir()
	if err != nil {
		return "none here"
	}
	return tilde(dir)
}

func caCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "ca", UsageText: "mailtrace ca path\nmailtrace ca show", Usage: "the certificate authority that clients must trust",
		Subcommands: []*cli.Command{
			{
				Name: "path", UsageText: "mailtrace ca path [--ca-dir DIR]", Usage: "print where its certificate is; make it where there is none", Flags: []cli.Flag{caDirFlag},
				Action: func(c *cli.Context) error { return caPath(u, c) },
			},
			{
				Name: "show", UsageText: "mailtrace ca show [--ca-dir DIR]", Usage: "print its fingerprint and how long it is valid; make it where there is none", Flags: []cli.Flag{caDirFlag},
				Action: func(c *cli.Context) error { return caShow(u, c) },
			},
		},
	}
}

func caPath(u *ui, c *cli.Context) error {
	if err := noArgument(c, "ca path"); err != nil {
		return err
	}
	ca, err := loadCA(u, c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(u.out, ca.Path())
	return err
}

func caShow(u *ui, c *cli.Context) error {
	if err := noArgument(c, "ca show"); err != nil {
		return err
	}
	ca, err := loadCA(u, c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(u.out, "certificate  %s\nkey          %s\nname         %s\nSHA-256      %s\nvalid        %s to %s\n",
		ca.Path(), ca.KeyPath(), ca.Name(), ca.Fingerprint(), ca.NotBefore().Format(time.DateOnly), ca.NotAfter().Format(time.DateOnly))
	return err
}

// loadCA reads the CA that --ca-dir names, or the user's own, and says when it made it.
func loadCA(u *ui, c *cli.Context) (*certs.CA, error) {
	dir := c.String("ca-dir")
	if dir == "" {
		if c.IsSet("ca-dir") {
			return nil, usagef("leave it out for the default, mailtrace in the configuration directory", "--ca-dir is empty")
		}
		var err error
		if dir, err = certs.DefaultDir(); err != nil {
			return nil, err
		}
	}
	ca, created, err := certs.Load(dir)
	if err != nil {
		return nil, err
	}
	if created {
		u.say("created CA %s (this machine only)", tilde(ca.Path()))
	}
	return ca, nil
}
