package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/replay"
)

func scriptCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "script", Usage: "turn a capture into a script that people read and replay plays",
		UsageText: "mailtrace script [flags] FILE\nmailtrace script tb.pcapng --out tb.script",
		Description: "Secrets become ${password}, what differs from run to run becomes variables. With\n" +
			"--out, large bodies become files in a directory beside the script.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the script to `FILE`, not to stdout"},
			&cli.StringFlag{Name: "bodies-above", Value: "4KiB", Usage: "with --out: bodies above `SIZE` become files (octets, KiB, MiB)"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite FILE, and bodies beside it"},
		},
		Action: func(c *cli.Context) error { return runScript(u, c) },
	}
}

func runScript(u *ui, c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("a capture is what mailtrace proxy --capture FILE writes, or any pcap or pcapng file", "expected one FILE, got %d", c.NArg())
	}
	above, err := sizeFlag("--bodies-above", c.String("bodies-above"))
	if err != nil {
		return err
	}
	out := c.String("out")
	o := replay.CaptureOptions{}
	switch {
	case out != "":
		o = replay.CaptureOptions{BodiesAbove: above, Dir: replay.BodiesDir(out)}
	case c.IsSet("bodies-above") || c.Bool("force"):
		return usagef("add --out FILE", "--bodies-above and --force need --out")
	}
	path := c.Args().First()
	r, err := openCapture(path)
	if err != nil {
		return err
	}
	defer discard(r)
	script, files, err := replay.FromCapture(path, r.Reader, o)
	if left := u.leftOut(r, err); left != nil {
		return left
	}
	if out == "" {
		if _, err := io.WriteString(u.out, script.String()); err != nil {
			return &ioError{err: fmt.Errorf("cannot print: %w", err)}
		}
		return nil
	}
	if err := writeScript(out, script, files, c.Bool("force")); err != nil {
		return err
	}
	u.say("%s written, with %s", out, plural(len(files), "body file"))
	return nil
}

// writeScript writes the bodies first, so that there is no script without them.
func writeScript(out string, script *replay.Script, files map[string]*replay.Literal, force bool) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join(filepath.Dir(out), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return &ioError{err: fmt.Errorf("cannot write %s: %w", path, bare(err))}
		}
		if err := writeNew(path, files[name].Reader(), force); err != nil {
			return err
		}
	}
	return writeNew(out, strings.NewReader(script.String()), force)
}

func writeNew(path string, content io.Reader, force bool) error {
	flags := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if force {
		flags = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &ioError{fmt.Errorf("%s is there already", path), "--force overwrites it"}
	}
	if err == nil {
		_, err = io.Copy(f, content)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return &ioError{err: fmt.Errorf("cannot write %s: %w", path, bare(err))}
	}
	return nil
}

func sizeFlag(flag, value string) (int64, error) {
	digits, unit := value, int64(1)
	for suffix, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if rest, ok := strings.CutSuffix(value, suffix); ok {
			digits, unit = rest, n
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
	if err != nil || n < 1 {
		return 0, usagef("", "%s %s: expected a size such as 4096, 4KiB or 1MiB", flag, value)
	}
	return n * unit, nil
}
