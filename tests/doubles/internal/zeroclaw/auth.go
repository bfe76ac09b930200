package zeroclaw

// Bearer tokens and rate limits. No I/O.

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"time"
)

var hashForm = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// tokenSet holds the SHA-256 of every token that may come in.
type tokenSet struct{ hashes [][]byte }

// newTokenSet takes paired_tokens: 64 hex digits are a hash already, anything else is a token.
func newTokenSet(entries []string) *tokenSet {
	set := &tokenSet{}
	for _, entry := range entries {
		if hashForm.MatchString(entry) {
			set.hashes = append(set.hashes, []byte(strings.ToLower(entry)))
		} else if entry != "" {
			set.hashes = append(set.hashes, hashToken(entry))
		}
	}
	return set
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return []byte(hex.EncodeToString(sum[:]))
}

func (s *tokenSet) has(token string) bool {
	found := 0
	for _, hash := range s.hashes {
		found |= subtle.ConstantTimeCompare(hash, hashToken(token))
	}
	return token != "" && found == 1
}

// limiter counts per key over a sliding minute; a limit of 0 lets all through.
type limiter struct {
	mutex sync.Mutex
	times map[string][]time.Time
}

func (l *limiter) count(key string) int {
	minuteAgo := time.Now().Add(-time.Minute)
	kept := l.times[key]
	for len(kept) > 0 && kept[0].Before(minuteAgo) {
		kept = kept[1:]
	}
	if l.times == nil {
		l.times = map[string][]time.Time{}
	}
	l.times[key] = kept
	return len(kept)
}

func (l *limiter) allow(key string, limit int) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if limit == 0 {
		return true
	}
	if l.count(key) >= limit {
		return false
	}
	l.times[key] = append(l.times[key], time.Now())
	return true
}

// exhausted asks without counting; record counts without asking.
func (l *limiter) exhausted(key string, limit int) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.count(key) >= limit
}

func (l *limiter) record(key string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.count(key)
	l.times[key] = append(l.times[key], time.Now())
}
