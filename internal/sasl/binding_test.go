package sasl

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// connected gives both ends' view of a TLS connection.
func connected(t *testing.T, version uint16) (client, server tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	s := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12})
	defer near.Close()
	defer far.Close()
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	// The server's last octets of TLS 1.3 wait for a reader.
	go func() { _, _ = c.Read(make([]byte, 1)) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), s.ConnectionState()
}

// Both ends of a TLS connection come to the same data, ends of two connections do not.
func TestBinding(t *testing.T) {
	client, server := connected(t, tls.VersionTLS13)
	kind, data, err := binding(&client)
	if err != nil || kind != "tls-exporter" || len(data) != 32 {
		t.Fatal(kind, data, err)
	}
	if _, same, _ := binding(&server); !bytes.Equal(data, same) {
		t.Error("the server comes to other data")
	}
	other, _ := connected(t, tls.VersionTLS13)
	if _, another, _ := binding(&other); bytes.Equal(data, another) {
		t.Error("two connections have the same data")
	}
	client, _ = connected(t, tls.VersionTLS12)
	kind, data, err = binding(&client)
	if want := sha256.Sum256(client.PeerCertificates[0].Raw); err != nil || kind != "tls-server-end-point" || !bytes.Equal(data, want[:]) {
		t.Error(kind, data, err)
	}
	if _, _, err := binding(nil); err == nil {
		t.Error("bound without TLS")
	}
}

// The flag of the GS2 header says whether the channel is bound, could be, or cannot (RFC 5802 §6).
func TestGS2Flag(t *testing.T) {
	state, _ := connected(t, tls.VersionTLS13)
	for _, x := range []struct {
		name, offered string
		tls           *tls.ConnectionState
		header        string
	}{
		{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", &state, "p=tls-exporter,,"},
		{"SCRAM-SHA-256", "SCRAM-SHA-256", &state, "y,,"},
		{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", &state, "n,,"}, // asked for by name
		{"SCRAM-SHA-256", "SCRAM-SHA-256", nil, "n,,"},
	} {
		m, err := New(x.name, strings.Fields(x.offered), Credentials{User: "u", Password: "p", TLS: x.tls})
		if err != nil {
			t.Fatal(err)
		}
		if _, first, _ := m.Start(); !strings.HasPrefix(string(first), x.header+"n=u,r=") {
			t.Errorf("%s of %s: %s", x.name, x.offered, first)
		}
	}
	c := Credentials{User: "u", Password: "p", TLS: &state}
	if name, err := Choose([]string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN"}, "", c, false); name != "SCRAM-SHA-256-PLUS" {
		t.Error(name, err)
	}
	if _, err := New("SCRAM-SHA-1-PLUS", nil, Credentials{}); err == nil {
		t.Error("bound without TLS")
	}
}
