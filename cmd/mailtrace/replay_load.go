package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/stats"
	"github.com/mailtrace/mailtrace/replay"
)

// load plays many sessions of a script, and tells how long its commands took.
func (u *ui) load(ctx context.Context, c *cli.Context, client *replay.Client, script *replay.Script, sessions, repeat int) error {
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		total replay.Report
		first *replay.Report // that failed
		times = map[string]*stats.Histogram{}
		ended error
	)
	begin := time.Now()
	for range sessions {
		all.Go(func() {
			for range repeat {
				r, err := client.Run(ctx, script)
				mu.Lock()
				if r != nil {
					total.Same += r.Same
					total.Different += r.Different
					total.Unplayed += r.Unplayed
					if first == nil && r.Fails() {
						first = r
					}
					count(times, r)
				}
				if err != nil && ended == nil {
					ended = err
				}
				stop := ended != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	all.Wait()
	total.Elapsed = time.Since(begin)
	if first != nil {
		if err := u.report(c, first); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		u.say("interrupted: %s", total.Summary())
		return errStopped
	case ended != nil:
		return scriptError(ended)
	}
	if c.String("format") == "text" {
		latencies(u.out, times)
	}
	u.say("%s, %s", plural(sessions*repeat, "session"), total.Summary())
	if total.Fails() {
		return errCheck
	}
	return nil
}

func count(times map[string]*stats.Histogram, r *replay.Report) {
	for _, s := range r.Steps {
		if s.Latency == 0 || s.Verb == "" {
			continue
		}
		h := times[s.Verb]
		if h == nil {
			h = &stats.Histogram{}
			times[s.Verb] = h
		}
		h.Add(s.Latency)
	}
}

// latencies prints a row for each command.
func latencies(w io.Writer, times map[string]*stats.Histogram) {
	fmt.Fprintf(w, "%-16s %8s %10s %10s %10s\n", "command", "count", "p50", "p95", "max")
	for _, name := range slices.Sorted(maps.Keys(times)) {
		h := times[name]
		fmt.Fprintf(w, "%-16s %8d %10s %10s %10s\n", name, h.N(), short(h.Quantile(0.5)), short(h.Quantile(0.95)), short(h.Max()))
	}
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
