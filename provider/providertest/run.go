package providertest

import (
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
	if missing := c.MissingScopes(c.DefaultScopes); len(missing) > 0 {
		t.Errorf("the default scopes lack %v", missing)
	}
	if c.HashVersion < 1 || c.Budget.Requests < 1 || c.Budget.Per <= 0 {
		t.Errorf("hash version %d and budget %+v must be set", c.HashVersion, c.Budget)
	}
	if !slices.Contains(c.Capabilities, provider.CapabilityActivities) {
		t.Errorf("capabilities are %v", c.Capabilities)
	}
	_, canGet := c.Fetcher.(provider.Getter)
	if says := slices.Contains(c.Capabilities, provider.CapabilityGetByID); says != canGet {
		t.Errorf("says it gets by id: %t; does: %t", says, canGet)
	}
}
