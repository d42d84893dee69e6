package inflate

import "encoding/binary"

// overrun is how far a copy of whole words may write behind a match.
const overrun = 8

// elements takes literals and matches up to the end of the block.
func (z *Inflater) elements() status {
	for {
		z.most()
		if z.w > z.limit()-longest {
			return full
		}
		z.refill()
		e := z.lit.find(z.bits)
		switch {
		case z.nb < uint(e>>8&15) || z.nb < e.bits():
			return more
		case e&literal != 0:
			z.take(e.bits())
			z.out[z.w] = byte(e.value())
			z.w++
			continue
		case e&end != 0:
			z.take(e.bits())
			return block
		case e&special != 0:
			return z.fail("no literal/length code begins with these bits")
		}
		n, took := e.with(z.bits), e.bits()
		d := z.dist.find(z.bits >> took)
		if z.nb-took < d.bits() {
			return more
		}
		if d&special != 0 {
			z.take(took)
			return z.fail("no distance code begins with these bits")
		}
		back := d.with(z.bits >> took)
		if back > z.w {
			z.take(took)
			return z.fail("a distance of %d octets, where %d came", back, z.w)
		}
		z.take(took)
		z.take(d.bits())
		z.match(n, back)
	}
}

// match copies n octets from back octets ago (RFC 1951 §3.2.3: it may reach itself).
func (z *Inflater) match(n, back int) {
	out, w := &z.out, z.w
	z.w += n
	from := w - back
	switch {
	case back >= 8:
		for w < z.w {
			binary.LittleEndian.PutUint64(out[w:], binary.LittleEndian.Uint64(out[from:]))
			w += 8
			from += 8
		}
	default:
		for w < z.w {
			out[w] = out[from]
			w++
			from++
		}
	}
}

// most takes the elements that stand well inside the input, and the room, without asking
// each time whether its bits are there. What is not as it should be it leaves.
func (z *Inflater) most() {
	in, lit, dist, out := z.in, z.lit, z.dist, &z.out
	pos, b, nb, w := z.pos, z.bits, z.nb, z.w
	last, room := len(in)-16, z.limit()-longest-3
	for pos <= last && w <= room {
		b |= binary.LittleEndian.Uint64(in[pos:]) << (nb & 63)
		pos += int((63 - nb) >> 3)
		nb |= 56
		e := lit.first[b%(1<<litWidth)]
		if e&literal != 0 { // two of ten bits at most: 36 bits are left, a code takes 15
			b >>= e & 63
			nb -= e.bits()
			out[w] = byte(e >> 16)
			w++
			e = lit.first[b%(1<<litWidth)]
			if e&literal != 0 {
				b >>= e & 63
				nb -= e.bits()
				out[w] = byte(e >> 16)
				w++
				e = lit.first[b%(1<<litWidth)]
			}
		}
		if e&link != 0 {
			e = lit.sub[e.value()+int(b>>litWidth&(1<<(e&63)-1))]
		}
		if e&literal != 0 {
			b >>= e & 63
			nb -= e.bits()
			out[w] = byte(e >> 16)
			w++
			continue
		}
		if e&special != 0 {
			break
		}
		if nb < 48 { // a length and a distance take as many
			b |= binary.LittleEndian.Uint64(in[pos:]) << (nb & 63)
			pos += int((63 - nb) >> 3)
			nb |= 56
		}
		before, held := b, nb
		n := e.with(b)
		b >>= e & 63
		nb -= e.bits()
		d := dist.find(b)
		back := d.with(b)
		if d&special != 0 || back > w {
			b, nb = before, held
			break
		}
		b >>= d & 63
		nb -= d.bits()
		z.w = w
		z.match(n, back)
		w = z.w
	}
	z.pos, z.bits, z.nb, z.w = pos, b&(1<<nb-1), nb, w
}
