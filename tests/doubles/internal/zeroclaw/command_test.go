package zeroclaw

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRefuseCommand(t *testing.T) {
	workspace := t.TempDir()
	profile := func(change func(*RiskProfile)) RiskProfile {
		p := defaultRiskProfile()
		p.AllowedCommands = []string{"git", "ls", "cat", "rm", "mkdir"}
		if change != nil {
			change(&p)
		}
		return p
	}
	full := func(p *RiskProfile) { p.Level = Full }
	cases := []struct {
		command string
		change  func(*RiskProfile)
		refused string // part of the sentence; "" runs
	}{
		{"ls -l", nil, ""},
		{"/usr/local/bin/ls", nil, ""},
		{"ls | cat && git status", nil, ""},
		{"ls 2>/dev/null", nil, ""},
		{"uname", nil, "not allowed"},
		{"ls; uname", nil, "not allowed"},
		{"ls | uname", nil, "not allowed"},
		{"ls &", nil, "not allowed"},
		{"ls > out", nil, "not allowed"},
		{"ls < in", nil, "not allowed"},
		{"ls $(uname)", nil, "not allowed"},
		{"ls `uname`", nil, "not allowed"},
		{"ls $HOME", nil, "not allowed"},
		{"A=1 ls", nil, "not allowed"},
		{"ls | tee out", nil, "not allowed"},
		{"git -c core.pager=sh log", nil, "not allowed"},
		{"", nil, "not allowed"},
		{"rm x", nil, "high-risk"},
		{"rm x", full, ""},
		{"rm x", func(p *RiskProfile) { full(p); p.AllowedCommands = []string{"*"} }, "high-risk"},
		{"rm x", func(p *RiskProfile) { full(p); p.AllowedCommands = []string{"*"}; p.BlockHighRiskCommands = false }, ""},
		{"ls $(uname)", func(p *RiskProfile) { full(p); p.AllowedCommands = []string{"*"}; p.BlockHighRiskCommands = false }, ""},
		{"mkdir x", nil, "medium-risk"},
		{"mkdir x", full, ""},
		{"git push", nil, "medium-risk"},
		{"mkdir x", func(p *RiskProfile) { p.RequireApprovalForMediumRisk = false }, ""},
		{"cat /etc/passwd", nil, "Path blocked"},
		{"cat /etc/passwd", full, "Path blocked"},
		{"cat ../../etc/passwd", nil, "Path blocked"},
		{"cat " + workspace + "/x", nil, ""},
		{"ls", func(p *RiskProfile) { p.Level = ReadOnly }, "not allowed"},
		{"ls", func(p *RiskProfile) { p.AllowedCommands = []string{} }, "not allowed"},
	}
	for _, c := range cases {
		p := profile(c.change)
		got := refuseCommand(p, workspace, c.command)
		if (c.refused == "") != (got == "") || !strings.Contains(got, c.refused) {
			t.Errorf("%q at %s with %v: got %q, expected %q", c.command, p.Level, p.AllowedCommands, got, c.refused)
		}
	}
}

func TestApprovalAndOffer(t *testing.T) {
	cases := []struct {
		change func(*RiskProfile)
		tool   string
		denied bool
	}{
		{nil, "memory_recall", false},
		{nil, "memory_store", true},
		{nil, "server__tool", true},
		{nil, "shell", false}, // left to its own rules when nobody can be asked
		{func(p *RiskProfile) { p.AlwaysAsk = []string{"shell"} }, "shell", true},
		{func(p *RiskProfile) { p.AutoApprove = []string{"*"} }, "server__tool", false},
		{func(p *RiskProfile) { p.AutoApprove = []string{"server__*"} }, "server__tool", true}, // no globs
		{func(p *RiskProfile) { p.Level = Full }, "memory_store", false},
		{func(p *RiskProfile) { p.Level = Full; p.AlwaysAsk = []string{"memory_store"} }, "memory_store", true},
		{func(p *RiskProfile) { p.Level = ReadOnly }, "memory_store", false}, // the tool itself refuses
	}
	for _, c := range cases {
		p := defaultRiskProfile()
		if c.change != nil {
			c.change(&p)
		}
		if got := approval(p, c.tool) != ""; got != c.denied {
			t.Errorf("%s at %s: denied %v, expected %v", c.tool, p.Level, got, c.denied)
		}
	}
	p := RiskProfile{AllowedTools: []string{"calculator"}, ExcludedTools: []string{"a__b"}}
	for tool, expected := range map[string]bool{"calculator": true, "shell": false, "x__y": true, "a__b": false} {
		if offered(p, tool) != expected {
			t.Errorf("offered(%s) = %v", tool, !expected)
		}
	}
	if p.DenyAllTools = true; offered(p, "calculator") {
		t.Error("deny_all_tools offers none")
	}
}

func TestPathsFollowLinks(t *testing.T) {
	workspace, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(workspace, "way-out")); err != nil {
		t.Fatal(err)
	}
	p := defaultRiskProfile()
	p.ForbiddenPaths = []string{"/etc"}
	for path, expected := range map[string]bool{"x": true, "deep/x": true, "way-out/x": false, "../x": false, "/etc/passwd": false, "/dev/null": true} {
		if got := pathAllowed(p, false, workspace, resolveIn(workspace, path)); got != expected {
			t.Errorf("%s: %v", path, got)
		}
	}
	if !pathAllowed(p, true, workspace, filepath.Join(outside, "x")) || pathAllowed(p, true, workspace, "/etc/passwd") {
		t.Error("an unrestricted workspace reaches other places, but no forbidden one")
	}
	p.AllowedRoots = []string{"/etc/alternatives"}
	if !pathAllowed(p, false, workspace, "/etc/alternatives/x") || pathAllowed(p, false, workspace, "/etc/passwd") {
		t.Error("the more specific of root and forbidden path decides")
	}
}
