// Package trace makes request traces for the load generator.
package trace

import (
	"fmt"
	"strings"
	"time"
)

// Even is a second of requests of so many tokens each that come evenly; the generator repeats it.
func Even(perSecond, prompt, generation int) string {
	var text strings.Builder
	text.WriteString("TIMESTAMP,ContextTokens,GeneratedTokens\n")
	begin := time.Date(2023, 11, 16, 18, 0, 0, 0, time.UTC)
	for i := range perSecond {
		at := begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		fmt.Fprintf(&text, "%s,%d,%d\n", at.Format("2006-01-02 15:04:05.0000000"), prompt, generation)
	}
	return text.String()
}
