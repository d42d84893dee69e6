package dial

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// explainCertificate says what is wrong with a server's certificate.
func explainCertificate(host string, err *tls.CertificateVerificationError) (what, advice string) {
	var invalid x509.CertificateInvalidError
	var wrongHost x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var noRoots x509.SystemRootsError
	switch {
	case errors.As(err.Err, &invalid) && invalid.Reason == x509.Expired:
		// The reason is the same for a certificate that is not valid yet.
		cert := invalid.Cert
		if now := time.Now(); now.Before(cert.NotBefore) {
			return fmt.Sprintf("the certificate is not valid before %s", cert.NotBefore.Format(time.DateOnly)),
				fmt.Sprintf("this machine's clock says %s: is it right? %s", now.Format(time.DateOnly), adviceInsecure)
		}
		what = fmt.Sprintf("the certificate expired on %s", cert.NotAfter.Format(time.DateOnly))
		if len(err.UnverifiedCertificates) > 0 && !cert.Equal(err.UnverifiedCertificates[0]) {
			what = fmt.Sprintf("the certificate of its authority %s expired on %s", quote(subject(cert)), cert.NotAfter.Format(time.DateOnly))
		}
		return what, "the server needs a new one; " + adviceInsecure
	case errors.As(err.Err, &wrongHost):
		names := certificateNames(wrongHost.Certificate)
		if len(names) == 0 {
			return fmt.Sprintf("the certificate is for no host at all (its subject is %s)", quote(subject(wrongHost.Certificate))), adviceInsecure
		}
		return fmt.Sprintf("the certificate is for %s, not for %s", list(names), host),
			"use a name that the certificate has; " + adviceInsecure
	case errors.As(err.Err, &unknown):
		advice = "--tls-ca FILE trusts the certificates in FILE; " + adviceInsecure
		if len(err.UnverifiedCertificates) == 0 {
			return "the certificate leads to no trusted authority", advice
		}
		cert := err.UnverifiedCertificates[0]
		if bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			return fmt.Sprintf("the certificate is self-signed (%s) and not trusted", quote(subject(cert))), advice
		}
		last := err.UnverifiedCertificates[len(err.UnverifiedCertificates)-1]
		what = fmt.Sprintf("the certificate was issued by %s, which is not trusted", quote(name(last.Issuer.CommonName, last.Issuer.String())))
		if len(err.UnverifiedCertificates) == 1 {
			what += " (or the server leaves out an intermediate certificate)"
		}
		return what, advice
	case errors.As(err.Err, &noRoots):
		return "this system has no trusted roots", "install them (on Debian the package ca-certificates), or name some with --tls-ca FILE"
	}
	return "the certificate is not acceptable: " + strings.TrimPrefix(err.Err.Error(), "x509: "), adviceInsecure
}

// certificateNames is the host names and addresses that a certificate is for.
func certificateNames(cert *x509.Certificate) []string {
	var names []string
	for _, name := range cert.DNSNames {
		// An IA5String may hold control characters.
		if quoted := quote(name); quoted != `"`+name+`"` {
			name = quoted
		}
		names = append(names, name)
	}
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func subject(cert *x509.Certificate) string {
	return name(cert.Subject.CommonName, cert.Subject.String())
}

func name(common, full string) string {
	if common != "" {
		return common
	}
	return full
}

// list joins names, the first few of them.
func list(names []string) string {
	const most = 5
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most], ", "), len(names)-most)
}
