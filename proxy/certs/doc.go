// Package certs keeps mailtrace's certificate authority (CA) and mints the leaf
// certificates that the proxy shows to mail clients.
//
// # The CA on disk
//
// A directory holds two files, both PEM:
//
//	ca-key.pem  0600  the private key, PKCS #8
//	ca.pem      0644  the certificate, the file that clients import
//
// The certificate is public by nature and must be readable by whatever client is told to
// trust it, so it is 0644; a directory that Load makes is 0700 and shuts others out anyway.
// A directory that was there before keeps its mode.
//
//	        ┌── both there ────────► read, check, use
//	Load ───┼── neither ───────────► make: temp cert, key by O_EXCL, rename cert ─► read
//	        └── one of two ────────► young key alone: another process is making it, wait
//	                                 else: an error
//
// Creation is decided by the key file: it is created exclusively, so of two processes that
// start at once one wins, and the other loads the winner's. The certificate is renamed into
// place last, so nobody who finds it can find half a key beside it. A creation that fails
// takes its files away again.
//
// Nothing that was found is ever replaced or repaired: clients trust this very certificate,
// and a new one would make every one of them fail in a way that is hard to understand. So a
// file that is missing, damaged, expired, no CA or not the other's counterpart is an [Error]
// that names it and says how to go on. A key that others may read is an error too, not
// something to be set right in passing: it may have been read already, and whoever holds it can
// impersonate any server to the clients that trust the CA. The user decides (on Windows
// the mode says nothing and is not looked at).
//
// A CA from elsewhere (an organisation's, mkcert's) is welcome under these names as long as
// it is a valid one; RSA and Ed25519 keys sign as well.
//
// # Leaves
//
// [CA.Leaf] mints one P-256 certificate per set of names and keeps the last few hundred. The
// key of the set does not depend on the order of the names; concurrent askers for the same
// set wait for one minting.
package certs
