package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/throttle"
)

func TestAnAddressWaitsAfterItsFailuresAndOthersDoNot(t *testing.T) {
	f := throttle.New(3, time.Minute, 100)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 {
		if w := f.Wait("192.0.2.1:1000", now); w != 0 {
			t.Fatalf("after %d failures it waits %v", i, w)
		}
		f.Fail(fmt.Sprintf("192.0.2.1:%d", 1000+i), now.Add(time.Duration(i)*time.Second))
	}
	if w := f.Wait("192.0.2.1:9", now.Add(20*time.Second)); w != 40*time.Second {
		t.Errorf("it waits %v", w)
	}
	for _, other := range []string{"192.0.2.2:1000", "[2001:db8::1]:1", "", "nowhere"} {
		if w := f.Wait(other, now); w != 0 {
			t.Errorf("%q waits %v", other, w)
		}
	}
	if w := f.Wait("192.0.2.1:1000", now.Add(time.Minute)); w != 0 {
		t.Errorf("after the period it waits %v", w)
	}
	f.Fail("192.0.2.1:1000", now.Add(time.Minute))
	if w := f.Wait("192.0.2.1:1000", now.Add(time.Minute)); w != 0 {
		t.Errorf("one failure of a new period makes it wait %v", w)
	}
}

func TestANetworkOfOneCustomerIsOneAddress(t *testing.T) {
	f := throttle.New(1, time.Minute, 100)
	now := time.Now()
	f.Fail("[2001:db8:1:2::1]:1", now)
	if f.Wait("[2001:db8:1:2:ffff::9]:5", now) == 0 || f.Wait("[2001:db8:1:3::1]:1", now) != 0 {
		t.Error("a /64 is not one address")
	}
	f.Fail("[::ffff:192.0.2.7]:1", now)
	if f.Wait("192.0.2.7:1", now) == 0 {
		t.Error("an IPv4 address in the form of IPv6 is another one")
	}
}

func TestMemoryIsBoundedAndWhoIsRefusedStaysRefused(t *testing.T) {
	f := throttle.New(5, time.Minute, 50)
	now := time.Now()
	for range 5 {
		f.Fail("192.0.2.1:1", now)
	}
	for i := range 5000 {
		f.Fail(fmt.Sprintf("10.%d.%d.1:1", i/250, i%250), now)
		if n := f.Known(); n > 50 {
			t.Fatalf("%d addresses are known", n)
		}
	}
	if f.Wait("192.0.2.1:1", now) == 0 {
		t.Error("it was forgotten before those who failed once")
	}
}
