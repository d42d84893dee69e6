package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// leafDays is the longest validity that clients accept everywhere, the backdating
	// counted in.
	leafDays = 397
	// renew is how long before its end a cached leaf is replaced.
	renew = 7 * 24 * time.Hour
)

// Leaf is a server certificate for all of names and ips, signed by the CA: minted at the
// first call for this set, the same again at the next ones, whatever their order. The chain
// is the leaf and the CA. The certificate must not be modified.
//
// Whatever in names cannot stand in a certificate is left out, since names come from
// clients (SNI): anything but letters, digits, hyphens and underscores in labels of at most
// 63 octets, 253 in all. Names that are IP literals count as addresses. Where nothing
// remains the certificate is for no name, and a client that verifies will say so.
func (ca *CA) Leaf(names []string, ips []net.IP) (*tls.Certificate, error) {
	dns, addrs := normalize(names, ips)
	key := fmt.Sprint(dns, addrs)
	return ca.leaves.get(key, ca.now(), func() (*tls.Certificate, error) { return ca.mint(dns, addrs) })
}

// mint makes a leaf. Both lists are normalized.
func (ca *CA) mint(dns []string, addrs []netip.Addr) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certs: mint a leaf: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, fmt.Errorf("certs: mint a leaf: %w", err)
	}
	notBefore := ca.now().Add(-backdate)
	notAfter := notBefore.Add(leafDays*24*time.Hour - time.Second) // both ends count
	if notAfter.After(ca.cert.NotAfter) {
		notAfter = ca.cert.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"mailtrace"}, CommonName: commonName(dns, addrs)},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              dns,
	}
	for _, a := range addrs {
		template.IPAddresses = append(template.IPAddresses, a.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.signer)
	if err != nil {
		return nil, fmt.Errorf("certs: mint a leaf: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certs: mint a leaf: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// commonName is the name that people see: the first that is not localhost, for clients list
// certificates by it.
func commonName(dns []string, addrs []netip.Addr) string {
	for _, name := range dns {
		if name != "localhost" && len(name) <= 64 {
			return name
		}
	}
	switch {
	case slices.Contains(dns, "localhost"):
		return "localhost"
	case len(addrs) > 0:
		return addrs[0].String()
	}
	return "mailtrace"
}

// normalize sorts out what is a name, what an address and what neither, in an order that
// does not depend on the order given, each once.
func normalize(names []string, ips []net.IP) (dns []string, addrs []netip.Addr) {
	for _, name := range names {
		// A literal may carry brackets and a zone, neither of which a certificate knows.
		literal := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
		if a, err := netip.ParseAddr(literal); err == nil {
			addrs = append(addrs, a.WithZone("").Unmap())
			continue
		}
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); validName(name) {
			dns = append(dns, name)
		}
	}
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	slices.Sort(dns)
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(dns), slices.Compact(addrs)
}

// validName tells whether name can stand as a DNS name in a certificate. Underscores are
// against the letter of the host name rules, but occur and are accepted by clients.
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool { return !isHostOctet(r) }) {
			return false
		}
	}
	return true
}

func isHostOctet(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}
