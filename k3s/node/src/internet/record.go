package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

// record is a file of JSON lines. Every line is written at once, so that a
// reader sees what happened up to now.
type record struct {
	mu sync.Mutex
	f  *os.File
}

func newRecord(path string) (*record, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return &record{f: f}, err
}

func (r *record) add(v any) {
	b, err := json.Marshal(v)
	check(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = r.f.Write(append(b, '\n'))
	check(err)
}

func (r *record) truncate() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.f.Truncate(0)
}

// now is how every record gives the time: RFC 3339, UTC, microseconds.
func now() string { return stamp(time.Now()) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
