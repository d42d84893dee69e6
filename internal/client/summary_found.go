package client

import (
	"context"
	"slices"
)

// Found tells the messages with these UIDs, the newest first: those that a search found. The first 100
// take one FETCH, the others come behind it, asked for ahead of the answers. What is expunged meanwhile
// is left out.
func (c *IMAP) Found(ctx context.Context, uids []uint32, on func(*Summary) error) error {
	left := slices.Compact(slices.Clone(sorted(uids)))
	var open [][]uint32 // of the commands under way, ascending
	rows := map[uint32]*Summary{}
	step := firstRows
	next := func() (Command, bool) {
		if len(left) == 0 {
			return Command{}, false
		}
		from := max(0, len(left)-step)
		part := left[from:]
		left, step = left[:from], moreRows
		open = append(open, part)
		return FetchCommand(true, Set(part), SummaryItems), true
	}
	see := OnFetch(func(f *Fetched) error {
		if f.Envelope == nil {
			return nil // news of flags
		}
		for _, part := range open {
			if _, asked := slices.BinarySearch(part, f.UID); asked {
				rows[f.UID] = summaryOf(f)
			}
		}
		return nil
	})
	return c.Pipeline(ctx, next, see, func(_ int, cmd Command, r *Result) error {
		part := open[0]
		open = open[1:]
		if r.Status != "OK" {
			return c.refused(&cmd, r)
		}
		for _, uid := range slices.Backward(part) {
			s := rows[uid]
			delete(rows, uid)
			if s == nil {
				continue
			}
			if err := on(s); err != nil {
				return err
			}
		}
		return nil
	})
}
