package zeroclaw

// The memory tools over one JSON-lines file, and the hourly budget of actions. I/O: that file.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// memoryEntry is one line of the memory file.
type memoryEntry struct {
	Key     string `json:"key"`
	Content string `json:"content"`
}

func (b *toolbox) memoryStore(_ context.Context, arguments map[string]any) (string, error) {
	key, err := parameter(arguments, "key")
	if err != nil {
		return "", err
	}
	content, err := parameter(arguments, "content")
	if err != nil {
		return "", err
	}
	if b.profile.Level == ReadOnly {
		return "", errors.New("Action blocked: autonomy is read-only")
	}
	line, err := json.Marshal(memoryEntry{key, content})
	if err != nil {
		return "", err
	}
	b.memory.Lock()
	defer b.memory.Unlock()
	file, err := os.OpenFile(b.memoryFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer file.Close()
	_, err = file.Write(append(line, '\n'))
	return "Stored memory: " + key, err
}

func (b *toolbox) memoryRecall(_ context.Context, arguments map[string]any) (string, error) {
	query, _ := arguments["query"].(string)
	b.memory.Lock()
	content, err := os.ReadFile(b.memoryFile)
	b.memory.Unlock()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	var found []string
	for line := range strings.Lines(string(content)) {
		var entry memoryEntry
		if json.Unmarshal([]byte(line), &entry) != nil {
			continue
		}
		if query == "" || query == "*" || strings.Contains(strings.ToLower(entry.Key+" "+entry.Content), strings.ToLower(query)) {
			found = append(found, fmt.Sprintf("- [%s] %s", entry.Key, entry.Content))
		}
	}
	if len(found) == 0 {
		return "No memories found.", nil
	}
	return fmt.Sprintf("Found %d memories:\n%s", len(found), strings.Join(found, "\n")), nil
}

// budget counts actions in a sliding hour. A limit of 0 lets none through.
type budget struct {
	mutex sync.Mutex
	taken []time.Time
}

func (b *budget) take(limit int) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	hourAgo := time.Now().Add(-time.Hour)
	for len(b.taken) > 0 && b.taken[0].Before(hourAgo) {
		b.taken = b.taken[1:]
	}
	if len(b.taken) >= limit {
		return false
	}
	b.taken = append(b.taken, time.Now())
	return true
}
