package fitbit

import "github.com/stridelog/stridelog/provider/simulator/consentpage"

// allScopes is the official list, with what each opens.
func allScopes() consentpage.Scopes {
	list := consentpage.Scopes{
		{Value: "activity", Label: "Workouts, steps and other activity"},
		{Value: "cardio_fitness", Label: "Cardio fitness (VO2 max)"},
		{Value: "electrocardiogram", Label: "Electrocardiograms (ECG)"},
		{Value: "heartrate", Label: "Heart rate"},
		{Value: "irregular_rhythm_notifications", Label: "Notifications of an irregular heart rhythm"},
		{Value: "location", Label: "Routes of workouts and other places"},
		{Value: "nutrition", Label: "Food and water"},
		{Value: "oxygen_saturation", Label: "Oxygen in the blood (SpO2)"},
		{Value: "profile", Label: "Profile, such as name, date of birth and height"},
		{Value: "respiratory_rate", Label: "Breathing rate"},
		{Value: "settings", Label: "Settings and devices"},
		{Value: "sleep", Label: "Sleep"},
		{Value: "social", Label: "Friends"},
		{Value: "temperature", Label: "Skin and body temperature"},
		{Value: "weight", Label: "Weight and body fat"},
	}
	for i := range list {
		list[i].Word = list[i].Value
	}
	return list
}

func knownScopes() []string { return allScopes().Values() }
