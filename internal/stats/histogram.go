package stats

import (
	"math/bits"
	"time"
)

// precision is how many bits of a value a class of a Histogram tells apart, so that the
// middle of a class is less than 1 % from each of its values.
const precision = 6

// Histogram counts durations in classes that grow with the value: exact below 128 µs, then 64
// classes for each power of two. The zero value is empty.
type Histogram struct {
	counts []uint32 // by class; as long as the largest value needs
	n      int
	max    time.Duration
	sum    time.Duration
}

// Add counts one duration, with microseconds.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	c := class(uint64(d / time.Microsecond))
	if c >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, c+1-len(h.counts))...)
	}
	h.counts[c]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds what another one counted.
func (h *Histogram) Merge(o *Histogram) {
	if n := len(o.counts) - len(h.counts); n > 0 {
		h.counts = append(h.counts, make([]uint32, n)...)
	}
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// N is how many durations were counted.
func (h *Histogram) N() int { return h.n }

// Max is the longest, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is their mean, exactly; 0 of none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// Quantile gives the duration that the share q of all does not exceed (nearest rank), within
// 1 %, and the longest exactly; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int(q*float64(h.n) + 0.9999999)
	rank = min(max(rank, 1), h.n)
	if rank == h.n {
		return h.max // which is known exactly
	}
	for c, n := range h.counts {
		if rank -= int(n); rank <= 0 {
			return min(time.Duration(middle(c))*time.Microsecond, h.max)
		}
	}
	return 0
}

// Spread gives how many durations fall into each of n steps of equal ratio between from and to,
// what is outside of them into the first and the last.
func (h *Histogram) Spread(from, to time.Duration, n int) []int {
	steps := make([]int, n)
	low, high := log(uint64(from/time.Microsecond)), log(uint64(to/time.Microsecond))
	for c, count := range h.counts {
		if count == 0 {
			continue
		}
		at := 0
		if high > low {
			at = int((log(middle(c)) - low) / (high - low) * float64(n))
		}
		steps[min(max(at, 0), n-1)] += int(count)
	}
	return steps
}

// log is a logarithm to base two that is exact enough for a picture.
func log(v uint64) float64 {
	if v == 0 {
		return 0
	}
	e := bits.Len64(v) - 1
	return float64(e) + float64(v)/float64(uint64(1)<<e) - 1
}

// class is where a value is counted.
func class(v uint64) int {
	if v < 2<<precision {
		return int(v)
	}
	shift := bits.Len64(v) - precision - 1
	return shift<<precision + int(v>>shift)
}

// middle is the middle of a class.
func middle(c int) uint64 {
	if c < 2<<precision {
		return uint64(c)
	}
	shift := c>>precision - 1
	low := uint64(c-shift<<precision) << shift
	return low + 1<<shift/2
}
