package print

import (
	"strconv"
	"time"
)

// appendCount appends n with commas between thousands.
func appendCount(dst []byte, n int64) []byte {
	if n < 0 {
		dst = append(dst, '-')
		if n == -1<<63 {
			return append(dst, "9,223,372,036,854,775,808"...)
		}
		n = -n
	}
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], n, 10)
	for i, c := range d {
		if i > 0 && (len(d)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c)
	}
	return dst
}

// appendCounted appends a number and its noun, whose plural ends in s.
func appendCounted(dst []byte, n int64, noun string) []byte {
	dst = appendCount(dst, n)
	dst = append(dst, ' ')
	dst = append(dst, noun...)
	if n != 1 {
		dst = append(dst, 's')
	}
	return dst
}

// appendLatency appends a duration in the unit that needs least digits.
func appendLatency(dst []byte, d time.Duration) []byte {
	d = max(d, 0)
	switch {
	case d.Round(time.Microsecond) < time.Millisecond:
		dst = strconv.AppendInt(dst, d.Round(time.Microsecond).Microseconds(), 10)
		return append(dst, " µs"...)
	case d.Round(time.Millisecond) < time.Second:
		dst = strconv.AppendInt(dst, d.Round(time.Millisecond).Milliseconds(), 10)
		return append(dst, " ms"...)
	case d.Round(100*time.Millisecond) < time.Minute:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 1, 64), " s"...)
	}
	return appendLong(dst, d)
}

// appendSpan appends how long a connection lasted.
func appendSpan(dst []byte, d time.Duration) []byte {
	d = max(d, 0)
	switch {
	case d.Round(10*time.Millisecond) < 10*time.Second:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 2, 64), " s"...)
	case d.Round(100*time.Millisecond) < time.Minute:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 1, 64), " s"...)
	}
	return appendLong(dst, d)
}

func appendLong(dst []byte, d time.Duration) []byte {
	s := int64(d.Round(time.Second).Seconds())
	if s < 3600 {
		dst = append(strconv.AppendInt(dst, s/60, 10), " min "...)
		return append(strconv.AppendInt(dst, s%60, 10), " s"...)
	}
	dst = append(appendCount(dst, s/3600), " h "...)
	return append(strconv.AppendInt(dst, s%3600/60, 10), " min"...)
}

// appendClock appends seconds with three decimals.
func appendClock(dst []byte, d time.Duration) []byte {
	if d < 0 {
		dst = append(dst, '-')
		d = -d
	}
	ms := d.Milliseconds()
	dst = append(strconv.AppendInt(dst, ms/1000, 10), '.')
	ms %= 1000
	return append(dst, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// appendPlain appends n without commas: offsets are for searching.
func appendPlain(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendSeconds appends whole seconds.
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < time.Minute {
		return append(appendPlain(dst, int64(d/time.Second)), " s"...)
	}
	return appendLong(dst, d)
}
