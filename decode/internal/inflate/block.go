package inflate

// state is what the next bits of the stream are.
type state uint8

const (
	header   state = iota // BFINAL and BTYPE (RFC 1951 §3.2.3)
	sizes                 // LEN and NLEN of a stored block (§3.2.4)
	octets                // of a stored block
	counts                // HLIT, HDIST and HCLEN (§3.2.7)
	precode               // lengths of the codes for code lengths
	codeLens              // code lengths, in those codes
	elements              // literals, lengths and distances
	ended                 // behind the final block
)

// status tells why step returned.
type status uint8

const (
	more   status = iota // the input ends before the next element does
	full                 // output must be given to make room
	block                // a block ends
	over                 // the final block ends
	failed               // err says why
)

// refill takes octets into bits, as many as fit.
func (z *Inflater) refill() {
	for z.nb < 56 && z.pos < len(z.in) {
		z.bits |= uint64(z.in[z.pos]) << z.nb
		z.pos++
		z.nb += 8
	}
}

// unread gives whole octets back to the input, as far as they are of this Push.
func (z *Inflater) unread() {
	n := min(int(z.nb/8), z.pos)
	z.pos -= n
	z.nb -= uint(n) * 8
	z.bits &= 1<<z.nb - 1
}

// need tells whether n bits are there, n being at most 48.
func (z *Inflater) need(n uint) bool {
	if z.nb < n {
		z.refill()
	}
	return z.nb >= n
}

// take consumes n bits.
func (z *Inflater) take(n uint) uint {
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.nb -= n
	return v
}

// step goes on until something must be done outside.
func (z *Inflater) step() status {
	for {
		at := full
		switch z.state {
		case header:
			if !z.need(3) {
				return more
			}
			if z.bits>>1&3 == 3 {
				return z.fail("a block of type 3, which is reserved")
			}
			z.final = z.take(1) == 1
			switch z.take(2) {
			case 0:
				z.take(z.nb % 8) // up to the next octet (RFC 1951 §3.2.4)
				z.state = sizes
			case 1:
				z.lit, z.dist = fixed()
				z.state = elements
			case 2:
				z.state = counts
			}
			continue
		case sizes:
			if !z.need(32) {
				return more
			}
			n, complement := uint16(z.bits), uint16(z.bits>>16)
			if n != ^complement {
				return z.fail("a stored block of %#04x octets says that %#04x is the complement of that", n, complement)
			}
			z.take(32)
			z.left, z.state = int(n), octets
			continue
		case octets:
			at = z.stored()
		case counts, precode, codeLens:
			at = z.dynamic()
			if at == block {
				z.state = elements
				continue
			}
		case elements:
			at = z.elements()
		case ended:
			return over
		}
		if at != block {
			return at
		}
		z.state = header
		if z.final {
			z.state = ended
			return over
		}
		return block
	}
}

// stored copies octets of a stored block.
func (z *Inflater) stored() status {
	z.unread()
	for z.left > 0 {
		room := min(z.left, z.limit()-z.w)
		switch {
		case room == 0:
			return full
		case z.nb > 0:
			z.out[z.w] = byte(z.take(8))
			z.w++
			z.left--
		case z.pos == len(z.in):
			return more
		default:
			n := copy(z.out[z.w:z.w+room], z.in[z.pos:])
			z.w += n
			z.pos += n
			z.left -= n
		}
	}
	return block
}
