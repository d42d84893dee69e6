//go:build interop

package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// otherName is a server that is not called localhost; only a hosts file of the test's own
// knows it (see namespace in mailtrace_test.go).
const otherName = "imap.mailtrace.test"

// testPKI are the certificates of the servers.
type testPKI struct {
	ca          string // PEM file: the root
	local       pair   // localhost, 127.0.0.1, 127.0.0.2
	other       pair   // otherName alone
	certificate tls.Certificate
}

// pair are two PEM files.
type pair struct{ Cert, Key string }

func newPKI(dir string) (*testPKI, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	p := &testPKI{ca: filepath.Join(dir, "root.pem")}
	if err := writePEM(p.ca, "CERTIFICATE", der); err != nil {
		return nil, err
	}
	leaf := func(name string, serial int64, names []string, ips ...net.IP) (pair, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return pair{}, err
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IPAddresses: ips,
			NotBefore: root.NotBefore, NotAfter: root.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, c, root, &key.PublicKey, caKey)
		if err != nil {
			return pair{}, err
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return pair{}, err
		}
		f := pair{filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem")}
		if err := writePEM(f.Cert, "CERTIFICATE", der); err != nil {
			return pair{}, err
		}
		return f, writePEM(f.Key, "PRIVATE KEY", raw)
	}
	p.local, err = leaf("local", 2, []string{"localhost"}, net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2))
	if err != nil {
		return nil, err
	}
	if p.other, err = leaf("other", 3, []string{otherName}); err != nil {
		return nil, err
	}
	p.certificate, err = tls.LoadX509KeyPair(p.local.Cert, p.local.Key)
	return p, err
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
