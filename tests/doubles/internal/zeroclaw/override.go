package zeroclaw

// ZEROCLAW_a__b=value: settings from the environment. The grammar is ZeroClaw's: only names whose tail is lower
// case, one that leads nowhere ends the process, a place in a map makes the entry, lists are JSON. No I/O.

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const overridePrefix = "ZEROCLAW_"

var (
	overrideTail = regexp.MustCompile(`^[a-z0-9_]+$`)
	aliasForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9_]{0,61}[a-z0-9])?$`)
)

// applyOverrides writes every override of the environment into the tree.
func applyOverrides(tree map[string]any, environ []string) error {
	sorted := append([]string(nil), environ...)
	sort.Strings(sorted)
	for _, entry := range sorted {
		name, value, _ := strings.Cut(entry, "=")
		tail, ok := strings.CutPrefix(name, overridePrefix)
		if !ok || !overrideTail.MatchString(tail) {
			continue // upper case: not ours, and ZeroClaw ignores it too
		}
		if tail == "schema_version" {
			return fmt.Errorf("%s: this field is not overridable via env vars", name)
		}
		if err := override(tree, reflect.TypeFor[Document](), strings.Split(tail, "__"), value); err != nil {
			return fmt.Errorf("%s did not resolve to a schema path: %w", name, err)
		}
	}
	return nil
}

func override(at map[string]any, schema reflect.Type, path []string, value string) error {
	step, rest := path[0], path[1:]
	var next reflect.Type
	switch schema.Kind() {
	case reflect.Struct:
		for i := range schema.NumField() {
			if schema.Field(i).Tag.Get("toml") == step {
				next = schema.Field(i).Type
			}
		}
		if next == nil {
			return fmt.Errorf("no schema field has env-form `%s`", step)
		}
	case reflect.Map:
		next = schema.Elem()
		if composite(next) && !aliasForm.MatchString(step) {
			return fmt.Errorf("invalid alias `%s`", step)
		}
	default:
		return fmt.Errorf("`%s` is below a plain value", step)
	}
	for next.Kind() == reflect.Pointer {
		next = next.Elem()
	}
	if len(rest) == 0 {
		leaf, err := parseLeaf(next, value)
		if err != nil {
			return err
		}
		at[step] = leaf
		return nil
	}
	if next.Kind() == reflect.Slice && next.Elem().Kind() == reflect.Struct {
		return overrideNamed(at, step, next.Elem(), rest, value)
	}
	below, ok := at[step].(map[string]any)
	if !ok {
		if _, taken := at[step]; taken {
			return fmt.Errorf("`%s` is not a table", step)
		}
		below = map[string]any{}
		at[step] = below
	}
	return override(below, next, rest, value)
}

// overrideNamed goes into an array of tables by the table's name, making it when there is none.
func overrideNamed(at map[string]any, key string, schema reflect.Type, path []string, value string) error {
	name := path[0]
	if !aliasForm.MatchString(name) || len(path) < 2 {
		return fmt.Errorf("`%s` needs a name and a field", key)
	}
	entries, _ := at[key].([]map[string]any)
	for _, entry := range entries {
		if entry["name"] == name {
			return override(entry, schema, path[1:], value)
		}
	}
	entry := map[string]any{"name": name}
	at[key] = append(entries, entry)
	return override(entry, schema, path[1:], value)
}

func composite(t reflect.Type) bool { return t.Kind() == reflect.Struct || t.Kind() == reflect.Map }

func parseLeaf(kind reflect.Type, value string) (any, error) {
	switch kind.Kind() {
	case reflect.String:
		return value, nil
	case reflect.Bool:
		return strconv.ParseBool(value)
	case reflect.Int, reflect.Uint16:
		return strconv.ParseInt(value, 10, 64)
	case reflect.Float64:
		return strconv.ParseFloat(value, 64)
	case reflect.Slice:
		var list []any
		if err := json.Unmarshal([]byte(value), &list); err != nil {
			return nil, fmt.Errorf("expected a JSON list: %w", err)
		}
		return list, nil
	case reflect.Interface: // a table the stand-in keeps as it finds it: guess as TOML would
		if b, err := strconv.ParseBool(value); err == nil {
			return b, nil
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n, nil
		}
		return value, nil
	}
	return nil, fmt.Errorf("a whole table cannot be set from the environment")
}
