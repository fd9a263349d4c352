package providertest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

// Run checks a connector. It calls newHarness for each of its tests.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"Description":                 testDescription,
		"AuthorizeURL":                testAuthorizeURL,
		"Exchange":                    testExchange,
		"ExchangeOfAWrongVerifier":    testWrongVerifier,
		"ExchangeOfSomeScopes":        testSomeScopes,
		"ExchangeForNoAccount":        testNotLinked,
		"Refresh":                     testRefresh,
		"Revoke":                      testRevoke,
		"TokenFaults":                 testTokenFaults,
		"PagesHoldTheWholeWindow":     testPages,
		"WindowsAreComplete":          testEdges,
		"EmptyWindow":                 testEmptyWindow,
		"ListFaults":                  testListFaults,
		"ForeignCursor":               testForeignCursor,
		"CanceledContext":             testCanceled,
		"Sources":                     testSources,
		"GetByID":                     testGet,
		"GetFaults":                   testGetFaults,
		"HashIsStable":                testHash,
		"HashOfTheSameRecord":         testVariants,
		"UnknownMembersSurvive":       testUnknownMembers,
		"Normalize":                   testNormalize,
		"NormalizerRefusesWhatIsNone": testNormalizeGarbage,
	} {
		t.Run(name, func(t *testing.T) { test(t, newHarness(t)) })
	}
}

func testDescription(t *testing.T, h Harness) {
	c := h.Connector
	if c.Name == "" || strings.ContainsAny(c.Name, ".*> ") || c.DisplayName == "" {
		t.Errorf("name %q, display name %q: the name is a token of subjects", c.Name, c.DisplayName)
	}
	if missing := c.Needs.Missing(c.DefaultScopes); len(missing) > 0 {
		t.Errorf("the default scopes lack %v", missing)
	}
	if needs := provider.NeedsOf(c.Sources); !reflect.DeepEqual(c.Needs, needs) {
		t.Errorf("the descriptor says that it needs %+v, the sources say %+v", c.Needs, needs)
	}
	if len(c.BudgetsOf(provider.OfAccount)) == 0 {
		t.Error("an account needs a budget")
	}
	if !slices.Contains(c.Capabilities, provider.CapabilityActivities) {
		t.Errorf("capabilities are %v", c.Capabilities)
	}
	canGet := slices.ContainsFunc(c.Sources, func(s provider.Source) bool { return s.Get != nil })
	if says := slices.Contains(c.Capabilities, provider.CapabilityGetByID); says != canGet {
		t.Errorf("says it gets by id: %t; does: %t", says, canGet)
	}
}
