// Package lint reports the findings of captures: as lines for people, as JSON Lines, or as
// SARIF for what shows the results of static analysis beside the code.
//
//	events ──► Report ──counts──► verdict
//	             │
//	             └─► Text │ JSON │ SARIF, written as findings come: nothing is kept of them
package lint
