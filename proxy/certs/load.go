package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// settle is how long a key without its certificate may be another process's CA in the
// making. The two are put in place within microseconds of each other.
const settle = 2 * time.Second

// maxLost is how often others may be first to make a CA that is not there afterwards.
const maxLost = 3

const (
	adviceAnew  = "put back the right files, or move ca.pem and ca-key.pem away: the next start makes a new CA, which clients must trust anew"
	adviceOther = "name another directory with --ca-dir DIR"
)

// Load reads the CA in dir, and makes one where there is none. created tells that this call
// made it, so that the user can be told. Errors are of type *[Error].
//
// Safe to call from several processes at once: all get the same CA, and one of them created.
func Load(dir string) (ca *CA, created bool, err error) {
	for lost := 0; ; {
		ca, err = read(dir, time.Now())
		switch {
		case err == nil:
			return ca, created, nil
		case errors.Is(err, errMaking):
			time.Sleep(5 * time.Millisecond)
		case errors.Is(err, errNone):
			switch err := create(dir, time.Now()); {
			case err == nil:
				created = true
			case errors.Is(err, fs.ErrExist) && lost < maxLost:
				// Another process came first: load what it made. If nothing is there even so,
				// it failed, or the name is a symbolic link to nowhere.
				lost++
			default:
				return nil, false, &Error{Op: "create", Path: dir, Err: err, Advice: adviceOther}
			}
		default:
			return nil, false, err
		}
	}
}

var (
	errNone   = errors.New("no CA here")
	errMaking = errors.New("another process is making it")
)

// read reads and checks the CA in dir. errNone: there is none; errMaking: not yet.
func read(dir string, now time.Time) (*CA, error) {
	certPath, keyPath := filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile)
	// The certificate comes into being last, so where it can be read the key is whole.
	certPEM, certErr := os.ReadFile(certPath)
	keyInfo, keyErr := os.Stat(keyPath)
	noCert, noKey := errors.Is(certErr, fs.ErrNotExist), errors.Is(keyErr, fs.ErrNotExist)
	switch {
	case noCert && noKey:
		return nil, errNone
	case noCert && keyErr == nil:
		if age := now.Sub(keyInfo.ModTime()); -settle < age && age < settle {
			return nil, errMaking
		}
		return nil, &Error{
			Op: "read", Path: certPath, Advice: adviceAnew,
			Err: fmt.Errorf("the certificate is missing, but its key %s is there", keyPath),
		}
	case certErr != nil:
		return nil, unreadable(certPath, certErr)
	case noKey:
		return nil, &Error{
			Op: "read", Path: keyPath, Advice: adviceAnew,
			Err: fmt.Errorf("the key is missing, but its certificate %s is there", certPath),
		}
	case keyErr != nil:
		return nil, unreadable(keyPath, keyErr)
	}
	if mode := keyInfo.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, &Error{
			Op: "check", Path: keyPath,
			Err:    fmt.Errorf("the CA's private key has mode %04o: others may read or change it", mode),
			Advice: "chmod 600 " + keyPath + ", or, if someone may have read it, have clients forget this CA and make a new one",
		}
	}
	keyPEM, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, unreadable(keyPath, err)
	}
	cert, err := parseCert(certPEM, now)
	if err != nil {
		return nil, &Error{Op: "check", Path: certPath, Err: err, Advice: adviceAnew}
	}
	signer, err := parseKey(keyPEM)
	if err != nil {
		return nil, &Error{Op: "check", Path: keyPath, Err: err, Advice: adviceAnew}
	}
	if !samePublicKey(cert.PublicKey, signer.Public()) {
		return nil, &Error{
			Op: "check", Path: keyPath, Advice: adviceAnew,
			Err: fmt.Errorf("it is not the key of the certificate in %s", certPath),
		}
	}
	return &CA{
		dir: dir, cert: cert, signer: signer, now: time.Now,
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
	}, nil
}

func unreadable(path string, err error) error {
	// The error of package os repeats the path, which stands in ours already.
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &Error{Op: "read", Path: path, Err: err, Advice: "make it readable for this user, or " + adviceOther}
}

// parseCert finds the one certificate in data and checks that it can be a CA's at now.
func parseCert(data []byte, now time.Time) (*x509.Certificate, error) {
	der, err := onlyBlock(data, "certificate", func(kind string) bool { return kind == "CERTIFICATE" })
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("damaged certificate: %w", err)
	}
	switch {
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return nil, fmt.Errorf("the certificate %q is not a certificate authority's", cert.Subject)
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, fmt.Errorf("the certificate %q may not sign others", cert.Subject)
	case now.After(cert.NotAfter):
		return nil, fmt.Errorf("the certificate expired on %s", cert.NotAfter.Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		return nil, fmt.Errorf("the certificate is not valid before %s, and this machine's clock says %s",
			cert.NotBefore.Format(time.DateOnly), now.Format(time.DateOnly))
	}
	if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
		if err := cert.CheckSignatureFrom(cert); err != nil {
			return nil, fmt.Errorf("damaged certificate: %w", err)
		}
	}
	return cert, nil
}

// parseKey finds the one private key in data.
func parseKey(data []byte) (crypto.Signer, error) {
	kind := ""
	der, err := onlyBlock(data, "private key", func(k string) bool {
		switch k {
		case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			kind = k
			return true
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	var key any
	switch kind {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted: expected one without a passphrase")
	}
	if err != nil {
		// The parsers' messages tell of the structure alone, never of the key.
		return nil, fmt.Errorf("damaged private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign")
	}
	return signer, nil
}

// onlyBlock is the contents of the one PEM block in data that is wanted; text and other
// blocks around it do no harm.
func onlyBlock(data []byte, what string, wanted func(kind string) bool) (der []byte, err error) {
	n := 0
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if wanted(block.Type) {
			n++
			der = block.Bytes
		}
	}
	switch {
	case n == 1:
		return der, nil
	case n > 1:
		return nil, fmt.Errorf("expected one %s, got %d", what, n)
	case len(data) == 0:
		return nil, fmt.Errorf("the file is empty: expected a PEM %s", what)
	}
	return nil, fmt.Errorf("no PEM %s in the file's %d octets", what, len(data))
}

func samePublicKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
