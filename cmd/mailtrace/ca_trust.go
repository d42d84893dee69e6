package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/nss"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

func caTrust(u *ui, c *cli.Context) error {
	profiles, tool, err := stores(c)
	if err != nil {
		return err
	}
	ca, err := loadCA(u, c)
	if err != nil {
		return err
	}
	return u.inProfiles(c, profiles, "trusted in", "trusted before in", func(ctx context.Context, dir string) (bool, error) {
		return tool.Trust(ctx, dir, ca.Name(), ca.Path())
	})
}

func caUntrust(u *ui, c *cli.Context) error {
	profiles, tool, err := stores(c)
	if err != nil {
		return err
	}
	dir, err := caDir(c)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, certs.CertFile)); errors.Is(err, os.ErrNotExist) {
		// To make one, so that nobody trusts it, helps nobody.
		return &ioError{err: fmt.Errorf("there is no CA in %s", tilde(dir)), hint: "--ca-dir DIR names another place"}
	}
	ca, err := loadCA(u, c)
	if err != nil {
		return err
	}
	return u.inProfiles(c, profiles, "taken out of", "not in", func(ctx context.Context, dir string) (bool, error) {
		return tool.Untrust(ctx, dir, ca.Name())
	})
}

// stores finds the profiles: those that are named, else all of Thunderbird's; and what changes them.
func stores(c *cli.Context) ([]string, *nss.Tool, error) {
	profiles := c.Args().Slice()
	if len(profiles) == 0 {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil, &ioError{err: err}
		}
		if profiles = nss.Profiles(home); len(profiles) == 0 {
			return nil, nil, &ioError{
				err:  fmt.Errorf("no profile of Thunderbird found in %s", home),
				hint: fmt.Sprintf("name its directory: mailtrace ca %s PROFILE; Thunderbird shows it: Help, Troubleshooting Information, Profile Folder", c.Command.Name),
			}
		}
	}
	tool, err := nss.Find()
	return profiles, tool, err
}

// inProfiles does something to each profile, and goes on with the next where it fails.
func (u *ui) inProfiles(c *cli.Context, profiles []string, done, before string, do func(ctx context.Context, dir string) (bool, error)) error {
	ctx, stop := interruptible(c.Context)
	defer stop()
	var failed error
	some := false
	for _, dir := range profiles {
		changed, err := do(ctx, dir)
		if ctx.Err() != nil {
			return errStopped
		}
		if err != nil {
			if failed != nil {
				u.fail(failed)
			}
			failed = err
			continue
		}
		said := before
		if changed {
			said, some = done, true
		}
		if _, err := fmt.Fprintf(u.out, "%s %s\n", said, printable(tilde(dir), u.ascii)); err != nil {
			return err
		}
	}
	if some {
		u.say("Thunderbird reads its profile when it starts: restart it where it runs")
	}
	return failed
}
