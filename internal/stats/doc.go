// Package stats counts what the commands of sessions cost: latency, octets, round trips.
//
//	events ──► Collector ──► Connection (each, and in total) ──► Command (by name)
//	                                                               └─ Histogram of latencies
//
// A command is measured by the events that belong to it: its lines and literals to the
// server, and what the decoder attributes to it of the server's. Memory does not grow with the
// number of commands: latencies go into histograms whose classes are less than 1 % wide.
package stats
