// Package nss makes Thunderbird trust a certificate authority, and stop trusting it.
//
//	Profiles(home) ──► directories with a certificate store of NSS (cert9.db)
//	                        │
//	Find() ──► Tool ── Trust, Untrust ──► certutil -d sql:DIR
//
// Thunderbird asks neither the system's store nor a file: each profile has a store of its own,
// which Mozilla's library NSS keeps. The program certutil, which comes with NSS, writes there;
// mailtrace does not touch the file itself. NSS locks it, so a Thunderbird that runs is not
// disturbed, but reads it only when it starts.
package nss
