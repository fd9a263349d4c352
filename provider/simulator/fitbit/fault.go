package fitbit

import "github.com/stridelog/stridelog/provider/simulator/fault"

// Call is a request as the fault hook sees it. Its form is parsed.
type Call = fault.Call

// Fault is what goes wrong with one request. The zero Fault changes nothing.
type Fault = fault.Fault

// SetFault replaces the fault hook. A nil hook, or a hook that gives nil, lets
// everything go well. The hook is called concurrently, and may not call SetFault.
func (c *Cloud) SetFault(hook func(*Call) *Fault) { c.gate.SetHook(hook) }
