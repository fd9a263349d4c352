package work

// Hooks let a test stop a worker where a crash would hurt most. An error ends the
// pool at once and leaves everything as it is, as kill -9 would.
type Hooks struct {
	// Fetched is called when a page was read and nothing was done with it yet.
	Fetched func() error
	// Published is called when a page's facts are in the log and the database
	// does not know it yet.
	Published func() error
	// Committed is called when the database knows the page too.
	Committed func() error
}
