package watch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
)

// goodbye is how long saying goodbye may take once the user has had enough.
const goodbye = 3 * time.Second

// Maildrop watches a maildrop, by a session now and then: a POP3 server tells nothing by itself, and a session
// sees the maildrop as it was when it began (RFC 1939 §4).
func Maildrop(ctx context.Context, dial func(context.Context) (*client.POP3, error), o Options) error {
	var known map[string]bool
	return o.again(ctx, func(well func()) error {
		for {
			session, err := dial(ctx)
			if err != nil {
				return err
			}
			next, pause, err := look(ctx, session, known, &o)
			if next != nil {
				known = next
			}
			if err != nil {
				return err
			}
			well()
			if err := o.wait(ctx, pause); err != nil {
				return err
			}
		}
	})
}

// look is one session: it tells what is different, and how long to pause.
func look(ctx context.Context, session *client.POP3, known map[string]bool, o *Options) (now map[string]bool, pause time.Duration, err error) {
	pause = max(o.every(), session.LoginDelay())
	ids, err := session.UIDL(ctx)
	if err != nil {
		session.Close(err)
		return nil, 0, err
	}
	now = make(map[string]bool, len(ids))
	var fresh []client.Listed
	for _, l := range ids {
		now[l.ID] = true
		if known != nil && !known[l.ID] {
			fresh = append(fresh, l)
		}
	}
	var news []News
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if !now[id] {
			news = append(news, News{Vanished, &client.Summary{ID: id}})
		}
	}
	if len(fresh) > 0 {
		sizes, err := session.List(ctx)
		if err != nil {
			session.Close(err)
			return nil, 0, err
		}
		octets := make(map[int]int64, len(sizes))
		for _, l := range sizes {
			octets[l.Number] = l.Octets
		}
		for i := range fresh {
			fresh[i].Octets = octets[fresh[i].Number]
		}
	}
	err = session.Tops(ctx, fresh, func(s *client.Summary) error {
		news = append(news, News{Arrived, s})
		return nil
	})
	if err == nil {
		err = session.Quit(ctx)
	}
	if err != nil {
		session.Close(err)
		return nil, 0, err // the next session tells it
	}
	if known == nil && o.Ready != nil {
		o.Ready(len(now))
	}
	for _, n := range news {
		if err := o.Tell(n); err != nil {
			return now, pause, err
		}
	}
	return now, pause, nil
}

// flagsOf gives flags in one string that can be compared; \Recent is nobody's doing.
func flagsOf(f *client.Fetched) string {
	var flags []string
	for _, x := range f.Flags {
		if !x.Is(`\RECENT`) {
			flags = append(flags, string(x))
		}
	}
	slices.SortFunc(flags, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return strings.Join(flags, " ")
}

func split(flags string) []string { return strings.Fields(flags) }
