package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The names of the two files in a CA's directory.
const (
	CertFile = "ca.pem"
	KeyFile  = "ca-key.pem"
)

// CA is a certificate authority with its private key. It is safe for concurrent use.
type CA struct {
	dir    string
	cert   *x509.Certificate
	signer crypto.Signer
	pem    []byte
	now    func() time.Time
	leaves leafCache
}

// DefaultDir is the directory of the CA where none is named: mailtrace in the user's
// configuration directory ($XDG_CONFIG_HOME or ~/.config on Unix). It need not exist.
func DefaultDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &Error{Op: "find", Err: err, Advice: "name a directory for the CA with --ca-dir DIR"}
	}
	return filepath.Join(dir, "mailtrace"), nil
}

// Path is the file of the CA's certificate, the one that clients import.
func (ca *CA) Path() string { return filepath.Join(ca.dir, CertFile) }

// KeyPath is the file of the CA's private key.
func (ca *CA) KeyPath() string { return filepath.Join(ca.dir, KeyFile) }

// PEM is the CA's certificate as PEM, without its key. The slice belongs to the caller.
func (ca *CA) PEM() []byte { return slices.Clone(ca.pem) }

// Pool is a new pool that holds this CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Certificate is the CA's own certificate. It must not be modified.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

// Name is the common name of the CA, as clients list it.
func (ca *CA) Name() string { return ca.cert.Subject.CommonName }

// NotBefore is the time from which the CA is valid.
func (ca *CA) NotBefore() time.Time { return ca.cert.NotBefore }

// NotAfter is the time up to which the CA is valid.
func (ca *CA) NotAfter() time.Time { return ca.cert.NotAfter }

// Fingerprint is the SHA-256 fingerprint of the certificate as clients and openssl show it:
// pairs of upper-case hexadecimal digits with colons between.
func (ca *CA) Fingerprint() string {
	sum := sha256.Sum256(ca.cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}
