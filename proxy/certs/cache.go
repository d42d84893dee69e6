package certs

import (
	"crypto/tls"
	"sync"
	"time"
)

// maxLeaves bounds the cache: each asked-for name makes an entry, and names come from
// clients.
const maxLeaves = 256

// leafCache keeps the leaves last used. The zero value is ready.
type leafCache struct {
	mu    sync.Mutex
	clock uint64 // counts uses, to find the one least recently used
	held  map[string]*cachedLeaf
}

// cachedLeaf is a leaf, or the minting of one while ready is open.
type cachedLeaf struct {
	ready chan struct{} // closed once cert and err are set
	cert  *tls.Certificate
	err   error
	used  uint64
}

// get is the leaf under key, minted if there is none or its end is near. Those who ask for
// a key that is being minted wait for that one. A failure is not kept.
func (c *leafCache) get(key string, now time.Time, mint func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	c.mu.Lock()
	c.clock++
	if l := c.held[key]; l != nil && !l.ending(now) {
		l.used = c.clock
		c.mu.Unlock()
		<-l.ready
		return l.cert, l.err
	}
	l := &cachedLeaf{ready: make(chan struct{}), used: c.clock}
	if c.held == nil {
		c.held = make(map[string]*cachedLeaf)
	}
	c.held[key] = l
	c.evict()
	c.mu.Unlock()

	l.cert, l.err = mint()
	close(l.ready)
	if l.err != nil {
		c.mu.Lock()
		if c.held[key] == l {
			delete(c.held, key)
		}
		c.mu.Unlock()
	}
	return l.cert, l.err
}

// ending tells whether a leaf is due for renewal; one in the making is not.
func (l *cachedLeaf) ending(now time.Time) bool {
	select {
	case <-l.ready:
		return l.err == nil && now.After(l.cert.Leaf.NotAfter.Add(-renew))
	default:
		return false
	}
}

// evict removes the least recently used leaf where there are too many. A leaf that is still
// being minted may go too: those who wait for it hold it already.
func (c *leafCache) evict() {
	if len(c.held) <= maxLeaves {
		return
	}
	oldest, at := "", c.clock+1
	for key, l := range c.held {
		if l.used < at {
			oldest, at = key, l.used
		}
	}
	delete(c.held, oldest)
}
