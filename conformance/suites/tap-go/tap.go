// Package tap writes results in the Test Anything Protocol. It has the calls that opencontainers/runtime-tools makes of the
// library with this import path, which Debian does not package.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T is a test program: how many checks it has made, and where it says so.
type T struct {
	next   int
	Writer io.Writer
}

// New begins a test program that writes to the standard output.
func New() *T {
	return &T{next: 1, Writer: os.Stdout}
}

// Header announces the version, and the plan when it is known beforehand.
func (t *T) Header(count int) {
	fmt.Fprintln(t.Writer, "TAP version 13")
	if count > 0 {
		fmt.Fprintf(t.Writer, "1..%d\n", count)
	}
}

// Ok is one check.
func (t *T) Ok(passed bool, description string) {
	word := "ok"
	if !passed {
		word = "not ok"
	}
	fmt.Fprintf(t.Writer, "%s %d - %s\n", word, t.next, description)
	t.next++
}

// Pass is a check that holds.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail is a check that does not hold.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Todo makes checks that are not expected to hold yet.
func (t *T) Todo() *Todo { return &Todo{t} }

// Todo is a test program whose checks may fail.
type Todo struct{ t *T }

// Ok is one check.
func (todo *Todo) Ok(passed bool, description string) { todo.t.Ok(passed, description+" # TODO") }

// Fail is a check that does not hold.
func (todo *Todo) Fail(description string) { todo.Ok(false, description) }

// Skip stands for checks that are not made.
func (t *T) Skip(count int, reason string) {
	for i := 0; i < count; i++ {
		fmt.Fprintf(t.Writer, "ok %d # SKIP %s\n", t.next, reason)
		t.next++
	}
}

// AutoPlan is the plan at the end.
func (t *T) AutoPlan() { fmt.Fprintf(t.Writer, "1..%d\n", t.next-1) }

// Diagnostic is a remark.
func (t *T) Diagnostic(text string) {
	fmt.Fprintf(t.Writer, "# %s\n", strings.ReplaceAll(text, "\n", "\n# "))
}

// Diagnosticf is a remark made of parts.
func (t *T) Diagnosticf(format string, parts ...interface{}) { t.Diagnostic(fmt.Sprintf(format, parts...)) }

// YAML is details of the last check. JSON is YAML too.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Writer, "  ---\n  %s\n  ...\n", text)
	return nil
}
