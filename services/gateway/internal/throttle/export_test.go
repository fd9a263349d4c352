package throttle

// Known is how many addresses are known.
func (f *Failures) Known() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.known)
}
