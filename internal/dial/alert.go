package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// The names in the IANA registry "TLS Alerts".
var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
	22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
	41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
	44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
	47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
	51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback",
	90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
	110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 114: "bad_certificate_hash_value",
	115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
	121: "ech_required",
}

// AlertName is the registered name of a TLS alert, such as "unknown_ca" for 48.
func AlertName(code uint8) string {
	if name, ok := alertNames[code]; ok {
		return name
	}
	return fmt.Sprintf("alert %d", code)
}

// PeerAlert is the alert in err that the peer of a [tls.Conn] sent, if it holds one.
func PeerAlert(err error) (code uint8, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	// crypto/tls wraps a type of its own, which it does not export; tls.AlertError, which it
	// does, has the same texts.
	text := op.Err.Error()
	for n := range 256 {
		if tls.AlertError(n).Error() == text {
			return uint8(n), true
		}
	}
	return 0, false
}

// alertAdvice is what a server's alert means for the user.
func alertAdvice(code uint8) (what, advice string) {
	switch code {
	case 40, 71: // handshake_failure, insufficient_security
		return "the server finds no cipher or key exchange in common",
			"an old server may need GODEBUG=tlsrsakex=1,tls3des=1,tlssha1=1 in the environment"
	case 70: // protocol_version
		return "the server speaks no TLS version that mailtrace does (TLS 1.2 or later)",
			"the server's TLS is out of date and has to be updated"
	case 112: // unrecognized_name
		return "the server does not know this host name",
			"use the name that the server's certificate has"
	case 42, 43, 44, 45, 46, 48, 49, 116:
		return "the server asks for a client certificate", "mailtrace has none to show; a server that takes passwords is needed"
	case 80:
		return "the server has an internal error", "its log says more"
	}
	return "the server broke off the handshake", "the server's log may say more"
}
