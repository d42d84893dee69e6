package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLeafVerifies(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	leaf, err := ca.Leaf(
		[]string{"IMAP.Example.ORG.", "localhost", "192.0.2.7", "[2001:db8::1]", "under_score.example.org"},
		[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	)
	if err != nil {
		t.Fatal(err)
	}
	c := leaf.Leaf
	for _, host := range []string{
		"imap.example.org", "localhost", "127.0.0.1", "::1", "192.0.2.7", "2001:db8::1", "under_score.example.org",
	} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := c.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "pop.example.org"}); err == nil {
		t.Error("verifies for a name that was not asked for")
	}
	if len(leaf.Certificate) != 2 || !slices.Equal(leaf.Certificate[1], ca.Certificate().Raw) {
		t.Errorf("chain of %d; want the leaf and the CA", len(leaf.Certificate))
	}
	if days := c.NotAfter.Sub(c.NotBefore).Hours() / 24; days > 397 || days < 396 {
		t.Errorf("valid for %.2f days; want at most 397", days)
	}
	if age := time.Since(c.NotBefore); age < 24*time.Hour || age > 25*time.Hour {
		t.Errorf("backdated by %v; want 24 h", age)
	}
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("public key is %T; want P-256", c.PublicKey)
	}
	if c.Subject.CommonName != "imap.example.org" {
		t.Errorf("common name %q", c.Subject.CommonName)
	}
	if c.IsCA {
		t.Error("the leaf is a CA")
	}
}

func TestLeafHandshake(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	leaf, err := ca.Leaf([]string{"imap.example.org"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(server, &tls.Config{Certificates: []tls.Certificate{*leaf}}).Handshake()
	}()
	if err := tls.Client(client, &tls.Config{RootCAs: ca.Pool(), ServerName: "imap.example.org"}).Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLeafLeavesOutWhatIsNoName(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	label := strings.Repeat("a", 63)
	long := strings.Repeat(label+".", 4) + "org" // 259 octets
	bad := []string{
		"", ".", "a..b", "*.example.org", "bücher.example", "a b", "x\r\ny", "nul\x00", "\xff\xfe",
		label + "a.org", long, "host:993", "[::1", "foo/bar", strings.Repeat("x", 70000),
	}
	good := []string{"xn--bcher-kva.example", label + ".org", "_imaps._tcp.example.org", "-odd-"}
	leaf, err := ca.Leaf(append(slices.Clone(bad), good...), []net.IP{nil, {1, 2, 3}, net.IPv4(192, 0, 2, 1)})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(good)
	if !slices.Equal(leaf.Leaf.DNSNames, good) {
		t.Errorf("names %q; want %q", leaf.Leaf.DNSNames, good)
	}
	// "[::1" has its bracket trimmed: an address all the same.
	if got := fmt.Sprint(leaf.Leaf.IPAddresses); got != "[192.0.2.1 ::1]" {
		t.Errorf("addresses %s", got)
	}
	none, err := ca.Leaf([]string{"bücher.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(none.Leaf.DNSNames)+len(none.Leaf.IPAddresses) != 0 {
		t.Errorf("names %q, addresses %v; want none", none.Leaf.DNSNames, none.Leaf.IPAddresses)
	}
}

func TestLeafIsCachedPerSet(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	leaf := func(names []string, ips ...net.IP) *tls.Certificate {
		t.Helper()
		l, err := ca.Leaf(names, ips)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := leaf([]string{"a.example", "b.example", "127.0.0.1"})
	for _, same := range []*tls.Certificate{
		leaf([]string{"b.example", "a.example"}, net.IPv4(127, 0, 0, 1)),
		leaf([]string{"B.example.", "a.example", "a.example", "::ffff:127.0.0.1"}),
	} {
		if same != first {
			t.Error("the same set was minted twice")
		}
	}
	if leaf([]string{"a.example"}) == first {
		t.Error("a smaller set got the larger one's leaf")
	}
	// Names are joined to a key: no set may be taken for another.
	if leaf([]string{"a.example b.example", "127.0.0.1"}) == first {
		t.Error("a name with a space got another set's leaf")
	}
}

func TestLeafCacheIsBounded(t *testing.T) {
	var c leafCache
	minted := 0
	get := func(key string) {
		t.Helper()
		if _, err := c.get(key, time.Now(), func() (*tls.Certificate, error) {
			minted++
			return &tls.Certificate{Leaf: &x509.Certificate{NotAfter: time.Now().Add(365 * 24 * time.Hour)}}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	get("steady")
	for i := range 3 * maxLeaves {
		get(fmt.Sprint("name ", i))
		get("steady") // used all along, so never the one to go
	}
	if len(c.held) > maxLeaves {
		t.Errorf("%d leaves held; want at most %d", len(c.held), maxLeaves)
	}
	if minted != 3*maxLeaves+1 {
		t.Errorf("%d minted; want %d: the one in use was thrown out", minted, 3*maxLeaves+1)
	}
}

func TestLeafIsMintedOnce(t *testing.T) {
	var c leafCache
	var minted atomic.Int32
	gate := make(chan struct{})
	want := &tls.Certificate{}
	var wg sync.WaitGroup
	var got [16]*tls.Certificate
	entered := make(chan struct{}, len(got))
	for i := range got {
		wg.Go(func() {
			entered <- struct{}{}
			got[i], _ = c.get("key", time.Now(), func() (*tls.Certificate, error) {
				minted.Add(1)
				<-gate
				want.Leaf = &x509.Certificate{NotAfter: time.Now().Add(365 * 24 * time.Hour)}
				return want, nil
			})
		})
	}
	for range got {
		<-entered
	}
	close(gate)
	wg.Wait()
	if n := minted.Load(); n != 1 {
		t.Errorf("minted %d times; want once", n)
	}
	for i, l := range got {
		if l != want {
			t.Errorf("asker %d got another leaf", i)
		}
	}
}

func TestLeafFailureIsNotKept(t *testing.T) {
	var c leafCache
	boom := errors.New("no entropy")
	if _, err := c.get("key", time.Now(), func() (*tls.Certificate, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Fatalf("error %v; want %v", err, boom)
	}
	want := &tls.Certificate{Leaf: &x509.Certificate{}}
	got, err := c.get("key", time.Now(), func() (*tls.Certificate, error) { return want, nil })
	if err != nil || got != want {
		t.Errorf("after a failure: %v, %v", got, err)
	}
}

func TestLeafIsRenewed(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	start := time.Now()
	at := start
	ca.now = func() time.Time { return at }
	first, err := ca.Leaf([]string{"a.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at = start.Add(380 * 24 * time.Hour)
	if same, err := ca.Leaf([]string{"a.example"}, nil); err != nil || same != first {
		t.Errorf("replaced too early (%v)", err)
	}
	at = start.Add(392 * 24 * time.Hour)
	next, err := ca.Leaf([]string{"a.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if next == first || !next.Leaf.NotAfter.After(at.Add(300*24*time.Hour)) {
		t.Errorf("not renewed: valid until %v at %v", next.Leaf.NotAfter, at)
	}
}
