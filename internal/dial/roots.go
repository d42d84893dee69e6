package dial

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// LoadRoots reads the certificates in a PEM file, for [Config.Roots] (--tls-ca FILE). A
// server's own self-signed certificate will do. Errors are of type *[UsageError].
func LoadRoots(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err // the path stands in our message
		}
		return nil, &UsageError{
			What: fmt.Sprintf("cannot read the certificates in %s: %v", file, err), Err: err,
			Advice: "--tls-ca takes a PEM file with the certificates to trust",
		}
	}
	pool := x509.NewCertPool()
	count, keys := 0, false
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			keys = keys || strings.HasSuffix(block.Type, "PRIVATE KEY")
			continue
		}
		count++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &UsageError{
				What: fmt.Sprintf("%s: certificate %d is damaged: %v", file, count, err), Err: err,
				Advice: "get the file anew, or take that certificate out of it",
			}
		}
		pool.AddCert(cert)
	}
	if count > 0 {
		return pool, nil
	}
	e := &UsageError{
		What:   fmt.Sprintf("%s: no PEM certificate in its %d octets", file, len(data)),
		Advice: "--tls-ca takes a PEM file with the certificates to trust",
	}
	if _, err := x509.ParseCertificate(data); err == nil {
		e.What = file + ": a DER certificate, where PEM was expected"
		e.Advice = "convert it: openssl x509 -inform der -in " + file + " -out ca.pem"
	} else if keys {
		e.What = file + ": a private key, where certificates were expected"
	}
	return nil, e
}
