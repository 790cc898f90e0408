package oracle

import (
	"bufio"
	"encoding/json"
	"io"
)

// Recording is written a line each: its head, then its situations.
type Recording struct {
	Origin     string   `json:"origin"`
	Seed       uint64   `json:"seed"`
	Selector   string   `json:"selector"` // as messages print it
	Texts      []string `json:"texts"`
	situations []*Situation
}

// texts knows each condition and event by its place: a thousand situations say the same few things.
type texts struct {
	places map[string]int
	list   []string
}

func newTexts() *texts {
	texts := &texts{places: map[string]int{}}
	texts.place("")
	return texts
}

func (t *texts) place(text string) int {
	place, known := t.places[text]
	if !known {
		place = len(t.list)
		t.places[text] = place
		t.list = append(t.list, text)
	}
	return place
}

func (r *Recording) write(to io.Writer) error {
	buffer := bufio.NewWriter(to)
	lines := json.NewEncoder(buffer)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(r); err != nil {
		return err
	}
	for _, situation := range r.situations {
		if err := lines.Encode(situation); err != nil {
			return err
		}
	}
	return buffer.Flush()
}
