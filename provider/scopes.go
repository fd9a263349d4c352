package provider

import "slices"

// Need is what a source needs of a consent, as it is known without a configuration.
type Need struct {
	Source, Kind string
	Scopes       []string
	Attaches     string // as of Source
}

// Needs are those of all sources of a provider.
type Needs []Need

// NeedsOf are the needs of sources.
func NeedsOf(sources []Source) Needs {
	needs := make(Needs, 0, len(sources))
	for _, s := range sources {
		needs = append(needs, Need{Source: s.Name, Kind: s.Kind, Scopes: s.Scopes, Attaches: s.Attaches})
	}
	return needs
}

// OfKind are the scopes without which nothing of a kind can be read.
func (n Needs) OfKind(kind string) []string {
	var scopes []string
	for _, need := range n {
		if need.Kind == kind {
			scopes = union(scopes, need.Scopes)
		}
	}
	return scopes
}

// Required are the scopes of all sources but attachments, which are nothing without
// the records that they belong to.
func (n Needs) Required() []string {
	var scopes []string
	for _, need := range n {
		if need.Attaches == "" {
			scopes = union(scopes, need.Scopes)
		}
	}
	return scopes
}

// Missing are the scopes for which some source rests.
func (n Needs) Missing(granted []string) []string {
	var missing []string
	for _, need := range n {
		missing = union(missing, lacking(need.Scopes, granted))
	}
	return missing
}

// Barring are the scopes to ask for where no source is left that can be read; none
// where one is left. Attachments alone are none.
func (n Needs) Barring(granted []string) []string {
	var missing []string
	for _, need := range n {
		if need.Attaches != "" {
			continue
		}
		lacks := lacking(need.Scopes, granted)
		if len(lacks) == 0 {
			return nil
		}
		missing = union(missing, lacks)
	}
	return missing
}

// lacking are the scopes that were not granted.
func lacking(scopes, granted []string) []string {
	var missing []string
	for _, s := range scopes {
		if !slices.Contains(granted, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

func union(scopes, more []string) []string {
	for _, s := range more {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}
