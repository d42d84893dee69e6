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
		Name: "ca", UsageText: "mailtrace ca path\nmailtrace ca show\nmailtrace ca trust\nmailtrace ca untrust", Usage: "the certificate authority that clients must trust",
		Subcommands: []*cli.Command{
			{
				Name: "path", UsageText: "mailtrace ca path [--ca-dir DIR]", Usage: "print where its certificate is; make it where there is none", Flags: []cli.Flag{caDirFlag},
				Action: func(c *cli.Context) error { return caPath(u, c) },
			},
			{
				Name: "show", UsageText: "mailtrace ca show [--ca-dir DIR]", Usage: "print its fingerprint and how long it is valid; make it where there is none", Flags: []cli.Flag{caDirFlag},
				Action: func(c *cli.Context) error { return caShow(u, c) },
			},
			{
				Name: "trust", UsageText: "mailtrace ca trust [--ca-dir DIR] [PROFILE…]", Usage: "let Thunderbird trust it, in all its profiles or in each directory PROFILE", Flags: []cli.Flag{caDirFlag},
				Description: "Thunderbird looks into neither the system's store nor a file. Its profiles are changed by certutil, of\n" +
					"libnss3-tools; it reads them when it starts. Other clients are given the file of mailtrace ca path.",
				Action: func(c *cli.Context) error { return caTrust(u, c) },
			},
			{
				Name: "untrust", UsageText: "mailtrace ca untrust [--ca-dir DIR] [PROFILE…]", Usage: "take it out of Thunderbird's profiles again", Flags: []cli.Flag{caDirFlag},
				Action: func(c *cli.Context) error { return caUntrust(u, c) },
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
	dir, err := caDir(c)
	if err != nil {
		return nil, err
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

// caDir is where the CA is, or will be.
func caDir(c *cli.Context) (string, error) {
	if dir := c.String("ca-dir"); dir != "" {
		return dir, nil
	}
	if c.IsSet("ca-dir") {
		return "", usagef("leave it out for the default, mailtrace in the configuration directory", "--ca-dir is empty")
	}
	return certs.DefaultDir()
}
