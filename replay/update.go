package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// UpdateFile rewrites the expectations of the script in path to what came in its place, and
// gives how many it changed. The file is replaced as a whole or not at all. What was not
// played stays; so does what an @include brings, and what came without being listed.
func (r *Report) UpdateFile(path string) (int, error) {
	s, err := ParseFile(path)
	if err != nil {
		return 0, err
	}
	changed := s.update(r.Differences)
	if changed == 0 {
		return 0, nil
	}
	text := s.String()
	again, err := Parse(s.Name, []byte(text), func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)))
	})
	if err == nil {
		err = again.Check(ClientSide)
	}
	if err != nil {
		return 0, fmt.Errorf("replay: %s stays as it is, the new expectations do not go with the rest: %w", path, err)
	}
	return changed, replaceFile(path, strings.NewReader(text))
}

// replaceFile puts a new file in the place of another, with its mode, or where there is none.
func replaceFile(path string, content io.Reader) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	switch {
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("replay: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer os.Remove(tmp.Name()) // there is none any more where all went well
	_, err = io.Copy(tmp, content)
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Chmod(mode); err == nil {
		err = e
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

// update changes the lines that came differently.
func (s *Script) update(diffs []Difference) (changed int) {
	for _, d := range diffs {
		if d.line == nil || d.line.Forbidden {
			continue
		}
		pos := d.line.Pos
		if d.body != nil {
			changed += s.updateBody(d.body)
			continue
		}
		i := slices.IndexFunc(s.Items, func(it Item) bool {
			l, ok := it.(*Line)
			return ok && l.Pos == pos
		})
		switch {
		case i < 0 || len(s.Items[i].(*Line).Blocks) > 0:
			continue
		case d.came != nil && slices.ContainsFunc(d.came.raw, func(e elem) bool { return e.lit != nil && e.lit.large != nil }):
			continue // no block of a script holds so much
		case d.came != nil:
			s.Items[i].(*Line).Pattern = patternOf(d.came.raw)
		case d.Got != "" && d.line.Protocol == POP3 && strings.ContainsAny(d.Got[:1], "+-"):
			s.Items[i].(*Line).Pattern = Pattern{Text(d.Got)}
		case d.Got == "" && d.line.Protocol == IMAP && d.Text == neverCame:
			s.Items = slices.Delete(s.Items, i, i+1)
		default:
			continue
		}
		changed++
	}
	return changed
}

// updateBody puts the lines that came in the place of those that did not.
func (s *Script) updateBody(b *lines) int {
	old := map[Pos]bool{}
	for _, e := range b.want {
		old[e.line.Pos] = true
	}
	at := -1
	var model Line
	var kept []Item
	for _, it := range s.Items {
		l, ok := it.(*Line)
		if !ok || !old[l.Pos] {
			kept = append(kept, it)
			continue
		}
		if at < 0 {
			model, at = *l, len(kept)
		}
	}
	if at < 0 {
		return 0
	}
	var items []Item
	for _, line := range b.got {
		l := model
		l.Blocks, l.Pattern = nil, nil
		if len(line) > 0 {
			l.Pattern = Pattern{Text(line)}
		}
		items = append(items, &l)
	}
	s.Items = slices.Insert(kept, at, items...)
	return 1
}

// patternOf writes what came as a pattern.
func patternOf(es []elem) Pattern {
	var p Pattern
	var text []byte
	flush := func() {
		if len(text) > 0 {
			p = append(p, Text(text))
			text = nil
		}
	}
	for _, e := range es {
		if e.lit == nil {
			text = append(text, e.b)
			continue
		}
		flush()
		p = append(p, &Literal{Kind: FromBlock, Octets: e.lit.Octets, Blocks: wireBlocks(e.lit.Octets)})
	}
	flush()
	return p
}

// wireBlocks writes octets as blocks: lines where they are text, exact octets else.
func wireBlocks(octets []byte) []Block {
	var blocks []Block
	for line := range bytes.Lines(octets) {
		text, whole := strings.CutSuffix(string(line), "\r\n")
		if whole && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == 0xfffd }) {
			blocks = append(blocks, Block{Text: text})
		} else {
			blocks = append(blocks, Block{Exact: true, Text: string(line)})
		}
	}
	return blocks
}
