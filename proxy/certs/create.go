package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	caYears = 10
	// backdate is by how much certificates are valid before they are made, for clients
	// whose clock is behind.
	backdate = 24 * time.Hour
)

// create makes a CA in dir. It gives fs.ErrExist where another process was first.
func create(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	certPEM, keyPEM, err := generate(now)
	if err != nil {
		return err
	}
	// The certificate waits under a name of its own until the key is whole.
	temp, err := writeTemp(dir, certPEM)
	if err != nil {
		return err
	}
	defer os.Remove(temp) // no longer there once it is renamed

	keyPath := filepath.Join(dir, KeyFile)
	key, err := os.OpenFile(keyPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = writeSync(key, keyPEM); err == nil {
		err = os.Rename(temp, filepath.Join(dir, CertFile))
	}
	if err != nil {
		return errors.Join(err, os.Remove(keyPath)) // ours: we created it exclusively
	}
	return nil
}

// generate makes the certificate and the key of a new CA, as PEM.
func generate(now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, nil, err
	}
	host, _ := os.Hostname()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Organization: []string{"mailtrace"},
			CommonName:   caName(host, serial),
		},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true, // it signs leaves and no further authority
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// caName is the common name of a CA: where it was made, and some digits of its serial
// number, so that two of the same machine can be told apart in a client's list.
func caName(host string, serial *big.Int) string {
	host = strings.Map(func(r rune) rune {
		if isHostOctet(r) {
			return r
		}
		return -1
	}, host)
	// A common name has at most 64 characters (ub-common-name of X.520).
	if len(host) > 36 {
		host = host[:36]
	}
	if host == "" {
		host = "unnamed"
	}
	return fmt.Sprintf("mailtrace CA (%s) %06x", host, new(big.Int).Rsh(serial, uint(serial.BitLen()-24)))
}

// newSerial is a random serial number of 127 bits, the highest always set.
func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	return serial.SetBit(serial, 126, 1), nil
}

// writeTemp writes data to a new file of mode 0644 in dir.
func writeTemp(dir string, data []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, "."+CertFile+"-*")
	if err != nil {
		return "", err
	}
	err = f.Chmod(0o644) // CreateTemp makes 0600
	if err = errors.Join(err, writeSync(f, data)); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// writeSync writes all of data to f, through to the disk, and closes f.
func writeSync(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
