package zeroclaw

// Which shell commands a risk profile lets through, and with what words the others are refused. No I/O.

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

type risk int

const (
	low risk = iota
	medium
	high
)

var highRisk = []string{"rm", "mkfs", "dd", "shutdown", "reboot", "halt", "poweroff", "sudo", "su", "chown", "chmod",
	"useradd", "userdel", "usermod", "passwd", "mount", "umount", "iptables", "ufw", "firewall-cmd", "curl", "wget", "nc",
	"ncat", "netcat", "scp", "ssh", "ftp", "telnet", "rmdir"}

var mediumRisk = []string{"touch", "mkdir", "mv", "cp", "ln", "rename"}

// mediumVerbs change something when they follow the program.
var mediumVerbs = map[string][]string{
	"git": {"commit", "push", "reset", "clean", "rebase", "merge", "cherry-pick", "revert", "branch", "checkout", "switch", "tag"},
	"npm": {"install", "add", "remove", "uninstall", "update", "publish"}, "cargo": {"add", "remove", "install", "clean", "publish"},
}

// refuseCommand returns the sentence the model is told, or "" when the command may run. There is no operator to ask
// on /webhook, so whatever needs approval is refused.
func refuseCommand(profile RiskProfile, workspace, command string) string {
	if !commandAllowed(profile, command) {
		return "Command not allowed by security policy: " + command
	}
	worst := low
	for _, words := range segments(command) {
		worst = max(worst, segmentRisk(words))
	}
	if worst == high {
		if profile.BlockHighRiskCommands && !explicitlyAllowed(profile, command) {
			return "Command blocked: high-risk command is disallowed by policy"
		}
		if profile.Level == Supervised {
			return "Command requires explicit approval (approved=true): high-risk operation"
		}
	}
	if worst == medium && profile.Level == Supervised && profile.RequireApprovalForMediumRisk {
		return "Command requires explicit approval (approved=true): medium-risk operation"
	}
	for _, words := range segments(command) {
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "-") || !strings.ContainsAny(word, "/~") && word != ".." {
				continue
			}
			if !pathAllowed(profile, false, workspace, resolveIn(workspace, word)) {
				return "Path blocked by security policy: " + word
			}
		}
	}
	return ""
}

func commandAllowed(profile RiskProfile, command string) bool {
	if profile.Level == ReadOnly {
		return false
	}
	if slices.Contains(profile.AllowedCommands, "*") && !profile.BlockHighRiskCommands {
		return true
	}
	if strings.ContainsAny(command, "`$") || strings.Contains(command, "<(") || strings.Contains(command, ">(") {
		return false
	}
	harmless := strings.NewReplacer("2>&1", "", "1>&2", "", "2>/dev/null", "", "1>/dev/null", "", ">/dev/null", "").Replace(command)
	if strings.ContainsAny(harmless, "<>") || strings.Contains(strings.ReplaceAll(harmless, "&&", ""), "&") {
		return false
	}
	parts := segments(harmless)
	for _, words := range parts {
		program := path.Base(words[0])
		if program == "tee" || strings.Contains(words[0], "=") || !namedIn(profile.AllowedCommands, words[0]) || !argumentsSafe(program, words[1:]) {
			return false
		}
	}
	return len(parts) > 0
}

func namedIn(allowed []string, program string) bool {
	for _, entry := range allowed {
		if entry == "*" || entry == program || !strings.Contains(entry, "/") && strings.EqualFold(entry, path.Base(program)) {
			return true
		}
	}
	return false
}

// explicitlyAllowed: every program is named, not only covered by "*".
func explicitlyAllowed(profile RiskProfile, command string) bool {
	named := slices.DeleteFunc(slices.Clone(profile.AllowedCommands), func(entry string) bool { return entry == "*" })
	for _, words := range segments(command) {
		if !namedIn(named, words[0]) {
			return false
		}
	}
	return true
}

// argumentsSafe refuses the arguments that make an allowed program start another.
func argumentsSafe(program string, arguments []string) bool {
	for _, argument := range arguments {
		switch program {
		case "find":
			if slices.Contains([]string{"-exec", "-execdir", "-ok", "-okdir"}, argument) {
				return false
			}
		case "git":
			if strings.HasPrefix(argument, "-c") || strings.HasPrefix(argument, "--config-env") ||
				strings.HasPrefix(argument, "--exec-path") || argument == "config" || argument == "alias" {
				return false
			}
		case "python", "python3":
			if strings.HasPrefix(argument, "-c") || strings.HasPrefix(argument, "-m") {
				return false
			}
		case "node":
			if strings.HasPrefix(argument, "-e") || strings.HasPrefix(argument, "-p") || strings.HasPrefix(argument, "--eval") {
				return false
			}
		case "env":
			return false
		}
	}
	return true
}

func segmentRisk(words []string) risk {
	program := path.Base(words[0])
	switch {
	case slices.Contains(highRisk, program):
		return high
	case slices.Contains(mediumRisk, program):
		return medium
	case len(words) > 1 && slices.Contains(mediumVerbs[program], words[1]):
		return medium
	}
	return low
}

// segments splits at shell operators outside quotes and each part at spaces; empty parts are left out.
func segments(command string) (parts [][]string) {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	endWord := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	endPart := func() {
		endWord()
		if len(words) > 0 {
			parts = append(parts, words)
		}
		words = nil
	}
	for _, r := range command {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == '|' || r == ';' || r == '&' || r == '\n':
			endPart()
		case r == ' ' || r == '\t':
			endWord()
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	endPart()
	return parts
}

// approval returns the sentence of a denial, or "" when the tool may be called without asking. On /webhook nobody
// can be asked; `shell` is left to its own rules above unless it is listed in always_ask.
func approval(profile RiskProfile, tool string) string {
	listed := func(list []string) bool { return slices.Contains(list, "*") || slices.Contains(list, tool) }
	if profile.Level == ReadOnly || !listed(profile.AlwaysAsk) && (profile.Level == Full || tool == "shell" || listed(profile.AutoApprove)) {
		return ""
	}
	return fmt.Sprintf("Tool call not executed: '%s' requires approval and no operator decision was available, so the "+
		"runtime denied it by policy. This was not a user's decision.", tool)
}

// offered says whether the model is told of a tool at all.
func offered(profile RiskProfile, tool string) bool {
	if profile.DenyAllTools || slices.Contains(profile.ExcludedTools, tool) {
		return false
	}
	return len(profile.AllowedTools) == 0 || slices.Contains(profile.AllowedTools, tool) || strings.Contains(tool, "__")
}
