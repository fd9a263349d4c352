package e2e

import (
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// TestASyncRightAfterAChangeOfAccountsIsRead: the request of a sync and the news of the
// new connection travel on streams of their own, and either may be first.
func TestASyncRightAfterAChangeOfAccountsIsRead(t *testing.T) {
	const changes = 6
	w := newWorld(t)
	in := w.start(t)
	ctx := deadline(t)
	user, err := in.Client.EnsureUser(ctx, "somebody with two accounts")
	if err != nil {
		t.Fatal(err)
	}
	for i := range changes {
		back, err := in.Client.ConnectAt(ctx, user.ID, "fitbit", appURL, fitbit.Decision{AccountID: w.people[i%2].AccountID()})
		if err != nil || back.Query().Get("status") != "active" {
			t.Fatalf("consent %d came back to %v: %v", i, back, err)
		}
		id, err := in.Client.Historical(ctx, user.ID, "fitbit", 2)
		if err != nil {
			t.Fatalf("a sync right after consent %d: %v", i, err)
		}
		if sync, err := in.Client.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" {
			t.Errorf("a sync right after consent %d ended %+v, %v", i, sync, err)
		}
	}
}
