package main

import (
	_ "embed"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/accounts"
	"github.com/mailtrace/mailtrace/internal/oauth"
	"github.com/mailtrace/mailtrace/internal/sasl"
)

// The shells' scripts say what was typed to mailtrace itself, which knows what may come next; so they
// are the same for every version.
var (
	//go:embed completion/bash
	bashCompletion string
	//go:embed completion/zsh
	zshCompletion string
	//go:embed completion/fish
	fishCompletion string
	//go:embed completion/powershell
	powershellCompletion string
)

func completionCommand(u *ui) *cli.Command {
	shell := func(name, script, use string) *cli.Command {
		full := "completion " + name
		return &cli.Command{
			Name: name, UsageText: "mailtrace " + full + "\n" + use, Usage: "print the script for " + name,
			Action: func(c *cli.Context) error {
				if err := noArgument(c, full); err != nil {
					return err
				}
				_, err := io.WriteString(u.out, script)
				return err
			},
		}
	}
	return &cli.Command{
		Name: "completion", Usage: "print a script that lets a shell complete commands, flags and accounts",
		UsageText: "mailtrace completion bash|zsh|fish|powershell",
		Subcommands: []*cli.Command{
			shell("bash", bashCompletion, "echo 'source <(mailtrace completion bash)' >> ~/.bashrc"),
			shell("zsh", zshCompletion, "mailtrace completion zsh > \"${fpath[1]}/_mailtrace\""),
			shell("fish", fishCompletion, "mailtrace completion fish > ~/.config/fish/completions/mailtrace.fish"),
			shell("powershell", powershellCompletion, "mailtrace completion powershell >> $PROFILE"),
		},
	}
}

// completionFlag is the last argument where a shell asks what may come: for the word before it, which
// may be empty, or for its value. The cli package's own completion looks at os.Args and fails on a flag
// that is typed by half, so this one is ours.
const completionFlag = "--generate-bash-completion"

// asksCompletion takes the arguments of a shell that asks: those before the word, and the word.
func asksCompletion(args []string) (before []string, word string, ok bool) {
	n := len(args)
	if n == 0 {
		return nil, "", false
	}
	word, ok = strings.CutPrefix(args[n-1], completionFlag)
	switch {
	case !ok:
		return nil, "", false
	case strings.HasPrefix(word, "="):
		return args[:n-1], word[1:], true
	case word != "" || n == 1:
		return nil, "", word == ""
	}
	return args[:n-2], args[n-2], true
}

// complete gives what word may become behind args: flags where it begins with a dash, values of a flag
// that wants one, else commands, then accounts. Nothing where it may be a file's name, for which shells
// know better.
func complete(app *cli.App, args []string, word string) []string {
	at, scope := app.Commands, app.Commands
	var command *cli.Command
	var wants cli.Flag // the flag whose value comes next
	for _, arg := range args {
		switch {
		case wants != nil:
			wants = nil
		case arg == "--":
			return nil
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			if f := findFlag(scope, strings.TrimLeft(arg, "-")); f != nil && takesValue(f) {
				wants = f
			}
		default:
			if c := findCommand(at, arg); c != nil {
				command, at, scope = c, c.Subcommands, []*cli.Command{c}
			}
		}
	}
	name, _, joined := strings.Cut(word, "=")
	var found []string
	switch {
	case wants != nil:
		found = flagValues(wants)
	case joined && strings.HasPrefix(word, "-"):
		if f := findFlag(scope, strings.TrimLeft(name, "-")); f != nil {
			for _, v := range flagValues(f) {
				found = append(found, name+"="+v)
			}
		}
	case strings.HasPrefix(word, "-"):
		found = flagNames(scope)
	case len(at) > 0:
		found = commandNames(at)
	case takesAccount(command):
		if c, err := accounts.Load(""); err == nil { // what is wrong in it is told by the command
			found = c.Names()
		}
	}
	return slices.DeleteFunc(found, func(c string) bool { return !strings.HasPrefix(c, word) })
}

// takesAccount tells whether a command logs in at a server of the user's choice, as all verbs of the
// mail client do.
func takesAccount(c *cli.Command) bool {
	return c != nil && findFlag([]*cli.Command{c}, "auth") != nil
}

// listed finds the values that a flag's usage lists, such as in "`WHEN` to colour: auto, always, never".
var listed = regexp.MustCompile(`: ([a-z]+(?: \([^)]*\))?(?:, [a-z]+(?: \([^)]*\))?)+)(?:;|$)`)

// inParentheses is what may stand behind one of them.
var inParentheses = regexp.MustCompile(` \([^)]*\)`)

// flagValues gives the values that a flag takes, where they have names.
func flagValues(f cli.Flag) []string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok || !d.TakesValue() {
		return nil
	}
	switch f.Names()[0] {
	case "auth":
		return append(sasl.Known(), "USER", "APOP")
	case "oauth2":
		return oauth.Names()
	}
	if m := listed.FindStringSubmatch(d.GetUsage()); m != nil {
		return strings.Split(inParentheses.ReplaceAllString(m[1], ""), ", ")
	}
	return nil
}
