package inflate

const (
	maxLit  = 286 // literal/length symbols that mean something (RFC 1951 §3.2.5)
	maxDist = 30  // distance symbols that do
)

// lengths is what has come of a dynamic block's code lengths (RFC 1951 §3.2.7).
type lengths struct {
	lit, dist, pre int // HLIT + 257, HDIST + 1, HCLEN + 4
	n              int // lengths that have come: of the precode, then of both others
	of             [maxLit + maxDist]uint8
	precode        preTable
}

// precodeOrder is the order in which lengths of the precode come (RFC 1951 §3.2.7).
var precodeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic takes the codes of a dynamic block. It returns block when they are there.
func (z *Inflater) dynamic() status {
	c := &z.codes
	if z.state == counts {
		if !z.need(14) {
			return more
		}
		lit, dist, pre := int(z.bits&31)+257, int(z.bits>>5&31)+1, int(z.bits>>10&15)+4
		if lit > maxLit {
			return z.fail("%d literal/length codes, where there are %d at most", lit, maxLit)
		}
		if dist > maxDist {
			return z.fail("%d distance codes, where there are %d at most", dist, maxDist)
		}
		z.take(14)
		c.lit, c.dist, c.pre, c.n = lit, dist, pre, 0
		clear(c.of[:len(precodeOrder)])
		z.state = precode
	}
	if z.state == precode {
		for ; c.n < c.pre; c.n++ {
			if !z.need(3) {
				return more
			}
			c.of[precodeOrder[c.n]] = uint8(z.take(3))
		}
		if !c.precode.build(c.of[:len(precodeOrder)]) {
			return z.fail("the codes for code lengths are no prefix code")
		}
		c.n, z.state = 0, codeLens
	}
	for c.n < c.lit+c.dist {
		if at := z.codeLength(); at != block {
			return at
		}
	}
	if !z.own.lit.build(c.of[:c.lit]) {
		return z.fail("the literal/length codes are no prefix code")
	}
	if !z.own.dist.build(c.of[c.lit : c.lit+c.dist]) {
		return z.fail("the distance codes are no prefix code")
	}
	z.lit, z.dist = &z.own.lit, &z.own.dist
	return block
}

// codeLength takes one code of the precode: a code length, or a repetition. It returns
// block when one was there.
func (z *Inflater) codeLength() status {
	c := &z.codes
	z.refill()
	e := c.precode[z.bits%uint64(len(c.precode))]
	if z.nb < e.bits() {
		return more
	}
	if e&special != 0 {
		return z.fail("no code for a code length begins with these bits")
	}
	symbol, n, value := e.value(), 1, uint8(0)
	var extra uint
	switch symbol {
	case 16:
		if c.n == 0 {
			return z.fail("a code length repeats the one before it, and there is none")
		}
		n, extra, value = 3, 2, c.of[c.n-1]
	case 17:
		n, extra = 3, 3
	case 18:
		n, extra = 11, 7
	default:
		value = uint8(symbol)
	}
	if z.nb < e.bits()+extra {
		return more
	}
	n += int(z.bits >> e.bits() & (1<<extra - 1))
	if c.n+n > c.lit+c.dist {
		return z.fail("%d code lengths, where %d are due", c.n+n, c.lit+c.dist)
	}
	z.take(e.bits() + extra)
	for range n {
		c.of[c.n] = value
		c.n++
	}
	return block
}
