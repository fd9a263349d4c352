package erasure

import (
	"encoding/json"

	"github.com/stridelog/stridelog/events/rpc"
)

// Progress is how far an erasure is. All of it is by service.
type Progress struct {
	Rows   []string                    `json:"rows,omitempty"`   // who has deleted its rows
	Log    map[string]json.RawMessage  `json:"log,omitempty"`    // what the last turn said, for the next
	Erased map[string]map[string]int64 `json:"erased,omitempty"` // messages, by kind
	Left   map[string]int64            `json:"left,omitempty"`   // messages
}

// turned takes in what a service says after a turn. advanced says that there are fewer
// messages than before.
func (p *Progress) turned(service string, a rpc.EraseResponse) (advanced bool) {
	if p.Log == nil {
		p.Log, p.Erased, p.Left = map[string]json.RawMessage{}, map[string]map[string]int64{}, map[string]int64{}
	}
	before, known := p.Left[service]
	p.Log[service], p.Erased[service], p.Left[service] = a.Progress, a.Erased, a.Left
	return !known && a.Left > 0 || a.Left < before
}

func (p *Progress) left() (n int64) {
	for _, left := range p.Left {
		n += left
	}
	return n
}
