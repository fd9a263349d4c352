package events

// What each type must say. Words of open lists (a status, a reason, a trigger, an
// origin) are not compared with those that this program knows: a later one may add
// some.

func (a *ConnectionActivated) check(c *check) {
	c.person(a.UserID, a.Provider)
	c.id("connection_id", a.ConnectionID)
	c.optionalText("provider_account_id", a.ProviderAccountID)
	for _, s := range a.Scopes {
		c.optionalText("scopes", s)
	}
	c.at("activated_at", a.ActivatedAt)
}

func (s *ConnectionStatusChanged) check(c *check) {
	c.person(s.UserID, s.Provider)
	c.id("connection_id", s.ConnectionID)
	c.text("status", string(s.Status))
	c.optionalText("previous", string(s.Previous))
	c.optionalText("reason", s.Reason)
	c.optionalText("next_action", s.NextAction)
	c.at("since", s.Since)
	if s.Until != nil {
		c.at("until", *s.Until)
	}
}

func (r *ConnectionRevoked) check(c *check) {
	c.person(r.UserID, r.Provider)
	c.id("connection_id", r.ConnectionID)
	c.text("by", r.By)
	c.at("revoked_at", r.RevokedAt)
}

func (w Window) check(c *check, name string) {
	c.at(name+".from", w.From)
	c.at(name+".to", w.To)
}

func (s *SyncRequested) check(c *check) {
	c.person(s.UserID, s.Provider)
	c.id("sync_id", s.SyncID)
	c.optionalID("connection_id", s.ConnectionID)
	s.Window.check(c, "window")
	for _, id := range s.Suspects {
		c.text("suspects", id)
	}
	c.text("trigger", s.Trigger)
	for _, kind := range s.Kinds {
		c.kindName("kinds", kind)
	}
	c.at("requested_at", s.RequestedAt)
	if s.NotBefore != nil {
		c.at("not_before", *s.NotBefore)
	}
}

func (e *SyncError) check(c *check, name string) {
	if e == nil {
		return
	}
	c.text(name+".code", e.Code)
	c.optionalText(name+".detail", e.Detail)
}

func (s *SyncFinished) check(c *check) {
	c.person(s.UserID, s.Provider)
	c.id("sync_id", s.SyncID)
	c.optionalID("connection_id", s.ConnectionID)
	c.text("trigger", s.Trigger)
	s.Window.check(c, "window")
	if s.Covered != nil {
		s.Covered.check(c, "covered")
	}
	c.text("status", string(s.Status))
	if s.NotBefore != nil {
		c.at("not_before", *s.NotBefore)
	}
	s.Error.check(c, "error")
	for _, k := range s.Kinds {
		c.kindName("kinds.kind", k.Kind)
		c.text("kinds.status", string(k.Status))
		k.Error.check(c, "kinds.error")
	}
	c.at("requested_at", s.RequestedAt)
	c.at("finished_at", s.FinishedAt)
	if s.Report < 0 {
		c.fail("report is negative")
	}
}

func (a *ActivityFetched) check(c *check) {
	c.person(a.UserID, a.Provider)
	c.optionalID("connection_id", a.ConnectionID)
	c.optionalID("sync_id", a.SyncID)
	c.optionalID("import_id", a.ImportID)
	c.optionalText("provider_account_id", a.ProviderAccountID)
	c.text("external_id", a.ExternalID)
	for _, alias := range a.Aliases {
		c.text("aliases", alias)
	}
	c.optionalText("slot", a.Slot)
	c.parent("file", a.File)
	c.optionalText("door", a.Door)
	c.optionalText("identity_zone", a.IdentityZone)
	c.text("format", a.Format)
	c.text("content_hash", a.ContentHash)
	if a.HashVersion < 0 || a.Part < 0 {
		c.fail("hash_version or part is negative")
	}
	if a.ListedAt != nil {
		c.at("listed_at", *a.ListedAt)
	}
	c.sequence("replaces_sequence", a.ReplacesSequence)
	c.text("origin", string(a.Origin))
	c.at("fetched_at", a.FetchedAt)
}

func (a *ActivityRemoved) check(c *check) {
	c.person(a.UserID, a.Provider)
	c.optionalID("connection_id", a.ConnectionID)
	c.optionalID("sync_id", a.SyncID)
	c.optionalID("import_id", a.ImportID)
	c.text("external_id", a.ExternalID)
	c.sequence("replaces_sequence", a.ReplacesSequence)
	c.text("origin", string(a.Origin))
	c.text("proof", a.Proof)
	c.at("removed_at", a.RemovedAt)
}

func (x *ContextFetched) check(c *check) {
	c.person(x.UserID, x.Provider)
	c.optionalText("external_id", x.ExternalID)
	c.text("origin", string(x.Origin))
	c.at("fetched_at", x.FetchedAt)
}

func (r *RouteFetched) check(c *check) {
	c.person(r.UserID, r.Provider)
	c.optionalID("connection_id", r.ConnectionID)
	c.optionalID("import_id", r.ImportID)
	c.optionalText("provider_account_id", r.ProviderAccountID)
	c.text("external_id", r.ExternalID)
	c.text("format", r.Format)
	c.text("content_hash", r.ContentHash)
	c.sequence("activity_sequence", r.ActivitySequence)
	c.optionalText("origin", string(r.Origin))
	c.at("fetched_at", r.FetchedAt)
	if len(r.RawGzip) == 0 {
		c.fail("raw_gzip is missing")
	}
}

func (w *WorkoutRecorded) check(c *check) { w.checkChange(c, true) }
func (w *WorkoutUpdated) check(c *check)  { w.checkChange(c, true) }
func (w *WorkoutRemoved) check(c *check)  { w.checkChange(c, false) }

func (w *WorkoutChange) checkChange(c *check, exists bool) {
	c.person(w.UserID, w.Provider)
	c.id("workout_id", w.WorkoutID)
	c.text("external_id", w.ExternalID)
	if w.Version == 0 {
		c.fail("version is missing")
	}
	c.sequence("version", w.Version)
	c.text("fact_id", w.FactID)
	c.at("at", w.At)
	switch {
	case !exists && w.Workout != nil:
		c.fail("workout is there, though it was removed")
	case exists && w.Workout == nil:
		c.fail("workout is missing")
	case exists:
		w.Workout.checkWorkout(c, w)
	}
}

// checkWorkout compares the workout with what is said about it outside.
func (w *Workout) checkWorkout(c *check, of *WorkoutChange) {
	if w.ID != of.WorkoutID || w.UserID != of.UserID || w.ExternalID != of.ExternalID {
		c.fail("workout is another than the event is about")
	}
	c.text("workout.type", w.Type)
	c.text("workout.category", w.Category)
	c.at("workout.start_time", w.StartTime)
	c.at("workout.end_time", w.EndTime)
}

func (u *UserErased) check(c *check) {
	c.id("erasure_id", u.ErasureID)
	if u.ErasureID != c.event.UserID || c.event.Provider != NoProvider {
		c.fail("erasure_id is not that of the subject")
	}
	c.at("erased_at", u.ErasedAt)
}

func (w *WorkoutLinked) check(c *check) {
	c.person(w.UserID, w.Provider)
	c.id("workout_id", w.WorkoutID)
	if w.DuplicateOf != nil {
		c.id("duplicate_of", *w.DuplicateOf)
	}
	if w.LinkVersion == 0 {
		c.fail("link_version is missing")
	}
	c.sequence("link_version", w.LinkVersion)
}
