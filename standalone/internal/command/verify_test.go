package command

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/system"
)

func TestTheProgressOfAVerificationReplacesItselfOnATerminalOnly(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  "\r\033[Kverifying: 5 facts, at 6 of 9, 250 facts/s\r\033[Kverifying: 9 facts, at 9 of 9, 250 facts/s\n",
		false: "verifying: 5 facts, at 6 of 9, 250 facts/s\nverifying: 9 facts, at 9 of 9, 250 facts/s\n",
	} {
		var out, errs bytes.Buffer
		l := verifyLine{p: Process{Stdout: &out, Stderr: &errs, Terminal: terminal}}
		l.progress(system.VerifyProgress{Facts: 5, Sequence: 6, Target: 9, Rate: 250})
		l.progress(system.VerifyProgress{Facts: 9, Sequence: 9, Target: 9, Rate: 250})
		l.difference(system.Difference{Where: "tables", Sequence: 3, UserID: "u", ID: "w", What: "the workout is missing"})
		l.end()
		if errs.String() != want {
			t.Errorf("terminal %v: %q, want %q", terminal, errs.String(), want)
		}
		if out.String() != "tables: sequence 3, user u, w: the workout is missing\n" {
			t.Errorf("the difference is told as %q", out.String())
		}
	}
}

func TestAVerificationFailsWithTheRepair(t *testing.T) {
	for _, c := range []struct {
		v    system.Verified
		want string
	}{
		{system.Verified{Facts: 4}, "no differences"},
		{system.Verified{Tables: 1}, "stridelog rebuild"},
		{system.Verified{Index: 1}, "stridelog rebuild"},
		{system.Verified{Damaged: 1}, "restore it from a backup"},
	} {
		var out bytes.Buffer
		err := reportVerified(Process{Stdout: &out}, c.v)
		if !strings.Contains(out.String(), c.want) || errors.Is(err, errDiffers) != (c.want != "no differences") {
			t.Errorf("%+v: %v, %q", c.v, err, out.String())
		}
		if c.v.Tables+c.v.Index == 0 && strings.Contains(out.String(), "stridelog rebuild") {
			t.Errorf("%+v: a rebuild does not repair it: %q", c.v, out.String())
		}
	}
}
