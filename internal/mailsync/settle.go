package mailsync

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// settle makes equal what both sides know of.
func (b *box) settle(ctx context.Context, now *state) error {
	push := map[[2]string][]uint32{}
	var remove []uint32
	for uid := range b.there {
		file, base := b.files[uid], b.was.uids[uid]
		if b.was.validity != b.remote.UIDValidity {
			base = nil
		}
		theirs, told := b.flags[uid]
		switch {
		case file == nil && base == nil:
			continue // new: see fetch
		case file == nil:
			if b.o.Delete {
				remove = append(remove, uid)
				continue
			}
			b.rep.Waiting++
			now.uids[uid] = &known{letters: base.letters, gone: true}
			continue
		}
		mine := file.Letters
		if !told {
			theirs = mine // nothing changed there since
			if base != nil {
				theirs = base.letters
			}
		}
		common := both(mine, theirs)
		if base != nil {
			common = base.letters
		}
		want := b.merge(common, mine, theirs)
		now.uids[uid] = &known{letters: b.agreed(want, theirs)}
		if want != mine {
			if err := b.step("flags here"); err != nil {
				return err
			}
			if err := mailfile.SetFlags(b.dir, file, want); err != nil {
				return err
			}
			b.rep.FlagsHere++
		}
		if add, del := b.storable(without(want, theirs)), b.storable(without(theirs, want)); add+del != "" {
			push[[2]string{add, del}] = append(push[[2]string{add, del}], uid)
			b.rep.FlagsThere++
		}
	}
	if err := b.expungedThere(); err != nil {
		return err
	}
	if err := b.push(ctx, push); err != nil {
		return err
	}
	return b.remove(ctx, remove)
}

// merge gives the letters that both sides get: each flag as the side has it that changed it.
func (b *box) merge(base, mine, theirs string) string {
	var out []byte
	for _, c := range []byte("DFPRST") {
		was, here, there := has(base, c), has(mine, c), has(theirs, c)
		if here != was {
			there = here // it stays here too where it may not go to the server
		}
		if there {
			out = append(out, c)
		}
	}
	return string(out)
}

// agreed gives the letters that both sides have then: a flag that may not go to the server stays a
// difference, and so a change that was made here.
func (b *box) agreed(want, theirs string) string {
	var out []byte
	for _, c := range []byte("DFPRST") {
		from := theirs
		if b.canStore(c) {
			from = want
		}
		if has(from, c) {
			out = append(out, c)
		}
	}
	return string(out)
}

// storable leaves the letters that may go to the server.
func (b *box) storable(letters string) string {
	return strings.Map(func(r rune) rune {
		if b.canStore(byte(r)) {
			return r
		}
		return -1
	}, letters)
}

// canStore tells whether a flag may go to the server.
func (b *box) canStore(c byte) bool {
	return (c != 'T' || b.o.Delete) && !b.remote.ReadOnly && b.remote.CanStore(flagOf(c))
}

func has(letters string, c byte) bool { return strings.IndexByte(letters, c) >= 0 }

func both(a, b string) string {
	return strings.Map(func(r rune) rune {
		if has(b, byte(r)) {
			return r
		}
		return -1
	}, a)
}

func without(a, b string) string {
	return strings.Map(func(r rune) rune {
		if has(b, byte(r)) {
			return -1
		}
		return r
	}, a)
}

func flagOf(c byte) string {
	e := mailfile.Entry{Letters: string(c)}
	return e.Flags()[0]
}

// expungedThere removes here what the server has no more.
func (b *box) expungedThere() error {
	for uid, file := range b.files {
		if b.there[uid] {
			continue
		}
		if err := b.step("remove here"); err != nil {
			return err
		}
		if err := os.Remove(file.Path(b.dir)); err != nil {
			return err
		}
		delete(b.files, uid)
		b.rep.GoneHere++
	}
	return nil
}

// push says flags to the server.
func (b *box) push(ctx context.Context, changes map[[2]string][]uint32) error {
	for change, uids := range changes {
		for i, sign := range []string{"+", "-"} {
			if change[i] == "" {
				continue
			}
			var flags []string
			for _, c := range []byte(change[i]) {
				flags = append(flags, flagOf(c))
			}
			if err := b.step("flags there"); err != nil {
				return err
			}
			for part := range slices.Chunk(uids, batch) {
				cmd := client.Cmd("UID STORE", client.Raw(client.Set(part)), client.Raw(sign+"FLAGS.SILENT ("+strings.Join(flags, " ")+")"))
				if _, err := b.session.Do(ctx, cmd, nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// remove removes on the server what was removed here. Without UIDPLUS it is marked: a bare EXPUNGE would
// remove what others have marked too.
func (b *box) remove(ctx context.Context, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	if err := b.step("remove there"); err != nil {
		return err
	}
	for part := range slices.Chunk(uids, batch) {
		set := client.Raw(client.Set(part))
		if _, err := b.session.Do(ctx, client.Cmd("UID STORE", set, client.Raw(`+FLAGS.SILENT (\Deleted)`)), nil); err != nil {
			return err
		}
		if !b.session.Speaks("UIDPLUS") {
			b.say("%s: the server has no UIDPLUS, so %d messages are marked as deleted there and not removed", b.name, len(part))
			continue
		}
		if err := b.step("expunge there"); err != nil {
			return err
		}
		if _, err := b.session.Do(ctx, client.Cmd("UID EXPUNGE", set), nil); err != nil {
			return err
		}
	}
	b.rep.GoneThere += len(uids)
	return nil
}
