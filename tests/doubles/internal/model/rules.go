// Package model is a tiny OpenAI-compatible model that answers by rule instead of by thinking, so that a test knows
// what an assistant will be told and which tools it will be asked to call.
//
// This file decides what to answer. No I/O.
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Message is one turn of a conversation, as in POST /v1/chat/completions.
type Message struct {
	Role       string     `json:"role"`
	Content    Content    `json:"content"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

// Content is text, null, or OpenAI's list of parts, of which the text ones are joined.
type Content string

// UnmarshalJSON reads all three forms.
func (c *Content) UnmarshalJSON(raw []byte) error {
	var plain *string
	if json.Unmarshal(raw, &plain) == nil {
		if plain != nil {
			*c = Content(*plain)
		}
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return errors.New("content: expected text, null or a list of parts")
	}
	for _, part := range parts {
		*c += Content(part.Text)
	}
	return nil
}

// ToolCall asks the assistant to run a tool; Arguments is JSON text.
type ToolCall struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function Function `json:"function"`
}

// Function is the tool's name and arguments.
type Function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Answer is either text or tool calls.
type Answer struct {
	Text  string
	Calls []ToolCall
}

// Rule of a script: the first whose pattern matches the user's message decides. Script files are a JSON list of them.
type Rule struct {
	Match string `json:"match"` // regular expression; $1 … of it may be used in the fields below
	Say   string `json:"say,omitempty"`
	Call  string `json:"call,omitempty"` // a tool's name
	With  string `json:"with,omitempty"` // the tool's arguments, JSON text

	pattern *regexp.Regexp
}

// Script reads a list of rules and refuses one that cannot decide.
func Script(raw []byte) ([]Rule, error) {
	var rules []Rule
	if err := json.Unmarshal(raw, &rules); err != nil {
		return nil, fmt.Errorf("the script is no JSON list of rules: %w", err)
	}
	for i := range rules {
		pattern, err := regexp.Compile(rules[i].Match)
		if err != nil {
			return nil, fmt.Errorf("rule %d: match: %w", i, err)
		}
		if (rules[i].Say == "") == (rules[i].Call == "") {
			return nil, fmt.Errorf("rule %d: expected exactly one of say and call", i)
		}
		rules[i].pattern = pattern
	}
	return rules, nil
}

var callForm = regexp.MustCompile(`(?s)(?:^|\n)call\s+(\S+)\s+(\{.*\})\s*$`)
var sayForm = regexp.MustCompile(`(?s)(?:^|\n)say\s+(.+)$`)

// stamp is what an assistant puts before the words of its user: the time, and before that what it remembers.
var stamp = regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [^\]\n]*\] `)

func withoutStamp(text string) string {
	if found := stamp.FindAllStringIndex(text, -1); found != nil {
		return text[found[len(found)-1][1]:]
	}
	return text
}

// Decide answers a conversation: a tool's result with that result, else the script's rule, else the built-in ones
// (`say X`, `call TOOL {json}`), else a sentence that repeats the message.
func Decide(model string, rules []Rule, messages []Message) Answer {
	if len(messages) == 0 {
		return Answer{Text: "I am " + model + " and you said nothing."}
	}
	last := messages[len(messages)-1]
	if last.Role == "tool" {
		return Answer{Text: string(last.Content)}
	}
	user := ""
	for _, message := range messages {
		if message.Role == "user" {
			user = withoutStamp(string(message.Content))
		}
	}
	for _, rule := range rules {
		found := rule.pattern.FindStringSubmatchIndex(user)
		if found == nil {
			continue
		}
		expand := func(template string) string { return string(rule.pattern.ExpandString(nil, template, user, found)) }
		if rule.Say != "" {
			return Answer{Text: expand(rule.Say)}
		}
		return call(rule.Call, expand(rule.With), len(messages))
	}
	if found := callForm.FindStringSubmatch(user); found != nil && json.Valid([]byte(found[2])) {
		return call(found[1], found[2], len(messages))
	}
	if found := sayForm.FindStringSubmatch(user); found != nil {
		return Answer{Text: strings.TrimSpace(found[1])}
	}
	return Answer{Text: fmt.Sprintf("I am %s and you said: %s", model, user)}
}

func call(tool, arguments string, turn int) Answer {
	if arguments == "" {
		arguments = "{}"
	}
	return Answer{Calls: []ToolCall{{ID: fmt.Sprintf("call_%d", turn), Type: "function", Function: Function{Name: tool, Arguments: arguments}}}}
}
