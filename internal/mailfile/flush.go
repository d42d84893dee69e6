package mailfile

import (
	"os"
	"sync"

	"github.com/mailtrace/mailtrace/internal/spool"
)

// flusher puts messages in their places beside its caller, a few at once: a disk flushes several
// files in about the time of one.
//
//	put ──► tmp ──flush──► rename ──► wait
type flusher struct {
	slots chan struct{}
	all   sync.WaitGroup
	mu    sync.Mutex
	err   error // the first one
}

// flushes is how many messages are under way at once (go run ./internal/bench -client).
const flushes = 4

// put writes the octets to tmp, has them flushed and renames the file to path. It takes the octets
// over. The error may be that of a message before.
func (f *flusher) put(s *spool.Spool, tmp, path string, then func(tmp string)) error {
	if f.slots == nil {
		f.slots = make(chan struct{}, flushes)
	}
	f.slots <- struct{}{}
	if err := f.failed(); err != nil {
		<-f.slots
		return err
	}
	s = s.Take()
	f.all.Go(func() {
		err := s.Keep(tmp, true)
		if err == nil {
			if then != nil {
				then(tmp)
			}
			err = os.Rename(tmp, path)
		}
		if err != nil {
			s.Drop()
			f.mu.Lock()
			if f.err == nil {
				f.err = err
			}
			f.mu.Unlock()
		}
		<-f.slots
	})
	return nil
}

func (f *flusher) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// wait gives the first error once nothing is under way.
func (f *flusher) wait() error {
	f.all.Wait()
	return f.failed()
}
