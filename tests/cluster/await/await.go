// Package await polls in tests, and never sleeps for a fixed time.
package await

import (
	"testing"
	"time"
)

const turn = 100 * time.Millisecond

// Success fails the test where check complains for limit, with its last complaint.
func Success(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for err := check(); err != nil; err = check() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", limit, err)
		}
		time.Sleep(turn)
	}
}

// Lasting fails the test where there is no span without complaints within limit, for what comes by
// and by.
func Lasting(t testing.TB, limit, span time.Duration, check func() error) {
	t.Helper()
	begin, good := time.Now(), time.Now()
	for time.Since(good) < span {
		if err := check(); err != nil {
			good = time.Now()
			if time.Since(begin) > limit {
				t.Fatalf("after %s: %v", limit, err)
			}
		}
		time.Sleep(turn)
	}
}

// Throughout fails the test as soon as check complains within span.
func Throughout(t testing.TB, span time.Duration, check func() error) {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < span {
		if err := check(); err != nil {
			t.Fatalf("%.1f s after the begin: %v", time.Since(begin).Seconds(), err)
		}
		time.Sleep(turn)
	}
}
