package e2e

import "github.com/stridelog/stridelog/provider/simulator/fault"

// script is what a cell does to the requests of its account.
type script struct {
	*cell
	lists, gets, tokens int
	over                bool // the lists of the operation are
	lie                 func([]byte) []byte
	atToken             func() *fault.Fault
}

func (c *cell) script() func(*fault.Call) *fault.Fault {
	s := &script{cell: c, atToken: c.row.token}
	if c.row.lie != nil {
		s.lie = c.row.lie()
	}
	if c.op == opRefresh && c.row.list != nil {
		s.atToken = c.row.list
	}
	return s.fault
}

func (s *script) fault(call *fault.Call) *fault.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.w.side.endpoint(call) {
	case endpointToken:
		s.tokens++
		return s.hit(s.tokens, s.atToken)
	case endpointGet:
		s.gets++
		return s.hit(s.gets, s.row.get)
	case endpointList:
		if !s.over && s.mine(call) {
			return s.listed(s.w.side.firstPage(call))
		}
	}
	return nil
}

// mine says whether a list request belongs to the operation under fault. The second
// page of a scan can look like a manual sync, so one must have been asked for.
func (s *script) mine(call *fault.Call) bool {
	if s.op != opManual && (s.op != opRefresh || s.row.lie != nil || s.row.change != nil) {
		return true
	}
	return s.asking && s.w.side.asked(call)
}

// hit strikes the first and the third request, or the first alone.
func (s *script) hit(n int, with func() *fault.Fault) *fault.Fault {
	if with == nil || n != 1 && (n != 3 || s.row.once) {
		return nil
	}
	s.struck++
	return with()
}

func (s *script) listed(first bool) *fault.Fault {
	switch {
	case s.lie != nil:
		return s.lied(first)
	case s.row.change != nil:
		return s.changed(first)
	case s.row.later && first:
		return nil
	}
	s.lists++
	if s.atToken != nil || s.row.quota && s.op == opRefresh {
		if s.lists == 1 {
			return s.w.side.expired()
		}
		return nil
	}
	return s.hit(s.lists, s.row.list)
}

// lied rewrites the pages of one reading; of a refresh, those around it.
func (s *script) lied(first bool) *fault.Fault {
	s.lists++
	if s.op == opRefresh && s.lists == 2 {
		return s.w.side.expired()
	}
	s.over = s.lists > 1 && first && s.op != opRefresh
	if s.over || s.lists > 4 {
		return nil
	}
	s.struck++
	return &fault.Fault{Rewrite: s.lie}
}

// changed lets the change happen while the first or the second page is asked for.
// What strikes the checks by id has struck only with them.
func (s *script) changed(first bool) *fault.Fault {
	if first != s.row.first {
		return nil
	}
	s.over = true
	if s.row.get == nil {
		s.struck = 1
	}
	s.err = s.row.change(s.cell)
	if s.op == opRefresh {
		return s.w.side.expired()
	}
	return nil
}
