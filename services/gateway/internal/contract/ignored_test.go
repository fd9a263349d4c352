package contract_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
)

// What does nothing is named in the words of its route, and is the whole list of it.
func TestIgnoredParametersAreAClosedTable(t *testing.T) {
	routes, err := contract.Load(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	var with []string
	for route, o := range routes {
		if len(o.Operation.Ignored) == 0 {
			continue
		}
		with = append(with, route)
		for _, i := range o.Operation.Ignored {
			if !strings.Contains(o.Description, i.Name) {
				t.Errorf("%s: its description does not name %s", route, i.Name)
			}
		}
	}
	if want := []string{"POST /api/v1/providers/:provider/users/:user_id/sync"}; !slices.Equal(with, want) {
		t.Errorf("parameters are ignored by %v, want %v", with, want)
	}
	o := routes[with[0]]
	if faults := o.CheckQuery("async=true&async=&data_type=%00"); len(faults) > 0 {
		t.Errorf("what is ignored is refused: %v", faults)
	}
	if got := o.Ignored("zones=1&async=true&start_date=2026-09-01"); !slices.Equal(got, []string{"async", "zones"}) {
		t.Errorf("ignored are %v", got)
	}
	if got := o.Ignored("%zz"); got != nil {
		t.Errorf("a query that cannot be read ignores %v", got)
	}
}

func TestAnIgnoredParameterMustSayWhatHappens(t *testing.T) {
	text := string(api.Document())
	for name, change := range map[string][2]string{
		"no words":       {`"happens": "No samples are read."`, `"happens": ""`},
		"a parameter":    {`"name": "samples"`, `"name": "since"`},
		"without a name": {`"name": "samples"`, `"name": ""`},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if broken == text {
			t.Errorf("%s: the control changed nothing", name)
		} else if _, err := contract.Load([]byte(broken)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
