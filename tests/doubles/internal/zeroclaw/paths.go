package zeroclaw

// Which paths an agent's tools may reach. Reads the file system only to follow links.

import (
	"os"
	"path/filepath"
	"strings"
)

// resolveIn makes a path absolute: relative to the workspace, "~" to HOME.
func resolveIn(workspace, path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		return filepath.Join(os.Getenv("HOME"), rest)
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(workspace, path)
}

// pathAllowed decides for an absolute path whose links have been followed as far as it exists.
func pathAllowed(profile RiskProfile, unrestricted bool, workspace, path string) bool {
	path = followed(path)
	if path == "/dev/null" || within(followed(workspace), path) {
		return true
	}
	deepestAllowed, deepestForbidden := -1, -1
	for _, root := range profile.AllowedRoots {
		if root = followed(resolveIn(workspace, root)); within(root, path) {
			deepestAllowed = max(deepestAllowed, strings.Count(root, "/"))
		}
	}
	for _, root := range profile.ForbiddenPaths {
		if root = resolveIn(workspace, root); within(root, path) {
			deepestForbidden = max(deepestForbidden, strings.Count(root, "/"))
		}
	}
	if deepestAllowed >= 0 || deepestForbidden >= 0 {
		return deepestAllowed > deepestForbidden // the more specific rule wins, a tie denies
	}
	// `full` turns workspace_only off.
	return unrestricted || !profile.WorkspaceOnly || profile.Level == Full
}

func within(root, path string) bool {
	return path == root || strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/")
}

// followed resolves links of the longest part that exists.
func followed(path string) string {
	rest := ""
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		if resolved, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(resolved, rest)
		}
		if at == "/" || at == "." {
			return filepath.Clean(path)
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}
