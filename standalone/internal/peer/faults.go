package peer

// Fault is one of Open Wearables that clients know, with how it is here.
type Fault struct {
	There string
	Here  string
	Tests []string // that show it
}

// Faults are those that were read in its code or in its issues.
func Faults() []Fault {
	return []Fault{
		{"A sync that fails leaves a hole: the next one begins where the failed one would have ended.",
			"A window is asked for until it was read, also over crashes, and longer than any outage.",
			[]string{"TestAScanReadsWhatTheFirstSyncCouldNot", "TestAWindowGoesOnWhereItStood", "TestAnInstallationThatStoodStillClosesItsGap", "TestFaultMatrix"}},
		{"Edits at the provider are not seen after the first reading.",
			"What was read is read again, and each change is a new version beside the old one.",
			[]string{"TestARescanPublishesOnlyWhatChanged", "TestTheDeepScanFindsWhatWasWrittenBack", "TestGoogleExercisesArriveAndStayRight"}},
		{"Deletions at the provider are not seen, and no webhook tells of one.",
			"A record that two complete readings miss is removed, and the removal is an event.",
			[]string{"TestARecordThatTwoPassesMissIsRemoved", "TestRemovalsFollowTheTruth", "TestAListThatIsSuddenlyEmptyRemovesNothing"}},
		{"A list filters by the end of a workout: one that runs past `end_date` is in no span.",
			"Only the start counts: every workout is in exactly one of two spans that touch.",
			[]string{"TestAWorkoutThatRunsPastTheEndOfTheSpanIsListed", "TestListWorkoutsFilters"}},
		{"A zero is written as null: a distance or energy of 0 cannot be told from none.",
			"Unknown is null, and zero is 0.",
			[]string{"TestAbsentIsNullAndZeroIsZero", "TestZeroAndAbsentStayApart", "TestZerosAndSpeedsOfRows"}},
		{"The page is cut before the better source is chosen, so it may be short and `has_more` wrong.",
			"What is hidden as a duplicate is settled before any page is cut.",
			[]string{"TestPagesHideDuplicatesUnlessAsked", "TestTheSameHistoryAtTwoProvidersIsShownOnce"}},
		{"Fitbit's activity Weights (2131) is stored as `running`, and 1071, an outdoor ride, as `hiking`.",
			"Each id is the activity that Fitbit's list has under it.",
			[]string{"TestTypesThatOthersConfuse", "TestEveryKnownActivityIDIsMapped", "TestWordsOfOpenWearablesStandForSeveralTypes"}},
		{"The same record written again replaces the earlier one; what the provider sent is gone.",
			"Every version stays, with the provider's bytes.",
			[]string{"TestRawIsWhatTheProviderSent", "TestRecordsAreKeptByteForByte", "TestWorkoutRecord"}},
		{"A changed record is announced under the same key and dropped as a repetition.",
			"A change is an event of its own; a consumer that keeps the highest version is right.",
			[]string{"TestKeepingTheHighestVersionIsRight", "TestAnAnnouncementHoldsTheWholeWorkout"}},
		{"The dates of a sync were ignored for Strava, Oura, WHOOP and Fitbit (issue 770): 5 workouts in place of 237.",
			"A requested window is read as asked; what a parameter does not do is said in the answer.",
			[]string{"TestARequestedWindowIsReadAsAsked", "TestASyncTakesTheParametersOfOpenWearables"}},
		{"A time without an offset, and a day, are UTC's for everybody.",
			"They are the person's own.",
			[]string{"TestListWorkoutsReadsEveryFormOfTime", "TestAWorkoutLateInTheEveningIsFoundByItsOwnDay"}},
		{"Each page counts all rows again (until September 2026).",
			"The total is counted once and carried by the cursor.",
			[]string{"TestTheTotalIsCountedOnce"}},
		{"A person who does not exist has an empty list.",
			"404.",
			[]string{"TestBadInputIsRefusedAndNothingIsStored"}},
		{"A mistyped parameter does nothing, and the list looks right.",
			"400, with the parameter's name.",
			[]string{"TestBadInputIsRefusedAndNothingIsStored", "TestIgnoredParametersAreAClosedTable", "TestUnknownFilterValuesAreNamed"}},
	}
}
