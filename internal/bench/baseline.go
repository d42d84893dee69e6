package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// baseline is the bare copy: it accepts TLS, dials TLS and copies.
func baseline(upstream, certFile, keyFile, rootFile, plaintext string) error {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(rootFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	var out io.Writer = io.Discard
	if plaintext != "" {
		f, err := os.OpenFile(plaintext, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "listening on imaps://%s\n", l.Addr())
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	client := &tls.Config{ServerName: "localhost", RootCAs: roots}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			raw, err := net.Dial("tcp", upstream)
			if err != nil {
				return
			}
			defer raw.Close()
			up, down := tls.Client(raw, client), tls.Server(c, server)
			if up.Handshake() != nil || down.Handshake() != nil {
				return
			}
			var both sync.WaitGroup
			both.Go(func() { copyTo(up, down, out, plaintext != "") })
			both.Go(func() { copyTo(down, up, out, plaintext != "") })
			both.Wait()
		}()
	}
}

func copyTo(dst, src *tls.Conn, out io.Writer, write bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if write {
			if _, err := out.Write(buf[:n]); err != nil {
				return
			}
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			dst.CloseWrite()
			return
		}
	}
}
