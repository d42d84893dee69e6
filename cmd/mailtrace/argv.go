package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/query"
)

// arrange puts arguments into the only order that the cli package reads: the command's
// name, flags, "--", positionals. Flags may stand anywhere, before the command too; "--"
// ends them. Unknown commands and flags are refused here, with the nearest that there is.
func arrange(commands []*cli.Command, args []string) ([]string, error) {
	switch {
	case len(args) == 0, args[0] == "help" && len(args) == 1:
		return []string{"--help"}, nil
	case args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version":
		args = []string{"version"}
	}
	var flags, given, names, positionals []string
	at := commands // those that the next name may be of, nil behind the last
	var command *cli.Command
	help := false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			if len(names) > 0 && slices.Contains(runners, names[0]) {
				positionals = append(positionals, arg) // splitCommand looks for it
			}
			positionals = append(positionals, args[i+1:]...)
			i = len(args)
		case arg == "--help" || arg == "-h":
			help = true
		case isFlagChange(names, arg), isQuery(names, arg):
			positionals = append(positionals, arg)
		case len(arg) > 1 && arg[0] == '-':
			name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			scope := commands
			if command != nil {
				scope = []*cli.Command{command}
			}
			flag := findFlag(scope, name)
			if flag == nil {
				return nil, unknownFlag(scope, dashes(name), names)
			}
			flags, given = append(flags, arg), append(given, name)
			if takesValue(flag) && !joined {
				if i+1 == len(args) || args[i+1] == "--" {
					return nil, usagef(helpHint(names), "--%s needs a value", name)
				}
				i++
				flags = append(flags, args[i])
			} else if joined && !takesValue(flag) && value != "true" && value != "false" {
				return nil, usagef("", "--%s takes no value, got %q", name, value)
			}
		case at != nil:
			c := findCommand(at, arg)
			if c == nil {
				return nil, unknownCommand(at, names, arg)
			}
			command, at = c, c.Subcommands
			names = append(names, c.Name)
		default:
			positionals = append(positionals, arg)
		}
	}
	if command != nil {
		// A flag that stood before the command may belong to another one.
		scope := []*cli.Command{command}
		for _, name := range given {
			if findFlag(scope, name) == nil {
				return nil, unknownFlag(scope, dashes(name), names)
			}
		}
	}
	if help || command == nil {
		return append(names, "--help"), nil
	}
	if at != nil {
		return nil, usagef(helpHint(names), "mailtrace %s: expected one of %s", strings.Join(names, " "), strings.Join(commandNames(at), ", "))
	}
	return slices.Concat(names, flags, []string{"--"}, positionals), nil
}

// isFlagChange tells whether an argument of the verb flag takes a flag away: -\Seen, -$Label.
func isFlagChange(names []string, arg string) bool {
	return len(names) > 0 && names[0] == "flag" && (strings.HasPrefix(arg, `-\`) || strings.HasPrefix(arg, "-$"))
}

// isQuery tells whether an argument of the verb search is a query that begins with what it leaves out:
// -from:alice, -seen, -(a or b).
func isQuery(names []string, arg string) bool {
	if len(names) == 0 || names[0] != "search" || !strings.HasPrefix(arg, "-") {
		return false
	}
	key, _, valued := strings.Cut(strings.ToLower(arg[1:]), ":")
	return strings.HasPrefix(key, "(") || strings.HasPrefix(key, `"`) || slices.ContainsFunc(query.Keys(), func(k query.Key) bool {
		first, _, more := strings.Cut(key, " ")
		return k.Name == first && (k.Value == "") == (more || !valued)
	})
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// findFlag looks for a flag in commands and in what is below them.
func findFlag(commands []*cli.Command, name string) cli.Flag {
	for _, c := range commands {
		for _, f := range c.Flags {
			if slices.Contains(f.Names(), name) {
				return f
			}
		}
		if f := findFlag(c.Subcommands, name); f != nil {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// flagNames are the flags of commands and of what is below them, with their dashes.
func flagNames(commands []*cli.Command) []string {
	var names []string
	each(commands, func(c *cli.Command) {
		for _, f := range c.Flags {
			for _, n := range f.Names() {
				if dashed := dashes(n); !slices.Contains(names, dashed) {
					names = append(names, dashed)
				}
			}
		}
	})
	return names
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func helpHint(names []string) string {
	return strings.Join(append(append([]string{"mailtrace"}, names...), "--help"), " ") + " lists what there is"
}

func unknownFlag(scope []*cli.Command, flag string, names []string) error {
	if n := nearest(flag, flagNames(scope)); n != "" {
		return usagef("did you mean "+n, "unknown flag %s", flag)
	}
	return usagef(helpHint(names), "unknown flag %s", flag)
}

func unknownCommand(at []*cli.Command, names []string, name string) error {
	full := strings.Join(append(slices.Clone(names), name), " ")
	if n := nearest(name, commandNames(at)); n != "" {
		return usagef("did you mean mailtrace "+strings.Join(append(slices.Clone(names), n), " "), "unknown command %q", full)
	}
	hint := "the commands are " + strings.Join(commandNames(at), ", ")
	if strings.Contains(name, "://") {
		hint = fmt.Sprintf("did you mean mailtrace proxy %s", name)
	}
	return usagef(hint, "unknown command %q", full)
}

// nearest is the candidate that a slip of the finger may have meant: at most a third of
// its letters wrong, or the one that begins with name. "" where there is none.
func nearest(name string, candidates []string) string {
	best, least := "", 0
	for _, c := range candidates {
		d := distance(strings.ToLower(name), c)
		if len(strings.TrimLeft(name, "-")) > 1 && strings.HasPrefix(c, name) {
			d = min(d, 1)
		}
		if d <= max(1, len(strings.TrimLeft(c, "-"))/3) && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace, or exchange with their
// neighbour, that make b of a.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i-1+3)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
