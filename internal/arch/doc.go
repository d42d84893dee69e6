// Package arch holds the tests that keep the rooms of this module apart: which package
// may know which other, and what the protocol code may not touch.
package arch
