package meaning

import (
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// The map agrees with a plain list of messages, whatever happens to it.
func TestSequenceIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type message struct {
			uid   uint32
			said  bool
			flags flagSet
			size  uint32
		}
		var list []message
		var q sequence
		next := uint32(1)
		scale := rapid.SampledFrom([]int{5, 600, 2000}).Draw(t, "scale")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0: // arrives
				for range rapid.IntRange(1, scale).Draw(t, "new") {
					next += uint32(rapid.IntRange(1, 3).Draw(t, "uid"))
					list = append(list, message{uid: next})
				}
				q.resize(uint32(len(list)))
			case 1, 2: // says its UID
				if len(list) == 0 {
					continue
				}
				from := rapid.IntRange(0, len(list)-1).Draw(t, "message")
				for i := from; i < len(list) && i < from+scale/3+1; i++ {
					if against, _ := q.learn(uint32(i+1), list[i].uid); against != 0 {
						t.Fatalf("message %d with UID %d cannot be beside %d", i+1, list[i].uid, against)
					}
					list[i].said = true
				}
			case 3: // says its flags
				if len(list) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(list)-1).Draw(t, "message")
				list[i].flags = flagSet(rapid.IntRange(0, 127).Draw(t, "flags"))
				q.mark(uint32(i+1), list[i].flags)
				list[i].size = uint32(rapid.IntRange(1, 9).Draw(t, "size"))
				q.measure(uint32(i+1), int64(list[i].size))
			case 4: // is expunged
				if len(list) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(list)-1).Draw(t, "message")
				uid, flags := q.remove(uint32(i + 1))
				if list[i].said && uid != list[i].uid || !list[i].said && uid != 0 || flags != list[i].flags {
					t.Fatalf("%d went with UID %d and flags %b, it is %+v", i+1, uid, flags, list[i])
				}
				list = append(list[:i], list[i+1:]...)
			case 5: // some that said their UID vanish
				if len(list) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(list)-1).Draw(t, "message")
				if !list[i].said {
					continue
				}
				if missing := q.vanish(list[i].uid, list[i].uid); missing != 0 {
					t.Fatalf("UID %d of message %d was not there", list[i].uid, i+1)
				}
				list = append(list[:i], list[i+1:]...)
			}
			if q.count != uint32(len(list)) {
				t.Fatalf("%d messages, want %d", q.count, len(list))
			}
			deleted := uint32(0)
			for i, m := range list {
				uid, flags := q.known(uint32(i + 1))
				if m.said && uid != m.uid || !m.said && uid != 0 || flags != m.flags || q.size(uint32(i+1)) != m.size {
					t.Fatalf("message %d has UID %d, flags %b and %d octets, want %+v", i+1, uid, flags, q.size(uint32(i+1)), m)
				}
				deleted += m.flags.deleted()
			}
			if q.deleted != deleted {
				t.Fatalf("%d deleted, want %d", q.deleted, deleted)
			}
			if len(list) > 0 {
				i := rapid.IntRange(0, len(list)-1).Draw(t, "sought")
				if n := q.find(list[i].uid); list[i].said && n != uint32(i+1) || !list[i].said && n != 0 {
					t.Fatalf("UID %d found at %d, want %d", list[i].uid, n, i+1)
				}
			}
		}
	})
}

// Of messages whose UIDs nobody said, as many vanish as the range has.
func TestVanishOfUnknownMessages(t *testing.T) {
	var q sequence
	q.resize(2000)
	q.learn(1, 10)
	q.learn(1500, 5000)
	if missing := q.vanish(20, 29); missing != 0 || q.count != 1990 {
		t.Fatalf("%d missing, %d left", missing, q.count)
	}
	if uid, _ := q.known(1490); uid != 5000 {
		t.Fatalf("message 1490 has UID %d", uid)
	}
	if missing := q.vanish(1, 9); missing != 9 || q.count != 1990 {
		t.Fatalf("before the first: %d missing, %d left", missing, q.count)
	}
	if missing := q.vanish(4000, 6000); missing != 2001-1-1488-500 || q.count != 1 || q.find(10) != 1 {
		// UID 5,000 itself, all 1,488 between it and UID 10, and all 500 behind it
		t.Fatalf("%d missing, %d left", missing, q.count)
	}
}

func TestLearnSaysWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ number, uid, against, of uint32 }{
		"another UID":               {2, 21, 20, 2},
		"the same again":            {2, 20, 0, 0},
		"as its neighbour before":   {3, 20, 20, 2},
		"as its neighbour behind":   {1, 20, 20, 2},
		"in order":                  {3, 21, 0, 0},
		"above a neighbour behind":  {1, 30, 20, 2},
		"below a neighbour before":  {3, 5, 20, 2},
		"of no message":             {9, 5, 0, 0},
		"number zero":               {0, 5, 0, 0},
		"across a block, in order":  {513, 1001, 0, 0},
		"across a block, backwards": {513, 999, 1000, 512},
	} {
		t.Run(name, func(t *testing.T) {
			var q sequence
			q.resize(4)
			if c.number > 500 {
				q.resize(600)
				q.learn(512, 1000)
			} else {
				q.learn(2, 20)
			}
			against, of := q.learn(c.number, c.uid)
			if against != c.against || of != c.of {
				t.Errorf("against UID %d of %d, want %d of %d", against, of, c.against, c.of)
			}
		})
	}
}

// A million messages take what the documentation says, more of them nothing.
func TestMemoryOfAMillionMessages(t *testing.T) {
	measure := func(n uint32) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var q sequence
		q.resize(n)
		for i := uint32(1); i <= min(n, mostMapped+1); i++ {
			q.learn(i, i)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(&q)
		return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
	}
	if n := measure(mostMapped); n > 7<<20 {
		t.Errorf("%d messages take %d KiB", mostMapped, n>>10)
	}
	if n := measure(mostMapped + 1); n > 64<<10 {
		t.Errorf("%d messages take %d KiB", mostMapped+1, n>>10)
	}
}

func BenchmarkExpungeOfAMillion(b *testing.B) {
	var q sequence
	for b.Loop() {
		if q.count < 2 {
			b.StopTimer()
			q = sequence{}
			q.resize(mostMapped)
			for i := uint32(1); i <= mostMapped; i++ {
				q.learn(i, i)
			}
			b.StartTimer()
		}
		q.remove(1)
	}
}
