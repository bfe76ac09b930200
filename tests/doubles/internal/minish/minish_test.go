package minish

import (
	"bytes"
	"testing"
)

func TestRun(t *testing.T) {
	cases := []struct {
		command, out string
		code         int
	}{
		{"echo one 'two  three' \"four\"", "one two  three four\n", 0},
		{"echo one && echo two", "one\ntwo\n", 0},
		{"false && echo two", "", 1},
		{"false; echo two", "two\n", 0},
		{"nonsense", "", 127},
		{"cat /nonexistent", "", 1},
	}
	for _, c := range cases {
		var out, errs bytes.Buffer
		if code := Run([]string{"-c", c.command}, &out, &errs); code != c.code || out.String() != c.out {
			t.Errorf("%q: %d %q %q", c.command, code, out.String(), errs.String())
		}
	}
}
