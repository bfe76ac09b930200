// Package minish is the `sh` of an image without one: `sh -c COMMAND` for the few plain commands tests use. It knows
// words, quotes, && and ;, and nothing else of a shell. I/O: files, standard output.
package minish

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Run is sh's main: the arguments after the name, and the exit code.
func Run(arguments []string, stdout, stderr io.Writer) int {
	if len(arguments) != 2 || arguments[0] != "-c" {
		fmt.Fprintln(stderr, "sh: this stand-in only takes -c COMMAND")
		return 2
	}
	code := 0
	for _, line := range strings.Split(arguments[1], ";") {
		for _, part := range strings.Split(line, "&&") {
			words := words(part)
			if len(words) == 0 {
				continue
			}
			if code = command(words, stdout, stderr); code != 0 {
				break
			}
		}
	}
	return code
}

func command(words []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "%s: %v\n", words[0], err)
		return 1
	}
	switch filepath.Base(words[0]) {
	case "echo":
		fmt.Fprintln(stdout, strings.Join(words[1:], " "))
	case "true":
	case "false":
		return 1
	case "pwd":
		dir, err := os.Getwd()
		if err != nil {
			return fail(err)
		}
		fmt.Fprintln(stdout, dir)
	case "env":
		environ := os.Environ()
		sort.Strings(environ)
		fmt.Fprintln(stdout, strings.Join(environ, "\n"))
	case "ls":
		for _, dir := range append(words[1:], ".")[:max(1, len(words)-1)] {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return fail(err)
			}
			for _, entry := range entries {
				fmt.Fprintln(stdout, entry.Name())
			}
		}
	case "cat":
		for _, path := range words[1:] {
			content, err := os.ReadFile(path)
			if err != nil {
				return fail(err)
			}
			_, _ = stdout.Write(content)
		}
	default:
		fmt.Fprintf(stderr, "sh: %s: not found\n", words[0])
		return 127
	}
	return 0
}

func words(part string) (found []string) {
	var word strings.Builder
	quote, in := rune(0), false
	for _, r := range part {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				found = append(found, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		found = append(found, word.String())
	}
	return found
}
